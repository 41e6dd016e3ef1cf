//! Bringing the engine up, and down again.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    config::Config,
    event::Event,
    handle::Handle,
    lasting::Lasting,
    managed::{Kept, Management},
    peer_routes::{Routes, router},
    run::{Loop, clock},
    served::Served,
    shelf::Shelf,
    shell::Shell,
    state::{Origin, State},
    work,
};
use crate::{
    nearby,
    net::{
        call::Client,
        discovery::{self, Announcement, Discovery},
        identity::{self, Identity, IdentityError},
        interfaces::{self, reachable_at, subnets},
        listen::{self, DEFAULT_PORT, Listener},
        piece_stream::{ServeLimits, Serving},
        tls,
    },
    platform::{device_name::device_name, link::Link},
    share::PeerId,
    store::{Repair, Store},
};

/// The people's lane.
const COMMANDS_QUEUE: usize = 256;
/// The workers' lane.
const EVENTS_QUEUE: usize = 1_024;
/// Everything has this long to end.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// Addresses of this computer are looked at again this often, beside what discovery sees.
const ADDRESSES_EVERY: Duration = Duration::from_secs(15);

/// Makes the doors of a server, when the engine is there to be asked.
pub type Site = Box<dyn FnOnce(At) -> BoxFuture<'static, Result<SiteDoors, String>> + Send>;

/// What a server lets in beside peers that want pieces.
pub struct SiteDoors {
    pub browsers: listen::Browsers,
    /// What peers may ask of a server; whoever asks has proved a key.
    pub peers: axum::Router,
}

/// What a server stands on.
pub struct At {
    pub handle: Handle,
    pub shelf: Shelf,
    pub identity: Arc<Identity>,
    /// Where it listens.
    pub bound: SocketAddr,
    /// How many connections there are.
    pub connections: listen::Gauge,
    /// Tasks of the server's end with the engine.
    pub tracker: TaskTracker,
    pub cancel: CancellationToken,
}

/// A running engine: its handle, and the way to end it.
pub struct Engine {
    handle: Handle,
    cancel: CancellationToken,
    tracker: TaskTracker,
    runtime: Option<Runtime>,
}

/// Why the engine can't start; each says what happened to what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("Handout's threads can't be started: {0}. Close other programs and try again.")]
    Threads(std::io::Error),
    #[error("{0}")]
    Identity(#[from] IdentityError),
    #[error("{0}")]
    Store(String),
    #[error("{0}")]
    Listen(std::io::Error),
    #[error("{0}")]
    Site(String),
    #[error("This computer's key can't be used for TLS: {0}. Move identity.key away to get a new one.")]
    Tls(String),
}

impl Engine {
    /// Starts the engine on threads of its own, and returns when it answers. `wake` is called after each new snapshot.
    pub fn start(config: Config, wake: Arc<dyn Fn() + Send + Sync>) -> Result<Engine, StartError> {
        Engine::start_with(config, wake, None)
    }

    /// [`Engine::start`] as a server: browsers are let in, too, and get what `site` makes.
    pub fn start_server(config: Config, wake: Arc<dyn Fn() + Send + Sync>, site: Site) -> Result<Engine, StartError> {
        Engine::start_with(config, wake, Some(site))
    }

    fn start_with(config: Config, wake: Arc<dyn Fn() + Send + Sync>, site: Option<Site>) -> Result<Engine, StartError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("engine")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let started = runtime.block_on(start(config, wake, runtime.handle().clone(), site));
        let (handle, cancel, tracker) = started?;
        Ok(Engine { handle, cancel, tracker, runtime: Some(runtime) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Says goodbye, lets requests end, saves what is had; takes 5 s at most.
    pub fn shutdown(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        self.cancel.cancel();
        self.tracker.close();
        let tracker = self.tracker.clone();
        runtime.block_on(async {
            if tokio::time::timeout(SHUTDOWN, tracker.wait()).await.is_err() {
                tracing::warn!("some work did not end in time and was cut off");
            }
        });
        runtime.shutdown_timeout(Duration::from_millis(200));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

async fn start(
    mut config: Config,
    wake: Arc<dyn Fn() + Send + Sync>,
    runtime: tokio::runtime::Handle,
    site: Option<Site>,
) -> Result<(Handle, CancellationToken, TaskTracker), StartError> {
    let opened = Store::open(&config.home).await;
    let (store, repairs) = opened.map_err(|error| StartError::Store(format!("{error}. {}", error.hint())))?;
    let (identity, origin) = Identity::load_or_create(&config.home, config.machine_id.as_deref())?;
    let listener = Listener::bind(config.listen).map_err(StartError::Listen)?;
    let bound = listener.address();
    let instance = random_number();
    let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
    let (commands, commands_in) = mpsc::channel(COMMANDS_QUEUE);
    let (events, events_in) = mpsc::channel(EVENTS_QUEUE);
    let (facts, facts_in) = mpsc::channel(work::remember::QUEUE);
    if config.listen.is_none() && bound.port() != DEFAULT_PORT {
        tell_port(bound.port(), &events);
        config.name = told_apart(config.name, site.is_some());
    }
    // A server goes by its own policy, in its own way.
    let management = match site {
        Some(_) => Management::default(),
        None => Management { wished: config.managed.clone(), kept: Kept::of(&config.home) },
    };
    let mut state = State::new(origin_of(&config, identity.id(), instance, management, site.is_some()), clock());
    // Whoever sees the first picture may already pass on where we answer.
    let mut first = vec![];
    let listening = Event::Listening { addresses: reachable_at(bound), link: link(), subnets: subnets() };
    state.handle(clock(), listening, &mut first);
    let (vouched, time) = (state.vouched(), state.rules_time());
    let (pictures, snapshots) = watch::channel(Arc::new(state.picture(None)));
    let role = if site.is_some() { discovery::Role::Server } else { discovery::Role::Peer };
    let announcement = discover(&config, role, &identity, bound, instance, &events, &tracker, &cancel);
    let identity = Arc::new(identity);
    let (catalogues, imports) = Shell::places();
    let shell = Shell {
        client: Client::new((*identity).clone()).listening_at(bound.port()),
        identity: identity.clone(),
        store: Arc::new(store),
        served: Arc::new(Served::new(identity.id())),
        fetching: Arc::default(),
        announcement,
        events: events.clone(),
        facts,
        lasting: Lasting::default(),
        snapshots: snapshots.clone(),
        cancel: cancel.clone(),
        last_fact: CancellationToken::new(),
        tracker: tracker.clone(),
        catalogues,
        imports,
        server: site.is_some(),
    };
    match shell.server {
        // A server says itself who is in which group.
        true => shell.served.vouching.trust(Some(shell.identity.id())),
        false => shell.vouched(vouched.as_ref()),
    }
    shell.served.vouching.go_by(time);
    let handle = Handle::new(commands, snapshots, runtime).knowing(shell.lasting.clone());
    let doors = match site {
        Some(site) => {
            let (identity, shelf) = (shell.identity.clone(), Shelf::of(&shell));
            let (tracker, cancel) = (tracker.clone(), cancel.clone());
            let connections = listener.gauge();
            let at = At { handle: handle.clone(), shelf, identity, bound, connections, tracker, cancel };
            Some(site(at).await.map_err(StartError::Site)?)
        }
        None => None,
    };
    serve(&shell, listener, doors)?;
    tell_first(&shell, origin, &repairs).await;
    tracker.spawn(work::remember::write(shell.clone(), facts_in));
    tracker.spawn(watch_addresses(shell.clone(), bound));
    tracker.spawn(work::restore::restore(shell.clone()));
    let engine = Loop { state, shell, first, commands: commands_in, events: events_in, snapshots: pictures, wake };
    tracker.spawn(engine.run());
    Ok((handle, cancel, tracker))
}

/// Another account's Handout, or a server, has the port that firewalls know.
fn tell_port(port: u16, events: &mpsc::Sender<Event>) {
    tracing::warn!(
        port,
        usual = DEFAULT_PORT,
        "the usual port is taken by another program; others are answered at this one"
    );
    let failed = Event::Failed {
        what: format!("Others are answered at port {port}, because another program has port {DEFAULT_PORT}"),
        about: "another account's Handout on this computer, or a server".to_owned(),
        hint: format!(
            "Where a firewall lets only port {DEFAULT_PORT} in, others can't reach this one: let Handout in there by its \
             program, or give it a port of its own with --listen 0.0.0.0:PORT and let that one in."
        ),
    };
    events.try_send(failed).ok();
}

/// Two that run on one computer are not both called like it.
fn told_apart(name: String, server: bool) -> String {
    if name != device_name() {
        return name;
    }
    match directories::UserDirs::new()
        .and_then(|user| Some(user.home_dir().file_name()?.to_string_lossy().into_owned()))
    {
        _ if server => format!("{name} (server)"),
        Some(account) => format!("{name} ({account})"),
        None => name,
    }
}

fn origin_of(config: &Config, id: PeerId, instance: u64, management: Management, server: bool) -> Origin {
    Origin {
        id,
        name: config.name.clone(),
        home: config.home.clone(),
        downloads: config.downloads.clone(),
        discovery: config.discovery,
        typed: config.peers.clone(),
        traffic: config.traffic.clone(),
        management,
        server,
        seed: random_number(),
        instance,
    }
}

/// Answers other peers.
fn serve(shell: &Shell, listener: Listener, doors: Option<SiteDoors>) -> Result<(), StartError> {
    let config = tls::server_config(&shell.identity).map_err(|error| StartError::Tls(error.to_string()))?;
    let serving = Serving::new(ServeLimits::default(), shell.cancel.clone(), shell.tracker.clone());
    let mut router = router(Routes { shell: shell.clone(), serving });
    let (cancel, tracker) = (shell.cancel.clone(), shell.tracker.clone());
    let listener = listener.knowing(shell.client.acquainted());
    let (listener, limits) = match doors {
        Some(doors) => {
            router = router.merge(doors.peers);
            (listener.with_browsers(doors.browsers), listen::Limits::server())
        }
        None => (listener, listen::Limits::default()),
    };
    shell.tracker.spawn(listen::serve(listener, config, router, limits, cancel, tracker));
    Ok(())
}

/// Announces us and listens for others; where that is not possible, people are told, and typed addresses still work.
#[allow(clippy::too_many_arguments, reason = "each is told once, at the start")]
fn discover(
    config: &Config,
    role: discovery::Role,
    identity: &Identity,
    bound: SocketAddr,
    instance: u64,
    events: &mpsc::Sender<Event>,
    tracker: &TaskTracker,
    cancel: &CancellationToken,
) -> Option<Arc<watch::Sender<Announcement>>> {
    if !config.discovery {
        return None;
    }
    let announcement =
        Announcement { id: identity.id(), instance, name: config.name.clone(), role, port: bound.port(), catalogue: 0 };
    let (seen, seen_in) = mpsc::channel(256);
    match Discovery::start(announcement.clone(), seen) {
        Ok(daemon) => {
            tracker.spawn(hear(identity.id(), seen_in, events.clone(), cancel.clone()));
            let said = watch::Sender::new(announcement);
            tracker.spawn(work::announce::speak(daemon, said.subscribe(), cancel.clone()));
            Some(Arc::new(said))
        }
        Err(error) => {
            let failed = Event::Failed {
                what: format!("Others can't be found by themselves: {error}"),
                about: String::new(),
                hint: "Type the address of another computer, or open a link.".to_owned(),
            };
            events.try_send(failed).ok();
            None
        }
    }
}

/// Passes on who is seen.
async fn hear(
    me: PeerId,
    mut seen: mpsc::Receiver<discovery::Event>,
    events: mpsc::Sender<Event>,
    cancel: CancellationToken,
) {
    loop {
        let event = tokio::select! {
            Some(event) = seen.recv() => event,
            () = cancel.cancelled() => break,
        };
        let input = match event {
            discovery::Event::Seen(seen) => nearby::Input::Seen(nearby::Sighting {
                peer: seen.id,
                instance: Some(seen.instance),
                name: Some(seen.name),
                role: if seen.role == discovery::Role::Server { nearby::Role::Server } else { nearby::Role::Peer },
                addresses: seen.addresses,
                source: nearby::Source::Mdns,
                catalogue: Some(seen.catalogue),
            }),
            discovery::Event::Left { id } => nearby::Input::Goodbye { peer: id },
            // Nearby tells it from us by its other instance.
            discovery::Event::Twin { name, addresses } => nearby::Input::Seen(twin(me, name, addresses)),
        };
        events.send(Event::Around(input)).await.ok();
    }
}

/// Another program with our key.
fn twin(me: PeerId, name: String, addresses: Vec<SocketAddr>) -> nearby::Sighting {
    nearby::Sighting {
        peer: me,
        // Any number but ours: nearby compares it with the one of our start.
        instance: Some(0),
        name: Some(name),
        role: nearby::Role::Peer,
        addresses,
        source: nearby::Source::Mdns,
        catalogue: None,
    }
}

/// What is known before the first event of anybody else.
async fn tell_first(shell: &Shell, origin: identity::Origin, repairs: &[Repair]) {
    for repair in repairs {
        let hint = "Shares can be made and fetched again.".to_owned();
        shell.tell(Event::Failed { what: repair.to_string(), about: String::new(), hint }).await;
    }
    if origin == identity::Origin::ReplacedClone {
        let failed = Event::Failed {
            what: "This computer got an identity of its own, because the one on its disk belongs to another".to_owned(),
            about: String::new(),
            hint: "Nothing is to be done, if this computer's disk was copied from another's.".to_owned(),
        };
        shell.tell(failed).await;
    }
}

/// Interfaces come and go.
async fn watch_addresses(shell: Shell, bound: SocketAddr) {
    let mut known = (reachable_at(bound), link(), subnets());
    loop {
        tokio::select! {
            () = tokio::time::sleep(ADDRESSES_EVERY) => {}
            () = shell.cancel.cancelled() => return,
        }
        let now = (reachable_at(bound), link(), subnets());
        if now != known {
            known = now.clone();
            shell.tell(Event::Listening { addresses: now.0, link: now.1, subnets: now.2 }).await;
        }
    }
}

fn link() -> Link {
    Link::of(&interfaces::in_use())
}

fn random_number() -> u64 {
    let mut bytes = [0; 8];
    // Without the system's chance there is no TLS either, so this does not fail where the engine starts.
    aws_lc_rs::rand::fill(&mut bytes).ok();
    u64::from_le_bytes(bytes)
}
