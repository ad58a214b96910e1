//! A simulated cloud in this process, and the openstack CLI over it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;
use stackwatch::sim::{Options, Sim};
use tempfile::TempDir;

use crate::support::cloud::{Home, Output, cli_path, run};

/// How long something may take that happens by itself.
pub const SOON: Duration = Duration::from_secs(60);

pub struct Lab {
    pub sim: Sim,
    dir: TempDir,
    // Last: the cloud's tasks live on it.
    runtime: tokio::runtime::Runtime,
}

impl Lab {
    pub fn start(options: &Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let entered = runtime.enter();
        let sim = Sim::start(options, Vec::new()).unwrap();
        drop(entered);
        let dir = tempfile::tempdir().unwrap();
        sim.write_files(dir.path()).unwrap();
        Self { sim, dir, runtime }
    }

    /// Its directory, with the files that clients look for.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Waits for something that another client does.
    pub fn block_on<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(SOON, what).await.expect("nothing hangs") })
    }

    /// Lets so many seconds of the cloud's time go by at once.
    pub fn pass(&self, seconds: i64) {
        let dump = self.sim.dump();
        let now: jiff::Timestamp = dump["now"].as_str().unwrap().parse().unwrap();
        let then = now + jiff::SignedDuration::from_secs(seconds);
        let url = format!("{}/sim/clock", self.sim.auth_url());
        let body = serde_json::json!({"now": then.to_string()}).to_string();
        let answer = self.block_on(reqwest::Client::new().post(url).body(body).send()).unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Commands of the CLI, a line each, in one process since it takes seconds to start.
    pub fn openstack(&self, entry: &str, commands: &str) -> Output {
        let home = Home::new(&self.dir.path().join("clouds.yaml"), entry);
        let mut command = home.command(cli_path());
        command.env("OS_PLACEMENT_API_VERSION", "1.39");
        run(&mut command, commands)
    }

    /// What such commands answer: a JSON document each.
    pub fn ask(&self, entry: &str, commands: &[String]) -> Vec<Json> {
        let lines: String = commands.iter().map(|command| format!("{command} -f json\n")).collect();
        let output = self.openstack(entry, &lines);
        let documents: Vec<Json> =
            serde_json::Deserializer::from_str(&output.stdout).into_iter().map_while(Result::ok).collect();
        let (first, last) = (output.stdout.len().min(2_000), output.stdout.len().saturating_sub(2_000));
        assert_eq!(
            documents.len(),
            commands.len(),
            "not every command answered:\n{}\n{}\n{}",
            output.stderr,
            output.stdout.get(..first).unwrap_or_default(),
            output.stdout.get(last..).unwrap_or_default(),
        );
        documents
    }
}

/// Rows in an order that does not depend on who lists them.
pub fn sorted(mut rows: Vec<Json>) -> Vec<Json> {
    let key = |row: &Json| {
        let id = ["ID", "Id", "id", "uuid", "Server UUID"].iter().find_map(|name| row.get(*name)).cloned();
        (id.map(|id| id.to_string()), row.to_string())
    };
    rows.sort_by_cached_key(key);
    rows
}

/// Equal, figures to a millionth: hours are added up in another order.
pub fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
