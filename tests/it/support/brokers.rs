//! The brokers that `tests/brokers/up` brings up: a real RabbitMQ of two nodes, with its faults.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value as Json;

use super::cloud::{Fault, Output, run};
use super::pty::Pty;
use super::stub::{Run, Stub, command, run as run_harmless};

/// Makes a test of each function that is named, to be run where the brokers are. A bare `cargo test` lists them
/// as ignored; `tests/run` runs them all.
macro_rules! broker_tests {
    ($($name:ident,)+) => {
        mod on_the_brokers {
            $(#[test]
            #[ignore = "needs real brokers: tests/brokers/up"]
            fn $name() {
                super::$name();
            })+
        }
    };
}
pub(crate) use broker_tests;

/// Both nodes, and what the scripts say of them.
pub struct Brokers {
    run: PathBuf,
    lab: Json,
}

impl Brokers {
    /// The brokers for one test alone. Without them a test fails: it must never pass for having done nothing.
    pub fn alone() -> (&'static Self, MutexGuard<'static, ()>) {
        static BROKERS: OnceLock<Brokers> = OnceLock::new();
        static ALONE: Mutex<()> = Mutex::new(());
        let brokers = BROKERS.get_or_init(|| {
            let run = std::env::var_os("STACKWATCH_BROKERS")
                .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("run/brokers"), PathBuf::from);
            let lab = std::fs::read_to_string(run.join("lab.json"));
            let lab = lab.expect("there are no brokers: tests/brokers/up brings them up");
            Self { run, lab: serde_json::from_str(&lab).unwrap() }
        });
        // A test that failed has mended them all the same.
        (brokers, ALONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn text(&self, pointer: &str) -> &str {
        self.lab.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("no {pointer} in lab.json"))
    }

    /// The vhost that OpenStack's queues are on.
    pub fn vhost(&self) -> &str {
        self.text("/vhost")
    }

    /// The vhost with a strange name, and queues with stranger ones.
    pub fn odd_vhost(&self) -> &str {
        self.text("/odd_vhost")
    }

    /// `rabbit1@mq1`.
    pub fn name(&self, node: u8) -> &str {
        self.text(&format!("/nodes/{node}/name"))
    }

    /// Where a node listens for `amqp`, `management`, `management-tls` …, as messages name it.
    pub fn address(&self, node: u8, what: &str) -> String {
        let port = self.lab.pointer(&format!("/nodes/{node}/{what}")).expect("a port of lab.json");
        format!("{}:{port}", self.text("/host"))
    }

    pub fn management(&self, node: u8) -> String {
        format!("http://{}", self.address(node, "management"))
    }

    pub fn secure_management(&self, node: u8) -> String {
        format!("https://{}", self.address(node, "management-tls"))
    }

    pub fn password(&self, user: &str) -> &str {
        self.text(&format!("/accounts/{user}/password"))
    }

    /// A certificate or a key that the script has made.
    pub fn pem(&self, name: &str) -> String {
        format!("{}/{name}", self.text("/tls"))
    }

    /// `[broker]` as an operator would write it: this account, these addresses, and more lines.
    pub fn settings(&self, user: &str, management: &[String], more: &str) -> String {
        let password = self.password(user);
        format!(
            "[broker]\nname = 'prod'\nuser = '{user}'\npassword = '{password}'\nmanagement = {management:?}\n{more}\n"
        )
    }

    /// The same for who may see all, over both nodes.
    pub fn usual(&self) -> String {
        self.settings("stackwatch", &[self.management(1), self.management(2)], "")
    }

    /// Runs a word with these settings, beside the stub's cloud. That nothing which steers a terminal comes out
    /// is checked by every run, and so is that no password does.
    #[track_caller]
    pub fn stackwatch(&self, settings: &str, words: &[&str]) -> Run {
        let cloud = Stub::new();
        cloud.write("config.toml", settings);
        let words: Vec<&str> = words.iter().copied().chain(["--config", "config.toml"]).collect();
        let run = run_harmless(command(cloud.dir(), &words));
        self.keeps_secrets(&run.out);
        self.keeps_secrets(&run.err);
        run
    }

    /// The same on a host with these files, and without settings.
    #[track_caller]
    pub fn on_a_host(&self, files: &[(&str, String)], words: &[&str]) -> Run {
        let cloud = Stub::new();
        for (name, text) in files {
            std::fs::create_dir_all(cloud.dir().join(name).parent().unwrap()).unwrap();
            cloud.write(name, text);
        }
        let run = run_harmless(command(cloud.dir(), words));
        self.keeps_secrets(&run.out);
        self.keeps_secrets(&run.err);
        run
    }

    /// `show` as JSON, which must be complete.
    #[track_caller]
    pub fn show(&self, settings: &str, table: &str) -> Json {
        let run = self.stackwatch(settings, &["show", table, "-o", "json"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
        run.json()
    }

    #[track_caller]
    fn keeps_secrets(&self, text: &str) {
        for (user, account) in self.lab["accounts"].as_object().unwrap() {
            let password = account["password"].as_str().unwrap();
            assert!(!text.contains(password), "the password of {user} came out:\n{text}");
        }
    }

    /// The dashboard over the stub's cloud and these brokers.
    pub fn dashboard(&self, settings: &str, size: (u16, u16)) -> Dashboard {
        let cloud = Stub::new();
        cloud.write("config.toml", settings);
        let dir = cloud.dir().display().to_string();
        let (clouds, config) = (format!("{dir}/clouds.yaml"), format!("{dir}/config.toml"));
        let env = [("OS_CLIENT_CONFIG_FILE", clouds.as_str()), ("OS_CLOUD", "stub")];
        let pty = Pty::start(&["--pane", "rabbitmq", "--config", &config], &env, size);
        Dashboard { pty, _cloud: cloud }
    }

    fn script(&self, name: &str, words: &[&str]) -> Output {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/brokers").join(name);
        run(Command::new(path).args(words).env("STACKWATCH_BROKERS", &self.run), "")
    }

    /// `rabbitmqctl` of the first node: the rows that it prints.
    pub fn rabbitmqctl(&self, words: &[&str]) -> Vec<Json> {
        let words: Vec<&str> =
            ["1", "-q"].iter().chain(words).chain(&["--formatter", "json"]).copied().collect();
        let output = self.script("ctl", &words);
        assert_eq!(output.code, Some(0), "{output:#?}");
        output.json().as_array().expect("rows").clone()
    }

    /// How often somebody asked a node for its detailed metrics, as the node itself counts.
    pub fn scrapes(&self, node: u8) -> u64 {
        let address = self.address(node, "prometheus");
        let mut stream = TcpStream::connect(&address).expect("a node with metrics");
        write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut body = String::new();
        stream.read_to_string(&mut body).unwrap();
        // Once for each encoding.
        let counted = body.lines().filter(|line| {
            line.starts_with("telemetry_scrape_encoded_size_bytes_count{registry=\"detailed\"")
        });
        counted.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Breaks something until the guard is dropped. `words` are those of `tests/brokers/fault`.
    pub fn fault(&'static self, words: &[&str]) -> Fault {
        Fault::new(|words| self.script("fault", words), words)
    }
}

/// A dashboard, with the cloud that it reads beside the brokers.
pub struct Dashboard {
    pub pty: Pty,
    _cloud: Stub,
}
