//! This host's journald. Where none runs, one is started: it needs no systemd above it. `tests/ssh/up` installs it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::pty::poll;

const SOCKET: &str = "/run/systemd/journal/socket";
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Journald {
    /// The one that was started here.
    own: Option<Child>,
}

fn connected() -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect(SOCKET).ok().map(|()| socket)
}

impl Journald {
    pub fn new() -> Self {
        if connected().is_some() {
            return Self { own: None };
        }
        fs::create_dir_all("/run/systemd/journal").unwrap();
        let started = Command::new("/lib/systemd/systemd-journald")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let own = Some(started.expect("journald is not there: tests/ssh/up installs it"));
        let this = Self { own };
        assert!(poll(PATIENCE, || connected().is_some()).is_some(), "journald does not start");
        this
    }

    /// Writes a record, as its clients do: each field with the length of its value.
    pub fn write(&self, fields: &[(&str, &[u8])]) {
        let mut record = Vec::new();
        for (name, value) in fields {
            record.extend_from_slice(name.as_bytes());
            record.push(b'\n');
            record.extend_from_slice(&(value.len() as u64).to_le_bytes());
            record.extend_from_slice(value);
            record.push(b'\n');
        }
        connected().unwrap().send(&record).unwrap();
    }
}

impl Drop for Journald {
    fn drop(&mut self) {
        if let Some(own) = &mut self.own {
            let _ = own.kill();
            let _ = own.wait();
        }
    }
}
