//! The real binary, run where nothing but the test speaks to it.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{APP_SECRET, PASSWORD, TOKEN};

/// How long any run may take. Only a hang comes near it.
const DEADLINE: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Standard output as the one JSON document that it is.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}):\n{self:#?}"))
    }

    /// The entries of `errors` as (source, kind, message).
    pub fn errors(&self) -> Vec<(String, String, String)> {
        let json = self.json();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let entries = json["errors"].as_array().unwrap().iter();
        entries.map(|e| (text(e, "source"), text(e, "kind"), text(e, "message"))).collect()
    }

    /// Standard error holds each of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is missing:\n{self:#?}");
        }
    }
}

/// A command with this directory as home, working directory and root of whatever host it looks at, and no other
/// environment.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwatch"));
    command.args(args).current_dir(dir).env_clear();
    command.env("HOME", dir).env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("TZ", "UTC");
    command.env("STACKWATCH_ROOT", dir);
    command.stdin(Stdio::null());
    command
}

/// Runs it with nobody at the other end of its standard output: its exit code, and standard error.
#[track_caller]
pub fn run_without_reader(mut command: Command) -> (i32, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

/// Runs it to its end. Whatever the test is about: no secret and no control character comes out.
#[track_caller]
pub fn run(mut command: Command) -> Run {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let drain = |mut pipe: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            pipe.read_to_end(&mut text).unwrap();
            String::from_utf8(text).unwrap()
        })
    };
    let out = drain(Box::new(child.stdout.take().unwrap()));
    let err = drain(Box::new(child.stderr.take().unwrap()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("{command:?} does not end:\n{}\n{}", out.join().unwrap(), err.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let run = Run { code: status.code().unwrap_or(-1), out: out.join().unwrap(), err: err.join().unwrap() };
    let coloured = command.get_args().any(|arg| arg == "ansi");
    for text in [&run.out, &run.err] {
        for secret in [PASSWORD, APP_SECRET, TOKEN] {
            assert!(!text.contains(secret), "a secret came out:\n{run:#?}");
        }
        let plain = text.replace("\r\n", "\n");
        let unsafe_char = |c: char| {
            c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let found = plain.chars().find(|c| unsafe_char(*c) && !(coloured && *c == '\x1b'));
        assert_eq!(found, None, "a control character came out:\n{run:#?}");
    }
    run
}
