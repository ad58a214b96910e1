//! A `stackwatch tail` that runs, and what it prints.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Tail {
    child: Child,
    lines: Receiver<String>,
}

impl Tail {
    /// Starts it, by UTC. Its complaints come among its lines.
    pub fn start(mut command: Command) -> Self {
        command.env("TZ", "UTC").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, lines) = mpsc::channel();
        tell(child.stdout.take().unwrap(), to.clone());
        tell(child.stderr.take().unwrap(), to);
        Self { child, lines }
    }

    /// The next line.
    pub fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line in time")
    }

    /// Whether there is a line within this time.
    pub fn has_told(&self, within: Duration) -> bool {
        self.lines.recv_timeout(within).is_ok()
    }

    /// All that came since.
    pub fn so_far(&self) -> impl Iterator<Item = String> {
        self.lines.try_iter()
    }

    /// Waits for a line with these words; that one and all that came before it.
    pub fn until(&self, words: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            lines.push(line.unwrap_or_else(|_| panic!("no {words:?} among {lines:#?}")));
            if lines.last().is_some_and(|line| line.contains(words)) {
                return lines;
            }
        }
    }

    /// Nobody reads any more: with the next line the pipe is closed.
    pub fn close(&mut self) {
        self.lines = mpsc::channel().1;
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

fn tell(from: impl Read + Send + 'static, to: Sender<String>) {
    let lines = BufReader::new(from).lines().map_while(Result::ok);
    std::thread::spawn(move || lines.into_iter().try_for_each(|line| to.send(line)));
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
