//! What the engine is started with: arguments over settings over what the platform says.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    cli::{Exit, ServerRules, args::Common},
    engine::{
        Config, Engine, Site,
        config::{Fixed, Traffic},
        managed::{Kept, Management, Ticket},
    },
    platform::{device_name::device_name, folders, machine_id::machine_id, policy},
    settings::{self, Defaults, Given, Resolved, Source},
    traffic::Limits,
};

/// Everything that is decided before the engine runs.
pub(super) struct Setup {
    pub home: PathBuf,
    pub settings: Resolved,
    /// What a file of this machine says about the server that manages it.
    pub managed: Option<Ticket>,
}

/// Decides it. Values in the settings file that can't be used are logged, and passed over.
pub(super) fn setup(common: &Common) -> Result<Setup, Exit> {
    let folders = folders::find(common.home.as_deref())
        .map_err(|error| Exit::failed("Handout can't start", error.to_string(), ""))?;
    let (written, mut bad) = settings::read(&folders.home);
    let (policy, bad_policy) = policy::file().map(|path| settings::read_policy(&path)).unwrap_or_default();
    bad.extend(bad_policy);
    let (enrolment, bad_enrolment) =
        policy::enrolment_file().map(|path| settings::read_enrolment(&path)).unwrap_or_default();
    bad.extend(bad_enrolment);
    let managed = enrolment.map(|wish| Ticket::new(&wish.server, &wish.token));
    let given = Given { listen: common.listen, no_discovery: common.no_discovery };
    let defaults = Defaults { name: device_name(), downloads: folders.downloads };
    let settings = settings::resolve(given, policy, written, bad, defaults);
    for bad in &settings.bad {
        tracing::warn!("{bad}");
    }
    Ok(Setup { home: folders.home, settings, managed })
}

/// People wait for each share that a server brings from the one above it, so none waits for its turn.
const SERVER_DOWNLOADS: u32 = 256;

/// Starts the engine as a central server.
pub(super) fn start_server(
    setup: &Setup,
    peers: &[String],
    wake: Arc<dyn Fn() + Send + Sync>,
    site: Site,
) -> Result<Engine, Exit> {
    let mut config = config(setup, peers);
    if setup.settings.active_downloads.source == Source::Default {
        config.traffic.active_downloads = SERVER_DOWNLOADS;
    }
    let started = Engine::start_server(config, wake, site);
    started.map_err(|error| Exit::failed("The server can't start", error.to_string(), ""))
}

/// Starts the engine. `wake` is called after each new snapshot.
pub(super) fn start(setup: &Setup, peers: &[String], wake: Arc<dyn Fn() + Send + Sync>) -> Result<Engine, Exit> {
    // The engine's own sentence says what to do.
    let started = Engine::start(config(setup, peers), wake);
    started.map_err(|error| Exit::failed("Handout can't start", error.to_string(), ""))
}

fn config(setup: &Setup, peers: &[String]) -> Config {
    let settings = &setup.settings;
    Config {
        home: setup.home.clone(),
        downloads: settings.downloads.value.clone(),
        name: settings.name.value.clone(),
        listen: settings.listen.value,
        discovery: settings.discovery.value,
        peers: peers.to_vec(),
        traffic: traffic(settings),
        managed: setup.managed.clone(),
        machine_id: machine_id(),
    }
}

/// What holds for all transfers together.
fn traffic(settings: &Resolved) -> Traffic {
    let limits = Limits { down: settings.limit_down.value, up: settings.limit_up.value };
    Traffic {
        limits,
        limits_now: limits,
        schedule: settings.schedule.value.clone(),
        rule_now: None,
        active_downloads: settings.active_downloads.value,
        seed_until: settings.seed_until.value,
        stop_seeding_when_closed: settings.stop_seeding_when_closed.value,
        fixed: Fixed {
            limits: settings.fixed_limits,
            schedule: settings.schedule.source == Source::Policy,
            active_downloads: settings.active_downloads.source == Source::Policy,
            seed_until: settings.seed_until.source == Source::Policy,
            stop_seeding_when_closed: settings.stop_seeding_when_closed.source == Source::Policy,
        },
    }
}

/// What the server that manages this computer said last, read from the disk; `None` where none does.
pub(super) fn server_rules(setup: &Setup) -> Option<ServerRules> {
    let management = Management { wished: setup.managed.clone(), kept: Kept::of(&setup.home) };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let at = |seconds: i64| {
        let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
        at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok()).unwrap_or_default()
    };
    let known = management.told();
    let (name, managed_by) = known.as_ref().map_or_else(Default::default, |told| (told.name.clone(), told.by.clone()));
    let error = management.error();
    if known.is_none() && error.is_none() {
        return None;
    }
    Some(ServerRules {
        name,
        managed_by: if managed_by.is_empty() {
            management.wished.map_or(String::new(), |wish| wish.address)
        } else {
            managed_by
        },
        version: known.as_ref().map_or(0, |told| told.policy.version),
        role: known.as_ref().map_or(String::new(), |told| told.device.role.name().to_owned()),
        rules: known.map_or(vec![], |told| told.policy.told(&told.device, now_s, at)),
        error,
    })
}
