//! The server's certificate: the administrator's, or one of a small authority of our own.
//!
//! No public authority certifies a computer in a school's network, so the server makes its own: it can only certify names
//! and addresses that exist inside a network (RFC 5280 §4.2.1.10), and its certificate can be given to the room's
//! computers. The server's certificate lasts 90 days and is renewed a month before, or when the server's addresses change.
//!
//! Invariants:
//! - Validity has two ends, and both are looked at, each minute: what was made while the clock was wrong is made anew when
//!   the clock is right.
//! - The authority's key stays. Its certificate is made anew two years before its end, or where the clock says that it does
//!   not hold; who trusts the old one trusts what the key signs until that one ends.
//! - One name outside the authority's limits would spoil the certificate for all, so each is tried before it is written in,
//!   and [`Authority::left_out`] says which need a certificate of the administrator's.

mod issuing;

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use time::OffsetDateTime;
use tokio::sync::watch;

use self::issuing::{failed, issue_if_due, issued, permitted_names};
pub(super) use self::issuing::{install, own};
use super::{Config, ServerError, now_s, validity::Validity};
use crate::net::{interfaces::reachable_at, tls::SiteTls};

/// Who certifies the server, and the TLS that follows.
pub(crate) struct Authority {
    folder: PathBuf,
    /// Names under which browsers come.
    names: Vec<String>,
    bound: SocketAddr,
    /// `None`: the certificate is the administrator's.
    own: bool,
    /// The administrator's certificate and its key.
    given: Option<(PathBuf, PathBuf)>,
    /// What was read of it last, good or not.
    read: Mutex<Option<(String, String)>>,
    tls: watch::Sender<Arc<SiteTls>>,
}

/// Until when certificates hold, in seconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub certificate: Option<Validity>,
    pub authority: Option<Validity>,
}

impl Authority {
    /// Takes the administrator's certificate, or makes what is missing of our own.
    pub fn open(config: &Config, bound: SocketAddr) -> Result<Authority, ServerError> {
        let names = names(config);
        let folder = config.tls();
        let given = config.certificate.clone();
        let tls = match &given {
            Some((certificate, key)) => read_tls(certificate, key)?,
            None => {
                super::make_private(&folder).map_err(|error| failed(&folder, &error))?;
                issue_if_due(&folder, &names, bound, OffsetDateTime::now_utc())?;
                read_tls(&folder.join("server.pem"), &folder.join("server.key"))?
            }
        };
        let read = Mutex::new(given.as_ref().map(|(certificate, key)| texts(certificate, key)));
        let own = given.is_none();
        let authority = Authority { folder, names, bound, own, given, read, tls: watch::Sender::new(Arc::new(tls)) };
        authority.say_what_is_wrong();
        Ok(authority)
    }

    pub fn tls(&self) -> watch::Receiver<Arc<SiteTls>> {
        self.tls.subscribe()
    }

    /// Renews the certificate when it is time, or takes the administrator's in when its file is another. Tells whether it
    /// did.
    pub fn renew(&self) -> Result<bool, ServerError> {
        let tls = match &self.given {
            Some((certificate, key)) => {
                let texts = texts(certificate, key);
                let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                if read.as_ref() == Some(&texts) {
                    return Ok(false);
                }
                // What can't be used is told once, and the one before goes on holding.
                *read = Some(texts);
                read_tls(certificate, key)?
            }
            None if !issue_if_due(&self.folder, &self.names, self.bound, OffsetDateTime::now_utc())? => {
                return Ok(false);
            }
            None => read_tls(&self.folder.join("server.pem"), &self.folder.join("server.key"))?,
        };
        self.tls.send_replace(Arc::new(tls));
        self.say_what_is_wrong();
        Ok(true)
    }

    /// Until when the certificates hold.
    pub fn ends(&self) -> Ends {
        let of = |path: &Path| CertificateDer::from_pem_file(path).ok().and_then(|der| Validity::of(&der));
        match &self.given {
            Some((certificate, _)) => Ends { certificate: of(certificate), authority: None },
            None => Ends {
                certificate: of(&self.folder.join("server.pem")),
                authority: of(&self.folder.join("authority.pem")),
            },
        }
    }

    /// The server's own names and addresses for which browsers are shown a certificate that is not good for them.
    pub fn left_out(&self) -> BTreeSet<String> {
        match &self.given {
            Some((certificate, _)) => not_named(certificate, &self.names),
            None => issued(&self.folder).and_then(|issued| issued.left_out).unwrap_or_default(),
        }
    }

    fn say_what_is_wrong(&self) {
        let left_out = self.left_out().into_iter().collect::<Vec<_>>().join(", ");
        if self.own && !left_out.is_empty() {
            tracing::warn!("{left_out}: {OUTSIDE}");
        }
        if self.ends().certificate.is_some_and(|validity| !validity.holds(now_s())) {
            tracing::error!(
                "the server's certificate does not hold at this moment: browsers refuse it; is the clock right?"
            );
        }
    }

    /// The authority's certificate as PEM, for the room's computers to trust.
    pub fn certificate(&self) -> Option<String> {
        self.own.then(|| fs::read_to_string(self.folder.join("authority.pem")).ok()).flatten()
    }

    /// SHA-256 of the authority's certificate, as browsers show it.
    pub fn fingerprint(&self) -> Option<String> {
        let der = CertificateDer::from_pem_slice(self.certificate()?.as_bytes()).ok()?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
        let pairs: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Some(pairs.join(":"))
    }

    /// Whether a request's host is one of ours. Addresses are: only names can be turned to another address behind a
    /// browser's back (DNS rebinding).
    pub fn knows_host(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(""),
            None => host.rsplit_once(':').map_or(host, |(name, _)| name),
        };
        let name = name.trim_end_matches('.').to_lowercase();
        name.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }

    /// The address to show people, best first.
    pub fn addresses(&self) -> Vec<String> {
        let port = self.bound.port();
        let suffix = if port == 443 { String::new() } else { format!(":{port}") };
        let reachable = reachable_at(self.bound);
        let ips = reachable.iter().filter(|address| !is_link_local(address.ip())).map(|address| match address.ip() {
            IpAddr::V4(ip) => format!("https://{ip}{suffix}"),
            IpAddr::V6(ip) => format!("https://[{ip}]{suffix}"),
        });
        // A phone may know no names of mDNS, so these come last.
        let (mdns, given): (Vec<_>, Vec<_>) =
            self.names.iter().filter(|name| name.contains('.')).partition(|name| name.ends_with(".local"));
        let named = |name: &String| format!("https://{name}{suffix}");
        given.into_iter().map(named).chain(ips).chain(mdns.into_iter().map(named)).collect()
    }
}

/// Our own names: those of the configuration, the computer's, and what it is called by mDNS.
fn names(config: &Config) -> Vec<String> {
    let mut names = config.names.clone();
    let own = gethostname::gethostname().to_string_lossy().to_lowercase();
    let own = own.trim_end_matches(".local");
    let valid = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.".contains(letter))
    };
    if valid(own) {
        let short = own.split('.').next().unwrap_or(own);
        names.extend([own.to_owned(), format!("{short}.local")]);
    }
    names.push("localhost".to_owned());
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Why a name has no certificate.
pub(super) const OUTSIDE: &str = "the server's own authority may certify only names and addresses inside a network, so \
     browsers that come by these are warned; they need a certificate of their own (tls.certificate)";

/// What of the configuration can't be certified: names that the administrator's certificate does not have, or that the
/// server's own authority may not have. For a trial, before there is an authority.
pub(super) fn try_out(config: &Config, now_s: i64) -> Result<BTreeSet<String>, ServerError> {
    let Some((certificate, key)) = &config.certificate else {
        let within = permitted_names();
        let inside = |name: &String| within.iter().any(|end| name == end || name.ends_with(&format!(".{end}")));
        return Ok(config.names.iter().filter(|name| !inside(name)).cloned().collect());
    };
    read_tls(certificate, key)?;
    let validity = CertificateDer::from_pem_file(certificate).ok().and_then(|der| Validity::of(&der));
    let wrong = match validity {
        Some(validity) if validity.holds(now_s) => return Ok(not_named(certificate, &config.names)),
        Some(validity) if validity.until_s < now_s => {
            format!("{} ended on {}", certificate.display(), super::pages::date(validity.until_s))
        }
        Some(validity) => {
            let from = super::pages::date(validity.from_s);
            format!("{} does not hold before {from}; or this computer's clock is wrong", certificate.display())
        }
        None => format!("{} does not say from when to when it holds", certificate.display()),
    };
    Err(ServerError::Certificate(wrong))
}

/// Names that a certificate is not good for.
fn not_named(certificate: &Path, names: &[String]) -> BTreeSet<String> {
    let Ok(der) = CertificateDer::from_pem_file(certificate) else { return BTreeSet::new() };
    let Ok(parsed) = rustls::server::ParsedCertificate::try_from(&der) else { return BTreeSet::new() };
    let good = |name: &String| {
        ServerName::try_from(name.as_str()).is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
    };
    names.iter().filter(|name| !good(name)).cloned().collect()
}

fn texts(certificate: &Path, key: &Path) -> (String, String) {
    (fs::read_to_string(certificate).unwrap_or_default(), fs::read_to_string(key).unwrap_or_default())
}

fn read_tls(certificate: &Path, key: &Path) -> Result<SiteTls, ServerError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        ServerError::Certificate(format!("{} can't be read: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|chain| chain.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    SiteTls::new(chain, key).map_err(|error| ServerError::Certificate(error.to_string()))
}
