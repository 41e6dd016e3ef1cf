//! `server.toml`: every key, what it does, and what holds where it is left out.
//!
//! A server needs none of it. A key that is not known, or a value that can't be used, keeps the server from starting and
//! is named with its line: an administrator who wrote it wants it to hold.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::storage_config::{ObjectStorage, Storage};
use crate::{chain::Upstream, share::PeerId, store::central::Place, wire::peer::presentable};

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Config {
    pub home: PathBuf,
    /// What people see as the server's name.
    pub name: Option<String>,
    pub listen: Option<SocketAddr>,
    pub discovery: Option<bool>,
    pub database: Place,
    /// Names under which browsers reach the server, beside its own.
    pub names: Vec<String>,
    /// A certificate of the administrator's, with its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    pub lifetimes: Lifetimes,
    /// At least so many bytes stay free on the disk.
    pub reserve_bytes: u64,
    /// The object store where all bytes lie; `None`: on this disk.
    pub objects: Option<ObjectStorage>,
    /// The secret with which the processes of one server share their keys.
    pub cluster_secret: Option<PathBuf>,
    /// The servers that are asked for what is not here, those to ask first first.
    pub upstreams: Vec<Upstream>,
    /// The servers that may ask this one.
    pub downstreams: BTreeSet<PeerId>,
    /// Where figures are told to whoever watches over servers.
    pub metrics: Metrics,
    /// The keys that the file gives: what an administrator chose in the pages does not count for them.
    pub fixed: BTreeSet<&'static str>,
}

/// Where `/metrics` is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    Off,
    /// At [`METRICS_PORT`] of this computer itself, if nobody else is there.
    Usual,
    At(SocketAddr),
}

/// The port of `/metrics` when nothing else is said: the one after the server's own.
pub const METRICS_PORT: u16 = 47_549;

/// How long things last, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A session that is not used.
    pub idle_s: i64,
    /// A session at all.
    pub session_s: i64,
    /// An upload that does not go on.
    pub upload_s: i64,
}

impl Default for Lifetimes {
    fn default() -> Lifetimes {
        Lifetimes { idle_s: 2 * 3600, session_s: 12 * 3600, upload_s: 3 * 24 * 3600 }
    }
}

/// What is wrong with a `server.toml`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    #[error("{} can't be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{}: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
}

/// The file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    name: Option<String>,
    listen: Option<SocketAddr>,
    discovery: Option<bool>,
    names: Vec<String>,
    database: Database,
    tls: Tls,
    sessions: Sessions,
    uploads: Uploads,
    storage: Storage,
    metrics: MetricsTable,
    cluster: Cluster,
    upstreams: Vec<Above>,
    downstreams: Vec<Below>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Above {
    address: String,
    id: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Below {
    id: String,
    /// For whoever reads the file.
    #[serde(rename = "name")]
    _name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Database {
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sessions {
    idle_minutes: Option<u32>,
    hours: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Uploads {
    keep_unfinished_hours: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MetricsTable {
    listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cluster {
    secret_file: Option<PathBuf>,
}

const RESERVE_MIB: u64 = 2048;
/// A server asks at most so many others.
pub(super) const UPSTREAMS_MAX: usize = 16;

impl Config {
    /// What holds when nothing was written.
    pub fn of_home(home: &Path) -> Config {
        Config::of(File::default(), home).unwrap_or_else(|_| unreachable!("an empty file has nothing wrong in it"))
    }

    /// Reads a file.
    pub fn read(path: &Path, home: &Path) -> Result<Config, BadConfig> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| BadConfig::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
        let malformed = |reason: String| BadConfig::Malformed { path: path.to_owned(), reason };
        let file: File = toml::from_str(&text).map_err(|error| malformed(in_a_line(&text, &error)))?;
        Config::of(file, home).map_err(malformed)
    }

    fn of(file: File, home: &Path) -> Result<Config, String> {
        let database = match file.database.url.as_deref() {
            None => Place::Sqlite(home.join("server.db")),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Place::Postgres(url.to_owned())
            }
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(path) if !path.is_empty() => Place::Sqlite(home.join(path)),
                _ => return Err(format!("database.url: {url:?} begins neither with postgres:// nor with sqlite:")),
            },
        };
        let certificate = match (file.tls.certificate, file.tls.key) {
            (Some(certificate), Some(key)) => Some((home.join(certificate), home.join(key))),
            (None, None) => None,
            _ => return Err("tls.certificate and tls.key belong together: give both or none".to_owned()),
        };
        if let Some(bad) = file.names.iter().find(|name| !is_host_name(name)) {
            return Err(format!("names: {bad:?} is not a host name"));
        }
        let upstreams = file.upstreams.into_iter().map(upstream_of).collect::<Result<Vec<_>, _>>()?;
        if upstreams.len() > UPSTREAMS_MAX {
            return Err(format!("upstreams: there are more than {UPSTREAMS_MAX}"));
        }
        let downstreams =
            file.downstreams.iter().map(|below| id_of("downstreams", &below.id)).collect::<Result<_, _>>()?;
        let seconds =
            |value: Option<u32>, unit: i64, default: i64| value.map_or(default, |value| i64::from(value) * unit);
        let metrics = match file.metrics.listen.as_deref() {
            None => Metrics::Usual,
            Some("off") => Metrics::Off,
            Some(address) => Metrics::At(
                address
                    .parse()
                    .map_err(|_| format!("metrics.listen: {address:?} is neither ADDRESS:PORT nor \"off\""))?,
            ),
        };
        let given = [
            ("name", file.name.is_some()),
            ("sessions.idle_minutes", file.sessions.idle_minutes.is_some()),
            ("sessions.hours", file.sessions.hours.is_some()),
            ("uploads.keep_unfinished_hours", file.uploads.keep_unfinished_hours.is_some()),
            ("storage.reserve_mib", file.storage.reserve_mib.is_some()),
        ];
        let usual = Lifetimes::default();
        let lifetimes = Lifetimes {
            idle_s: seconds(file.sessions.idle_minutes, 60, usual.idle_s),
            session_s: seconds(file.sessions.hours, 3600, usual.session_s),
            upload_s: seconds(file.uploads.keep_unfinished_hours, 3600, usual.upload_s),
        };
        let objects = file.storage.objects(home, |name| std::env::var(name).ok())?;
        Ok(Config {
            home: home.to_owned(),
            name: file.name,
            listen: file.listen,
            discovery: file.discovery,
            database,
            names: file.names.iter().map(|name| name.to_lowercase()).collect(),
            certificate,
            lifetimes,
            reserve_bytes: file.storage.reserve_mib.unwrap_or(RESERVE_MIB).saturating_mul(1 << 20),
            objects,
            cluster_secret: file.cluster.secret_file.map(|path| home.join(path)),
            upstreams,
            downstreams,
            metrics,
            fixed: given.into_iter().filter_map(|(key, given)| given.then_some(key)).collect(),
        })
    }

    /// Where uploads lie until all their files are here.
    pub fn uploads(&self) -> PathBuf {
        self.home.join("uploads")
    }

    /// Where the files of shares lie that were uploaded.
    pub fn shared(&self) -> PathBuf {
        self.home.join("shared")
    }

    /// Where certificates lie.
    pub fn tls(&self) -> PathBuf {
        self.home.join("tls")
    }
}

fn upstream_of(above: Above) -> Result<Upstream, String> {
    checked_upstream(&above.address, &above.id, above.name.as_deref())
}

/// A server above as somebody wrote it.
pub(super) fn checked_upstream(address: &str, id: &str, name: Option<&str>) -> Result<Upstream, String> {
    let id = id_of("upstreams", id)?;
    let is_address = address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
    if !is_address {
        return Err(format!("upstreams: {address:?} is not HOST:PORT"));
    }
    Ok(Upstream { id, address: address.to_owned(), name: name.and_then(presentable) })
}

fn id_of(list: &str, id: &str) -> Result<PeerId, String> {
    id.parse().map_err(|error| format!("{list}: {error}; the other server shows its id under Overview"))
}

fn is_host_name(name: &str) -> bool {
    (1..=253).contains(&name.len())
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        })
}

/// What is wrong with a file, and where: an error is told in one line.
fn in_a_line(text: &str, error: &toml::de::Error) -> String {
    let said = error.message().replace('\n', " ");
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(|| said.clone(), |before| format!("line {}: {said}", before.matches('\n').count() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path, Path::new("/home")).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_a_server_that_works() {
        let config = read("").unwrap();
        assert_eq!(config.database, Place::Sqlite("/home/server.db".into()));
        assert_eq!((config.lifetimes, config.certificate), (Lifetimes::default(), None));
    }

    #[test]
    fn every_key_is_read() {
        let text = "name = 'Lab'\nlisten = '[::]:443'\ndiscovery = false\nnames = ['Files.School']\n\
            [database]\nurl = 'postgres://u@h/d'\n[tls]\ncertificate = 'c.pem'\nkey = '/k.pem'\n\
            [sessions]\nidle_minutes = 5\nhours = 1\n[uploads]\nkeep_unfinished_hours = 2\n\
            [storage]\nreserve_mib = 1\n[metrics]\nlisten = '127.0.0.1:1'\n[cluster]\nsecret_file = 'secret'\n\
            [[upstreams]]\naddress = 'school:47548'\nid = 'aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq'\nname = 'School'\n\
            [[downstreams]]\nid = 'aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq'\nname = 'Lab'\n";
        let config = read(text).unwrap();
        assert_eq!(config.database, Place::Postgres("postgres://u@h/d".to_owned()));
        assert_eq!(config.lifetimes, Lifetimes { idle_s: 300, session_s: 3600, upload_s: 7200 });
        assert_eq!(config.certificate, Some(("/home/c.pem".into(), "/k.pem".into())));
        let names: Vec<_> = config.upstreams.iter().map(|upstream| upstream.name.as_deref()).collect();
        assert_eq!((names, config.downstreams.len()), (vec![Some("School")], 1));
        assert_eq!(config.metrics, Metrics::At("127.0.0.1:1".parse().unwrap()));
        assert_eq!(config.cluster_secret, Some("/home/secret".into()));
        assert_eq!(read("[metrics]\nlisten = 'off'\n").unwrap().metrics, Metrics::Off);
        assert_eq!((config.names, config.reserve_bytes), (vec!["files.school".to_owned()], 1 << 20));
    }

    #[test]
    fn what_can_not_be_used_is_named_with_its_line() {
        let check = |text: &str, said: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        };
        check("name = 'a'\nlissten = '0.0.0.0:1'\n", "line 2: unknown field `lissten`");
        check("listen = 'here'\n", "line 1");
        check("[database]\nurl = 'mysql://x'\n", "database.url");
        check("[tls]\nkey = 'k'\n", "tls.certificate");
        check(
            "[[upstreams]]\naddress = 'school'\nid = 'aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq'\n",
            "HOST:PORT",
        );
        check("[[downstreams]]\nid = 'x'\n", "downstreams: \"x\" is not an id");
        check("[metrics]\nlisten = 'here'\n", "metrics.listen");
        check("names = ['a b']\n", "\"a b\" is not a host name");
    }
}
