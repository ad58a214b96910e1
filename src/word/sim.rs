//! `sim`: the simulated cloud alone, for any client.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::demo::options;
use crate::cli::Simulated;
use crate::exit::Exit;
use crate::sim::{Logs, Options, Sim, files};

pub struct Wish {
    pub simulated: Simulated,
    pub speed: f64,
    pub port: Option<u16>,
    pub dir: Option<PathBuf>,
}

/// Serves until a signal comes. What it has written goes with it.
pub async fn run(wish: &Wish) -> Result<Exit, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let options = Options { speed: wish.speed, port: wish.port, ..options(&wish.simulated) };
    let own = wish.dir.is_none();
    let dir = wish
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("stackwatch-sim-{}", std::process::id())));
    let logs = Logs::new(files::clear(&dir).map_err(Failure::usage)?, options.seed);
    let sim = Sim::start(&options, vec![Box::new(logs)]).map_err(Failure::usage)?;
    let files = sim.write_files(&dir).map_err(Failure::usage)?;
    let (hypervisors, instances, projects) = sim.size();
    println!(
        "{hypervisors} hypervisors, {instances} instances, {projects} projects: scenario {}",
        options.scenario
    );
    for (name, url) in sim.urls() {
        println!("{name:<10} {url}");
    }
    println!("rabbitmq   {}", sim.broker_url());
    println!("management {}", sim.management_url());
    println!("clouds     {}", files.clouds.display());
    println!("settings   {}", files.config.display());
    println!("logs       {}", files.log.display());
    println!("try        stackwatch --config {} doctor", files.config.display());
    println!(
        "           OS_CLIENT_CONFIG_FILE={} openstack --os-cloud admin server list --all-projects",
        files.clouds.display()
    );
    let exit = tokio::select! {
        _ = interrupt.recv() => Exit::Interrupt,
        _ = terminate.recv() => Exit::Terminate,
    };
    files.remove();
    if own {
        let _ = std::fs::remove_dir(&dir);
    }
    Ok(exit)
}
