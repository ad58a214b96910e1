//! The words' entries: what each does from its arguments to its exit code.

mod dashboard;
mod demo;
mod doctor;
mod screen;
mod show;
mod sim;
mod tail;
mod trace;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::cli::{Cli, Common, Word};
use crate::config::clouds::{self, CloudConfig, ConfigError, Found, Lookup};
use crate::config::file::{self, File};
use crate::config::logs::{self, LogPlace};
use crate::exit::Exit;
use crate::model::Trouble;
use crate::signature::Signatures;
use crate::source::log::{Grammar, Grammars};
use crate::source::rabbitmq::{self, Amqp, Management};
use crate::source::{Error, Limits, Session, Sources};
use crate::ui::text::sanitise;

/// Carries out what the command line asks.
pub async fn run(cli: Cli) -> Result<Exit, Failure> {
    start_log(&cli.common)?;
    match cli.word {
        None => dashboard::run(&cli.common, cli.pane.as_deref()).await,
        Some(Word::Show { table, series, over, from, to, servers, filter, project, sort, output }) => {
            let wish = show::Wish { table, series, over, from, to, servers, filter, project, sort, output };
            show::run(&cli.common, &wish).await
        }
        Some(Word::Screen { pane, size, keys, clock, output }) => {
            let common = Common { clock, ..cli.common };
            screen::run(&common, &screen::Wish { pane, size, keys, clock, output }).await
        }
        Some(Word::Demo { simulated, pane }) => {
            demo::run(cli.common, simulated, pane.or(cli.pane).as_deref()).await
        }
        Some(Word::Sim { simulated, speed, port, dir }) => {
            sim::run(&sim::Wish { simulated, speed, port, dir }).await
        }
        Some(Word::Trace { subject, log, against, output }) => {
            trace::run(&cli.common, &trace::Wish { subject, log, against, output }).await
        }
        Some(Word::Tail { log, level, filter, lines }) => {
            tail::run(&cli.common, &tail::Wish { log, level, filter, lines }).await
        }
        Some(Word::Doctor) => doctor::run(&cli.common).await,
    }
}

/// Why a word ended before its time, for standard error.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    next_step: Option<String>,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), next_step: None }
    }

    /// A name that is none of these.
    fn unknown(what: &str, name: &str, names: &[&str]) -> Self {
        let near = crate::words::nearest(name, names.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Self {
            exit: Exit::Usage,
            message: format!("{what} `{name}`{near}"),
            next_step: Some(format!("take one of {}", names.join(", "))),
        }
    }

    pub fn bug(report: color_eyre::Report) -> Self {
        Self { exit: Exit::Bug, message: format!("{report:?}"), next_step: None }
    }

    /// Of a cloud that could not be opened: nothing was asked yet, the configuration is wrong.
    fn unopened(why: crate::run::Unopened) -> Self {
        Self { exit: Exit::Usage, message: why.message, next_step: Some(why.next_step) }
    }

    /// ctrl-c at a question.
    fn interrupted() -> Self {
        Self { exit: Exit::Interrupt, message: String::new(), next_step: None }
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    pub fn print(&self) {
        complain(&self.message, self.next_step.as_deref().unwrap_or_default());
    }
}

/// An entry of `errors` in a word's document.
fn error_json(trouble: &Trouble) -> serde_json::Value {
    let Trouble { source, kind, message, request_id, .. } = trouble;
    serde_json::json!({"source": source, "kind": kind, "message": message, "request_id": request_id})
}

/// Words onto standard error. Nobody may be there to read them: that changes nothing about how a word ended.
fn complain(message: &str, next_step: &str) {
    let mut err = std::io::stderr().lock();
    for line in message.lines() {
        let _ = writeln!(err, "stackwatch: {}", sanitise(line));
    }
    if !next_step.is_empty() {
        let _ = writeln!(err, "  next: {}", sanitise(next_step));
    }
}

/// Where the logs are: those that were named, those of the settings, or where this host has them.
fn log_places(named: &[PathBuf], settings: &Settings, cloud: Option<&str>) -> Result<Vec<LogPlace>, Failure> {
    if !named.is_empty() {
        return Ok(vec![LogPlace::named(named.to_vec(), "--log")]);
    }
    let places: Vec<LogPlace> = logs::of_cloud(&settings.logs, cloud).cloned().collect();
    match places.is_empty() {
        false => Ok(places),
        true => Err(Failure {
            next_step: Some(
                "name them: --log PATH, a file, a directory or a glob; or [[logs]] in the settings"
                    .to_owned(),
            ),
            ..Failure::usage(
                "this host has no logs of OpenStack where its services are configured to write them, nor where \
                 packages, kolla-ansible and TripleO put them",
            )
        }),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let next_step = Some(error.next_step().to_string()).filter(|step| !step.is_empty());
        Self { exit: Exit::Usage, message: error.to_string(), next_step }
    }
}

/// Of a session that could not be set up. Nothing was asked yet: a file of certificates is wrong.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit: Exit::Usage, message: error.message, next_step: Some(error.next_step) }
    }
}

/// How lines are read where the operator has formats of his own. That they can be read was seen at the start.
fn own_grammar(file: &File) -> Option<Arc<Grammar>> {
    let own = (!file.own.formats.is_empty()).then(|| Grammar::with(&file.own.formats));
    own.and_then(Result::ok).map(Arc::new)
}

/// How lines of logs are read.
fn grammar(file: &File) -> Arc<Grammar> {
    Grammars::new(own_grammar(file)).get()
}

/// Whether the operator's own formats and signatures can be read. Those that ship are looked at when they are needed.
fn check_own(file: &File) -> Result<(), Failure> {
    if !file.own.formats.is_empty() {
        Grammar::with(&file.own.formats).map_err(|error| Failure::usage(error.to_string()))?;
    }
    Signatures::own(&file.own.signatures).map_err(|error| Failure::usage(error.to_string()))
}

/// The directory of the index. The simulated cloud has none: its logs go with it.
fn index(settings: &Settings) -> Option<PathBuf> {
    settings.index.directory().filter(|_| settings.demo.is_none())
}

/// The file of a cloud's history. The simulated cloud has none: it begins anew each time.
fn history(settings: &Settings, cloud: &CloudConfig) -> Option<PathBuf> {
    let directory = settings.history.directory().filter(|_| settings.demo.is_none())?;
    let host = cloud.auth_url.host_str().unwrap_or_default();
    Some(crate::history::file(&directory, host, &cloud.identity().each_ref().map(String::as_str)))
}

/// The settings, and the embedded cloud where that is meant.
struct Settings {
    file: File,
    /// What the file was, in words.
    origin: String,
    demo: Option<demo::Demo>,
}

impl std::ops::Deref for Settings {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

/// Reads the settings, and starts the embedded cloud if it is asked for. Its broker takes the place of the
/// settings' own and of this host's: those stand below a real cloud, and would say that all of this one's hosts are
/// off the bus.
fn settings(common: &Common) -> Result<Settings, Failure> {
    let (mut file, path) = file::load(common.config.as_deref())?;
    check_own(&file)?;
    let origin = path.map_or("built-in defaults".to_owned(), |path| path.display().to_string());
    let mut demo = None;
    if let Some(simulated) = demo::asked(common, &lookup(common, &file)) {
        let started = demo::start(&simulated, common.clock)?;
        file.broker = started.brokers.clone();
        file.logs = vec![started.logs.clone()];
        demo = Some(started);
    }
    file.broker = file.broker.or_found(&crate::config::root());
    if file.logs.is_empty() {
        file.logs = logs::found(&crate::config::root());
    }
    Ok(Settings { file, origin, demo })
}

/// Where to look for clouds: the flag, then `OS_CLOUD` and its kin, then our own settings.
fn lookup(common: &Common, file: &File) -> Lookup {
    let mut lookup = Lookup::from_process(common.cloud.clone(), common.region.clone());
    let named = lookup.cloud.is_some()
        || lookup.env.contains_key("OS_CLOUD")
        || lookup.env.contains_key("OS_AUTH_URL");
    if !named {
        lookup.cloud = file.cloud.name.clone();
    }
    lookup
}

/// The one cloud that a word without a chooser reads.
fn one_cloud(common: &Common, settings: &Settings) -> Result<CloudConfig, Failure> {
    if let Some(demo) = &settings.demo {
        return Ok(demo.cloud.clone());
    }
    let mut lookup = lookup(common, settings);
    loop {
        match clouds::find(&lookup) {
            Ok(Found::One(cloud)) => return Ok(*cloud),
            Ok(Found::Choose(choices)) => {
                let names: Vec<String> = choices.iter().map(ToString::to_string).collect();
                return Err(Failure {
                    exit: Exit::Usage,
                    message: format!("several clouds to choose from: {}", names.join(", ")),
                    next_step: Some("name one with --cloud (and --region)".to_owned()),
                });
            }
            Err(error) if error.wants_password() && std::io::stdin().is_terminal() => {
                let answer = crate::terminal::secret::ask("OpenStack password: ")
                    .map_err(|error| Failure::usage(format!("no password was given: {error}")))?;
                let Some(password) = answer else { return Err(Failure::interrupted()) };
                lookup.env.insert("OS_PASSWORD".to_owned(), password);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn session(cloud: CloudConfig, file: &File) -> Result<Session, Error> {
    Session::new(cloud, Limits { requests_per_second: file.cloud.requests_per_second, ..Limits::default() })
}

/// The brokers of the settings, or of this host. Nothing is asked yet.
fn brokers(file: &File, cloud: Option<&str>, limits: Limits) -> Result<Vec<Management>, Error> {
    file.broker.of(cloud).map(|broker| Management::new(broker.clone(), limits)).collect()
}

/// The vhosts of their transport URLs. Nothing is asked yet.
fn amqp(file: &File, cloud: Option<&str>, limits: Limits) -> Result<Vec<Amqp>, Error> {
    let of_broker = |broker| Amqp::all(broker, limits);
    Ok(file.broker.of(cloud).map(of_broker).collect::<Result<Vec<_>, _>>()?.concat())
}

/// How long to wait for a broker: a node that asks a peer which is down takes 10 s longer by itself.
fn broker_limits() -> Limits {
    let usual = Limits::default();
    Limits { connect: usual.connect.min(BROKER_CONNECT), total: usual.total.min(BROKER_TOTAL), ..usual }
}

const BROKER_CONNECT: Duration = Duration::from_secs(5);
const BROKER_TOTAL: Duration = Duration::from_secs(60);

/// A cloud with the brokers below it.
fn sources(cloud: CloudConfig, file: &File) -> Result<Sources, Error> {
    let (name, limits) = (cloud.name.clone(), broker_limits());
    let session = Some(session(cloud, file)?);
    let (brokers, amqp) = (brokers(file, Some(&name), limits)?, amqp(file, Some(&name), limits)?);
    let logs = logs::of_cloud(&file.logs, Some(&name)).cloned().collect();
    let unconfigured = Some(rabbitmq::unconfigured(&file.broker.troubles));
    let grammar = Grammars::new(own_grammar(file));
    let quotas = file.quotas;
    Ok(Sources { session, brokers, amqp, logs, index: None, history: None, grammar, quotas, unconfigured })
}

/// The dashboard's state, with keymap and theme loaded; an unknown pane is a usage error.
fn app(common: &Common, file: &File, pane: Option<&str>) -> Result<App, Failure> {
    let names = crate::pane::names();
    if let Some(name) = pane
        && !names.contains(&name)
    {
        return Err(Failure::unknown("there is no pane", name, &names));
    }
    let looks = crate::config::looks::Looks::load(common, file).map_err(Failure::usage)?;
    Ok(App::new(looks, pane))
}

/// JSON lines into the file that was named; nothing otherwise. Secrets have no `Debug` that shows them.
fn start_log(common: &Common) -> Result<(), Failure> {
    let Some(path) = &common.log_file else { return Ok(()) };
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    // It names projects, hosts and requests: the operator's eyes only.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .map_err(|error| Failure::usage(format!("cannot write the log file {}: {error}", path.display())))?;
    let level = match common.verbose {
        0 => "stackwatch=info,warn",
        1 => "stackwatch=debug,info",
        _ => "stackwatch=trace,debug",
    };
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(level)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| Failure::usage(format!("cannot start the log: {error}")))
}
