//! `handout doctor`: gathers what can be found out about this computer, and has it judged (`doctor`).
//!
//! It asks the Handout that runs already. Where none does, it starts an engine for the time of the examination, so that what
//! is tried is the real thing.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{logging, runtime, setup};
use crate::{
    cli::{Exit, Output, args::Common, write_findings},
    control::{self, Connection, Found, Instance},
    doctor::{ClockThere, Engine, Facts, Folder, examine},
    engine::snapshot::{PeerRow, Role},
    net::{listen::DEFAULT_PORT, probe},
    platform::{firewall, folders},
    wire::control::{Answer, Envelope, Request},
};

/// An engine that was just started needs this long until it answers and is announced.
const BEGIN: Duration = Duration::from_secs(1);
/// How long others may take to be known by their names, after they answered.
const KNOW: Duration = Duration::from_millis(1_500);
/// This program did not exist before: 2026-01-01 in seconds since 1970.
const MADE_S: i64 = 1_767_225_600;

/// Ends with 1 where something is in the way.
pub(super) fn run(common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Warnings);
    let setup = setup::setup(common)?;
    output.remark("Looking at this computer and its network; this takes some seconds.");
    let runtime = runtime()?;
    let facts = match runtime.block_on(control::find(&setup.home)) {
        Ok(Found::Running(endpoint)) => {
            let connection = Connection::Running(endpoint);
            gather(&setup, Engine::Running, || runtime.block_on(ask(&connection)))
        }
        Ok(Found::Nobody(instance)) => with_engine(&setup, common, &instance),
        Err(error) => gather(&setup, Engine::Failed(error.to_string()), Seen::default),
    };
    write_findings(&examine(&facts), output)
}

/// What the engine says of itself and of others.
#[derive(Default)]
struct Seen {
    listen: Vec<SocketAddr>,
    discovery: Option<bool>,
    known: Vec<String>,
    unreachable: Vec<String>,
    clocks: Vec<ClockThere>,
}

/// The instance is the lock of the home, kept as long as the engine is there.
fn with_engine(setup: &setup::Setup, common: &Common, _instance: &Instance) -> Facts {
    let engine = match setup::start(setup, &common.peers, Arc::new(|| {})) {
        Ok(engine) => engine,
        Err(Exit::Failed(failure)) => return gather(setup, Engine::Failed(failure.about), Seen::default),
        Err(_) => return gather(setup, Engine::Failed(String::new()), Seen::default),
    };
    thread::sleep(BEGIN);
    let facts = gather(setup, Engine::Started, || {
        let now = engine.handle().snapshot();
        let (unreachable, known) = now.peers.iter().partition::<Vec<_>, _>(|peer| peer.trouble.is_some());
        let names =
            |peers: Vec<&Arc<crate::engine::snapshot::PeerRow>>| peers.iter().map(|peer| peer.name.clone()).collect();
        Seen {
            listen: now.me.listen.clone(),
            discovery: Some(now.me.discovery),
            clocks: now.peers.iter().filter_map(|peer| clock_of_row(peer)).collect(),
            known: names(known),
            unreachable: names(unreachable).into_iter().chain(now.silent.iter().cloned()).collect(),
        }
    });
    engine.shutdown();
    facts
}

fn clock_of_row(peer: &PeerRow) -> Option<ClockThere> {
    let server = peer.role == Role::Server;
    Some(ClockThere { name: peer.name.clone(), server, ahead_s: peer.clock_ahead_s? })
}

async fn ask(connection: &Connection) -> Seen {
    let mut seen = Seen::default();
    for request in [Request::Status { watch: false }, Request::Peers { watch: false }] {
        let Ok(mut answers) = connection.ask(Envelope::new(request)).await else { continue };
        match answers.next().await {
            Some(Ok(Answer::Status(status))) => {
                seen.listen = status.addresses.iter().filter_map(|address| address.parse().ok()).collect();
                seen.discovery = Some(status.discovery);
            }
            Some(Ok(Answer::Peers { peers })) => {
                let clock = |peer: &crate::wire::control::Peer| {
                    let (name, server) = (peer.name.clone(), peer.role == "server");
                    Some(ClockThere { name, server, ahead_s: peer.clock_ahead_s? })
                };
                seen.clocks = peers.iter().filter_map(clock).collect();
                let (unreachable, known) = peers.into_iter().partition::<Vec<_>, _>(|peer| peer.trouble.is_some());
                seen.known = known.into_iter().map(|peer| peer.name).collect();
                seen.unreachable = unreachable.into_iter().map(|peer| peer.name).collect();
            }
            _ => {}
        }
    }
    seen
}

/// The network is asked first: it takes seconds, in which the engine gets to know who is there.
fn gather(setup: &setup::Setup, engine: Engine, see: impl FnOnce() -> Seen) -> Facts {
    let interfaces = probe::interfaces();
    let mark = RandomState::new().hash_one(0) as u16;
    let multicast = probe::multicast(&interfaces, mark);
    if multicast.iter().any(|seen| seen.others > 0) {
        thread::sleep(KNOW);
    }
    let seen = see();
    let downloads = &setup.settings.downloads.value;
    Facts {
        engine,
        folders: vec![folder("Handout's own files", &setup.home), folder("downloads", downloads)],
        now_s: seconds(SystemTime::now()),
        passed_s: passed(&setup.home),
        clocks: seen.clocks,
        mdns_port: probe::mdns_port(),
        multicast,
        interfaces,
        discovery: seen.discovery.unwrap_or(setup.settings.discovery.value),
        usual_port: DEFAULT_PORT,
        listening: probe::reach(&seen.listen),
        firewalls: firewall::active(),
        gateway: probe::gateway(),
        known: seen.known,
        unreachable: seen.unreachable,
    }
}

fn folder(purpose: &'static str, path: &Path) -> Folder {
    let (writable, free_bytes) = folders::look_at(path);
    Folder { purpose, path: path.display().to_string(), writable, free_bytes }
}

/// The latest moment that something was written in the home folder.
fn passed(home: &Path) -> i64 {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let times = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).map(seconds);
    times.fold(MADE_S, i64::max)
}

fn seconds(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
