//! Server mode: the same engine, with people, roles, a policy and pages on top.
//!
//! [`site`] opens the server's database and certificate and makes the routes; the engine lets browsers in to them at the
//! same port that peers use. Every request passes the same steps (`router.rs`): the host name is one of ours, a change comes
//! from our own pages, the caller is found out (`caller.rs`), the decision is made and written down (`guard.rs`).
//!
//! Who owns what: the database owns people, sessions, policy and the audit log; the engine owns shares and swarms, so the
//! server is a peer that gives them to others too; the folders `uploads` and `shared` under the home folder hold what is
//! coming and what came, or the object store of `shared` holds it for several processes. Browsers' bytes go from disk to socket in the routes and never through the engine.
//!
//! Deliberately not here: what may be done (`access`), SQL (`store::central`), sockets and handshakes (`net`).

mod admin;
mod admission;
mod authority;
mod caller;
mod chain;
mod class_list;
mod config;
mod downloads;
mod fence;
mod follow;
mod guard;
mod indexing;
mod jobs;
mod keeping;
mod keyring;
mod metrics;
mod metrics_listener;
mod moving;
mod one_time_codes;
mod pages;
mod passwords;
mod policy_fields;
mod problem;
mod ranges;
mod readiness;
mod relay;
mod remembered;
mod router;
mod routes;
mod sealing;
mod serving;
mod settings;
mod setup_code;
mod shared;
mod speeds;
mod storage_config;
mod throttle;
mod tokens;
mod upload_locks;
mod validity;
mod witness;
mod zip_form;
mod zipping;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use admin::{
    Admin, AdminError, Change as PolicyChange, Explained, ImportedAs, ImportedPerson, LinkLine, Person, Reach, Storage,
};
pub use config::{BadConfig, Config, Lifetimes};
pub use keyring::share_keys;
pub use moving::{Index as CopyIndex, MoveError, export, import};
pub use settings::{Above, Chosen, Shown};
pub use setup_code::SetupCode;
pub use storage_config::ObjectStorage;

use crate::{
    access::{Policy, SignedPolicy},
    engine::{At, Handle, Shelf, SiteDoors, command::ForGroups},
    net::{identity::Identity, listen::Browsers},
    share::Signature,
    store::central::{Central, CentralError, Place},
};

/// What all routes share.
pub(crate) struct Server {
    pub central: Central,
    pub policy: watch::Sender<Arc<Policy>>,
    pub identity: Arc<Identity>,
    pub engine: Handle,
    pub shelf: Shelf,
    pub chain: crate::chain::Chain,
    pub config: Config,
    pub settings: watch::Sender<Arc<settings::Settings>>,
    pub metrics: metrics::Metrics,
    pub connections: crate::net::listen::Gauge,
    pub hashing: passwords::Hashing,
    /// Signs the cookies of browsers that people signed in with before.
    pub secret: [u8; 32],
    pub cookies: caller::Cookies,
    pub refusals: guard::Refusals,
    pub downloads: Arc<downloads::Downloads>,
    /// Uploads that are being read in; each reading takes all cores.
    pub sealing: Semaphore,
    pub writing: upload_locks::UploadLocks,
    pub speeds: speeds::Speeds,
    /// What computers of the room are handing over.
    pub publications: routes::publications::Publications,
    pub keeping: keeping::Keeping,
    /// `None`: the bytes lie on the disk.
    pub shared: Option<shared::Shared>,
    pub authority: authority::Authority,
    pub readiness: readiness::Readiness,
    pub started_s: i64,
    pub tracker: TaskTracker,
    pub cancel: CancellationToken,
    /// Rules for computers are read one after the other, so that older ones never come last.
    pub admitting: tokio::sync::Mutex<()>,
}

/// Why a server can't start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}")]
    Central(#[from] CentralError),
    #[error("{} can't be made or written: {reason}; keep the home folder where the server may write", path.display())]
    Folder { path: PathBuf, reason: String },
    #[error("The server's certificate can't be used: {0}")]
    Certificate(String),
    #[error("Figures can't be told at {address} ({reason}); change metrics.listen in server.toml")]
    Metrics { address: std::net::SocketAddr, reason: String },
    #[error("The server's keys can't be used: {0}")]
    Keys(String),
    #[error("The server's storage can't be used: {0}")]
    Storage(String),
    #[error("The policy in the server's database can't be used: {0}. Bring back a backup of the database")]
    Policy(String),
}

/// What whoever starts a server is told.
#[derive(Default)]
pub struct Told {
    /// The code with which the first administrator signs up, if there is nobody yet.
    pub code: Option<SetupCode>,
    /// Where `/metrics` is answered.
    pub metrics: Option<std::net::SocketAddr>,
}

/// Opens everything and makes the routes.
pub async fn site(config: Config, at: At, told: impl FnOnce(Told) + Send) -> Result<SiteDoors, ServerError> {
    for folder in [config.uploads(), config.shared()] {
        make_private(&folder).map_err(|error| ServerError::Folder { path: folder, reason: error.to_string() })?;
    }
    let central = Central::open(&config.database).await?;
    keyring::claim(&central, &at.identity).await?;
    let shared = shared::open(&config).await?;
    let policy = load_policy(&central, &at.identity).await?;
    let authority = authority::Authority::open(&config, at.bound)?;
    let tls = authority.tls();
    let secret = tokens::stored_secret(&central).await?;
    let policy = watch::Sender::new(Arc::new(policy));
    let settings = settings::Settings::of(&config, &Chosen::load(&central).await?);
    let settings = watch::Sender::new(Arc::new(settings));
    let keeping = keeping::Keeping {
        central: central.clone(),
        shelf: at.shelf.clone(),
        engine: at.handle.clone(),
        settings: settings.subscribe(),
        home: config.home.clone(),
        folder: config.shared(),
        has_common_storage: shared.is_some(),
        uses: Arc::default(),
        one_by_one: Arc::default(),
    };
    let chain = chain::start(&keeping, &config, &settings, &at, policy.subscribe());
    let figures = metrics_listener::bind(config.metrics).await?;
    let peers_of_chain = chain.peer_routes();
    let server = Arc::new(Server {
        central,
        policy,
        chain,
        cookies: caller::Cookies::of(at.identity.id()),
        identity: at.identity,
        engine: at.handle,
        shelf: at.shelf,
        hashing: passwords::Hashing::default(),
        secret,
        refusals: guard::Refusals::default(),
        downloads: Arc::default(),
        sealing: Semaphore::new(1),
        writing: upload_locks::UploadLocks::default(),
        speeds: speeds::Speeds::default(),
        settings,
        metrics: metrics::Metrics::new(),
        connections: at.connections,
        publications: routes::publications::Publications::default(),
        keeping,
        shared,
        authority,
        readiness: readiness::Readiness::default(),
        started_s: now_s(),
        tracker: at.tracker,
        cancel: at.cancel,
        admitting: tokio::sync::Mutex::default(),
        config,
    });
    server.admit().await?;
    let metrics = figures.as_ref().and_then(|listener| listener.local_addr().ok());
    told(Told { code: setup_code::make(&server).await?, metrics });
    if let Some(listener) = figures {
        server.tracker.spawn(metrics_listener::serve(listener, server.clone()));
    }
    jobs::start(&server);
    let (pages, peers) = router::routers(server);
    Ok(SiteDoors { browsers: Browsers { tls, router: pages }, peers: peers.merge(peers_of_chain) })
}

/// Tries out what a configuration names, as serving does: the certificate is read and looked at, the database is opened and
/// must be this server's, and an object is written to the storage, read, listed and deleted. Returns what works and is
/// worth knowing, a sentence each.
pub async fn try_out(config: &Config) -> Result<Vec<String>, ServerError> {
    let left_out = authority::try_out(config, now_s())?;
    let said = match &config.certificate {
        Some(_) => "tls.certificate is not for these, so browsers that come by them are warned",
        None => authority::OUTSIDE,
    };
    let names = left_out.into_iter().collect::<Vec<_>>().join(", ");
    let remarks = if names.is_empty() { vec![] } else { vec![format!("names: {names}: {said}.")] };
    // A database file that is not there yet is not made for a trial, and neither is a key.
    if !matches!(&config.database, Place::Sqlite(path) if !path.exists()) {
        let central = Central::open(&config.database).await?;
        let identity = Identity::load(&config.home).map_err(|error| ServerError::Keys(error.to_string()))?;
        if let Some(identity) = identity.filter(|_| config.cluster_secret.is_none()) {
            keyring::belongs(&central, &identity).await?;
            load_policy(&central, &identity).await?;
        }
        central.close().await;
    }
    if let Some(storage) = &config.objects {
        let tried = shared::objects_of(storage)?.try_out().await;
        tried.map_err(|error| ServerError::Storage(error.to_string()))?;
    }
    Ok(remarks)
}

impl Server {
    /// The rules that hold now.
    pub fn policy(&self) -> Arc<Policy> {
        self.policy.borrow().clone()
    }

    /// Groups as peers know them: this server says who is in them.
    pub fn for_groups(&self, groups: &std::collections::BTreeSet<crate::access::GroupId>) -> ForGroups {
        ForGroups { server: self.identity.id(), groups: groups.clone(), keep: false }
    }

    /// Signs a changed policy as the next version, writes it down with its entry in the log, and lets it hold.
    pub async fn change_policy(
        &self,
        permit: crate::access::Permit,
        note: &crate::store::central::Note<'_>,
        mut policy: Policy,
    ) -> Result<(), problem::Problem> {
        // What is to be changed was read from here; another process may have changed it a moment ago.
        if self.central.policy_version().await? > self.policy().version {
            jobs::take_newer_policy(self).await?;
            return Err(problem::Problem::conflict("The policy was changed meanwhile. Look at it again."));
        }
        policy.version = self.policy().version + 1;
        policy.issued_s = now_s();
        let signed =
            sign_policy(&policy, &self.identity).map_err(|error| problem::Problem::invalid(error.to_string()))?;
        let mut change = self.central.change(permit, note).await?;
        change.add_policy(policy.version, signed.to_wire(), policy.issued_s).await?;
        change.commit().await?;
        self.policy.send_replace(Arc::new(policy));
        self.admit().await?;
        Ok(())
    }
}

fn sign_policy(policy: &Policy, identity: &Identity) -> Result<SignedPolicy, crate::access::PolicyError> {
    SignedPolicy::sign(policy, identity.public_key(), |message| -> Signature { identity.sign(message) })
}

/// The newest policy of the database. One that was signed with another key is not taken: somebody changed it.
async fn load_policy(central: &Central, identity: &Identity) -> Result<Policy, ServerError> {
    match central.policy_document().await? {
        None => Ok(Policy::default()),
        Some(document) => {
            let signed = SignedPolicy::parse(&document, identity.public_key());
            signed.map(|signed| signed.policy().clone()).map_err(|error| ServerError::Policy(error.to_string()))
        }
    }
}

/// A folder for this user alone.
fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Entries of the audit log as CSV (RFC 4180), harmless in spreadsheets.
pub fn audit_csv(entries: &[crate::store::central::AuditEntry], titles: bool) -> std::io::Result<Vec<u8>> {
    routes::audit::csv_of(entries, titles)
}

/// Seconds since 1970.
pub(crate) fn now_s() -> i64 {
    now_ms() / 1_000
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
