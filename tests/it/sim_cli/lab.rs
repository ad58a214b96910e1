//! A simulated cloud in this process, and the openstack CLI over it.

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
    _runtime: tokio::runtime::Runtime,
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
        Self { sim, dir, _runtime: runtime }
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
