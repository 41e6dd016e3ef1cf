//! `handout serve`: a central server in the foreground, until it is told to end.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use super::{logging, runtime, setup, shutdown};
use crate::{
    cli::{
        Exit, Output, Shown,
        args::{Common, Serve},
    },
    control::{self, Found, Service},
    engine::Site,
    platform::private,
    server::{self, Config, Told},
};

/// What the server's start says, for whoever stands at the console.
#[derive(serde::Serialize)]
struct Started {
    name: String,
    addresses: Vec<String>,
    home: String,
    /// Where figures are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<std::net::SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_code: Option<String>,
}

/// Reads `server.toml`, or what holds without one.
pub(super) fn config(path: Option<&std::path::Path>, home: &std::path::Path) -> Result<Config, Exit> {
    match path {
        Some(path) => Config::read(path, home)
            .map_err(|error| Exit::failed("The server's configuration can't be used", error.to_string(), "")),
        None => Ok(Config::of_home(home)),
    }
}

/// Ends without fault at SIGTERM and SIGINT; SIGHUP has the server look at its certificate.
pub(super) fn run(args: &Serve, common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr_as(common, logging::Default::Doings, args.log_format.into());
    // Everything that a server writes is secret: people's proofs, keys, whose files these are.
    private::keep_from_others();
    let mut setup = setup::setup(common)?;
    let config = config(args.config.as_deref(), &setup.home)?;
    if args.check {
        let tried = runtime()?.block_on(server::try_out(&config));
        for remark in tried.map_err(|error| Exit::failed(error.to_string(), "", ""))? {
            output.remark(&remark);
        }
        output.remark("The configuration is right.");
        return Ok(());
    }
    let machine = crate::platform::machine_id::machine_id();
    runtime()?
        .block_on(server::share_keys(&config, machine.as_deref()))
        .map_err(|error| Exit::failed(error.to_string(), "", ""))?;
    if let Some(listen) = config.listen.filter(|_| common.listen.is_none()) {
        setup.settings.listen.value = Some(listen);
    }
    if let Some(discovery) = config.discovery.filter(|_| !common.no_discovery) {
        setup.settings.discovery.value = discovery;
    }
    if let Some(name) = &config.name {
        setup.settings.name.value.clone_from(name);
    }
    raise_open_files();
    let interrupt = shutdown::interrupt_of_a_server()?;
    let runtime = runtime()?;
    let instance = match runtime.block_on(control::find(&setup.home)) {
        Ok(Found::Nobody(instance)) => instance,
        Ok(Found::Running(_)) => {
            let hint = "End it first (a window, or `handout daemon`), or choose another --home DIR.";
            return Err(Exit::failed("Handout is already running", setup.home.display().to_string(), hint));
        }
        Err(error) => return Err(Exit::failed(error.to_string(), "", "")),
    };
    let told: Arc<Mutex<Told>> = Arc::default();
    let site = site(config, told.clone());
    // The engine starts and ends outside of our runtime: both wait on its own.
    let engine = setup::start_server(&setup, &common.peers, Arc::new(|| {}), site)?;
    let service = Arc::new(Service::staying(engine.handle().clone(), None));
    let listener = control::listen(instance, service).map_err(|error| {
        Exit::failed("The control socket can't be opened", error.to_string(), "Try another --home DIR.")
    })?;
    let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    greet(&engine, told, output)?;
    let instance = runtime.block_on(async {
        interrupt.cancelled().await;
        tracing::info!("the server is ending");
        listener.stop().await
    });
    engine.shutdown();
    // The lock goes last: whoever gets it next must find everything saved.
    drop(instance);
    Ok(())
}

/// Each connection and each file that is read takes a descriptor; many systems give 1,024 unless they are asked for more.
#[cfg(unix)]
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const ENOUGH: u64 = 65_536;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
        if let Err(error) = raised {
            tracing::warn!(%error, "the number of open files could not be raised");
        }
    }
}

#[cfg(not(unix))]
fn raise_open_files() {}

fn site(config: Config, told: Arc<Mutex<Told>>) -> Site {
    Box::new(move |at| {
        Box::pin(async move {
            let tell = move |news| *told.lock().unwrap_or_else(PoisonError::into_inner) = news;
            server::site(config, at, tell).await.map_err(|error| error.to_string())
        })
    })
}

/// Browsers have no way to name the interface that an address of the link belongs to.
fn opens(at: &SocketAddr) -> bool {
    !matches!(at.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Tells where the server answers, and the code of a server that belongs to nobody yet.
fn greet(engine: &crate::engine::Engine, told: Told, output: &Output) -> Result<(), Exit> {
    let me = engine.handle().snapshot().me.clone();
    let addresses: Vec<String> =
        me.listen.iter().filter(|at| opens(at)).map(|address| format!("https://{address}")).collect();
    let (code, metrics) = (told.code.map(|code| code.0), told.metrics);
    if output.shown == Shown::Json {
        let home = me.home.display().to_string();
        return output.json(&Started { name: me.name.clone(), addresses, home, metrics, setup_code: code });
    }
    if addresses.is_empty() {
        output.remark(&format!("{} answers, but this computer has no address that a browser opens.", me.name));
        output
            .remark("Give it one (DHCP, or by hand), or name one with --listen ADDR:PORT, and start the server again.");
    } else {
        output.remark(&format!("{} answers at", me.name));
    }
    for address in &addresses {
        output.remark(&format!("  {address}"));
    }
    if let Some(code) = code {
        output.remark("Nobody owns this server yet. Open the address in a browser and type this code:");
        output.remark(&format!("  {code}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_browsers_open_are_told() {
        let opened = |text: &str| opens(&text.parse().unwrap());
        assert!(opened("192.0.2.1:1") && opened("[2001:db8::1]:1") && opened("169.254.0.1:1") && opened("[::1]:1"));
        assert!(!opened("[fe80::1%2]:1"));
    }
}
