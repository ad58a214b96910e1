//! Quotas of many projects over the simulated cloud: `cargo bench --bench quotas`. The first screen of 2,000 projects, a
//! whole round within its budget as the cloud counts it, and 200 projects against `openstack quota show --usage` for each
//! of them (`tests/cli/install`).
//!
//! `QUOTAS_RATE` is the budget of the round (40 a second; with the 4 that are the default it takes 25 minutes),
//! `QUOTAS_CLI` how many projects the CLI is asked for.
//!
//! Prints rows of `benches/run`'s table. Exits with 1 when a limit is missed.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../tests/it/support/pty.rs"]
mod pty;
#[path = "support/table.rs"]
mod table;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use pty::Pty;
use serde_json::Value as Json;
use table::Table;

/// Until the first useful screen, in milliseconds.
const FIRST: f64 = 1_000.0;
/// Times as fast as the CLI.
const FASTER: f64 = 50.0;
const SIZE: (u16, u16) = (160, 50);

fn main() -> ExitCode {
    let number =
        |name: &str, usual: f64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let mut table = Table::default();
    {
        let cloud = Sim::start(&["--speed", "0"]);
        first_screen(&mut table, &cloud);
        round(&mut table, &cloud, number("QUOTAS_RATE", 40.0));
    }
    let cloud = Sim::start(&["--speed", "0", "--hypervisors", "1000", "--instances", "10000"]);
    against_the_cli(&mut table, &cloud, number("QUOTAS_CLI", 200.0) as usize);
    if table.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// `stackwatch sim`, as large as clouds get if nothing else is said, until it is dropped.
struct Sim {
    child: Child,
    home: tempfile::TempDir,
    keystone: String,
    projects: usize,
}

impl Sim {
    fn start(words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackwatch"));
        command.args(["sim", "--scenario", "scale", "--dir"]).arg(home.path().join("cloud")).args(words);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the simulated cloud");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let said: Vec<String> =
            lines.map_while(Result::ok).take_while(|line| !line.starts_with("try")).collect();
        let word = |line: &str, before: &str| {
            let words: Vec<&str> = line.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
            let at = words.iter().position(|word| *word == before).expect("it says so");
            words[at - 1].parse().expect("a number")
        };
        let projects = word(said.first().expect("its sizes"), "projects");
        let keystone = said.iter().find_map(|line| line.strip_prefix("keystone")).expect("its address");
        Self { child, keystone: keystone.trim().to_owned(), home, projects }
    }

    fn clouds(&self) -> PathBuf {
        self.home.path().join("cloud/clouds.yaml")
    }

    /// Requests that the services have had so far about all else, and about quotas.
    fn asked(&self) -> [f64; 2] {
        let counts: Json = serde_json::from_slice(&get(&self.keystone, "/sim/requests")).expect("JSON");
        let quotas = counts["quotas"].as_f64().expect("a number");
        [counts.as_object().expect("counts").values().filter_map(Json::as_f64).sum::<f64>() - quotas, quotas]
    }

    /// A home directory whose settings have this budget.
    fn home(&self, per_second: f64) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".config/stackwatch");
        fs::create_dir_all(&directory).expect("a directory");
        let settings = format!("[quotas]\nrequests_per_second = {per_second:?}\n");
        fs::write(directory.join("config.toml"), settings).expect("a file");
        home
    }

    fn command(&self, program: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("OS_CLIENT_CONFIG_FILE", self.clouds())
            .env("OS_CLOUD", "admin");
        command
    }

    fn dashboard(&self, home: &Path) -> Pty {
        let clouds = self.clouds();
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (home, clouds) = (text(home), text(&clouds));
        let env = [
            ("HOME", &*home),
            ("OS_CLIENT_CONFIG_FILE", &clouds),
            ("OS_CLOUD", "admin"),
            // Logs of services that this machine may have are not looked for.
            ("STACKWATCH_ROOT", &home),
        ];
        Pty::start(&["--pane", "quotas"], &env, SIZE)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of one answer.
fn get(url: &str, path: &str) -> Vec<u8> {
    let address = url.trim_start_matches("http://").split('/').next().expect("an address");
    let mut stream = TcpStream::connect(address).expect("the simulated cloud");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("it listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let at = memchr::memmem::find(&answer, b"\r\n\r\n").expect("a head");
    answer.split_off(at + 4)
}

/// `2,002`, as the pane writes it.
fn grouped(number: usize) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

/// All projects in an order, and of the first what is used of what.
fn first_screen(table: &mut Table, cloud: &Sim) {
    let shown = format!("{0} of {0} shown", grouped(cloud.projects));
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let home = cloud.home(4.0);
            let begun = Instant::now();
            let dashboard = cloud.dashboard(home.path());
            dashboard.wait_for(Duration::from_secs(60), "the first useful screen", |screen| {
                let rows = screen.rows();
                let is_told = rows.get(4).is_some_and(|row| row.contains('%') && row.contains('/'));
                is_told && rows.iter().any(|row| row.contains(&shown))
            });
            begun.elapsed()
        })
        .collect();
    times.sort();
    let what = format!("quotas of {} projects: exec to all of them in order, median of 5", cloud.projects);
    table.against(&what, times[2].as_secs_f64() * 1e3, "", FIRST, "ms");
}

/// One whole round, and how often the cloud was asked meanwhile.
fn round(table: &mut Table, cloud: &Sim, rate: f64) {
    let home = cloud.home(rate);
    let before = cloud.asked();
    let begun = Instant::now();
    let dashboard = cloud.dashboard(home.path());
    dashboard.wait_for(Duration::from_secs(60), "the round begins", |screen| {
        screen.text().contains("first round")
    });
    dashboard.wait_for(Duration::from_secs(3_600), "the round is over", |screen| {
        let text = screen.text();
        text.contains("shown") && !text.contains("first round") && !text.contains("not read yet")
    });
    let (took, after) = (begun.elapsed().as_secs_f64(), cloud.asked());
    let [others, quotas] = std::array::from_fn(|at| after[at] - before[at]);
    // nova, cinder and neutron: this glance has no limits of projects.
    let budget = stackwatch::collect::first_round(cloud.projects * 3, rate).expect("a budget");
    let what = format!("… the first round at {rate} requests a second, wall");
    table.against(&what, took, "as `doctor` foretells it, and a tenth", budget.as_secs_f64() * 1.1, "s");
    // What goes at once in the beginning is beside the budget.
    let at_once = cloud.projects as f64 * 3.0 - budget.as_secs_f64() * rate;
    let what = format!("… meanwhile the cloud counts {quotas:.0} requests about quotas, a second");
    table.against(&what, (quotas - at_once) / took, "the budget", rate, "");
    table.plain(&format!("… and {others:.0} about all else, a second"), others / took, "");
}

/// The same projects by the CLI, one command each.
fn against_the_cli(table: &mut Table, cloud: &Sim, count: usize) {
    let home = cloud.home(0.0);
    let show = || {
        let begun = Instant::now();
        let program = Path::new(env!("CARGO_BIN_EXE_stackwatch"));
        let output = cloud
            .command(program, home.path())
            .args(["show", "quotas", "-o", "json"])
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (begun.elapsed(), serde_json::from_slice::<Json>(&output.stdout).expect("JSON"))
    };
    let mut runs = [show(), show(), show()];
    runs.sort_by_key(|(time, _)| *time);
    let (ours, document) = &runs[1];
    let rows = document["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), cloud.projects);
    let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("run/cli/bin/openstack");
    let count = count.min(rows.len());
    let begun = Instant::now();
    for row in &rows[..count] {
        let id = row["id"].as_str().expect("an id");
        let output = cloud
            .command(&cli, home.path())
            .args(["quota", "show", "--usage", "-f", "json", id])
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}: tests/cli/install", cli.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Json = serde_json::from_slice(&output.stdout).expect("JSON");
        let told = said.as_array().expect("rows").iter().find(|told| told["Resource"] == "cores");
        assert_eq!(told.expect("a row")["In Use"], row["vcpu"], "{id}");
    }
    let a_project = begun.elapsed().as_secs_f64() / count as f64;
    let theirs = a_project * rows.len() as f64;
    let what = format!("`show quotas` of {} projects without a budget, wall", rows.len());
    let peer = format!("`openstack quota show --usage` for {count} of them, each / {FASTER}");
    table.against(&what, ours.as_secs_f64(), &peer, theirs / FASTER, "s");
    table.plain("times as fast as the CLI", theirs / ours.as_secs_f64(), "");
}
