//! `sim`: the simulated cloud alone, for any client.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::demo::options;
use crate::cli::Simulated;
use crate::exit::Exit;
use crate::sim::files::{self, Files};
use crate::sim::{Logs, Options, Sim};

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
    let said = std::io::stdout().write_all(greeting(&sim, &files, &options).as_bytes());
    match said {
        // Who reads no further may still ask the cloud.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            return Err(Failure::usage(format!("cannot write to standard output: {error}")));
        }
        _ => {}
    }
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

/// How large it is, and where all of it is to be found.
fn greeting(sim: &Sim, files: &Files, options: &Options) -> String {
    let (hypervisors, instances, projects) = sim.size();
    let scenario = &options.scenario;
    let mut text = format!(
        "{hypervisors} hypervisors, {instances} instances, {projects} projects: scenario {scenario}\n"
    );
    let mut line = |name: &str, place: &dyn Display| text.push_str(&format!("{name:<10} {place}\n"));
    for (name, url) in sim.urls() {
        line(name, &url);
    }
    line("rabbitmq", &sim.broker_url());
    line("management", &sim.management_url());
    line("clouds", &files.clouds.display());
    line("settings", &files.config.display());
    line("logs", &files.log.display());
    line("try", &format_args!("stackwatch --config {} doctor", files.config.display()));
    let clouds = files.clouds.display();
    line(
        "",
        &format_args!("OS_CLIENT_CONFIG_FILE={clouds} openstack --os-cloud admin server list --all-projects"),
    );
    text
}
