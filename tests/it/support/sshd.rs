//! Hosts that are reached over SSH: real sshd's on loopback ports, each with its own key and configuration, and an
//! `ssh` first in PATH that knows no other configuration than theirs. `tests/ssh/up` installs what that needs.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::stub::{Run, command, run};

/// Makes a test of each function that is named, to be run where sshd is. A bare `cargo test` lists them as ignored;
/// `tests/run` runs them all.
macro_rules! sshd_tests {
    ($($name:ident,)+) => {
        mod on_sshd {
            $(#[test]
            #[ignore = "needs sshd: tests/ssh/up"]
            fn $name() {
                super::$name();
            })+
        }
    };
}
pub(crate) use sshd_tests;

/// An account without rights, which `tests/ssh/up` makes.
pub const OPERATOR: &str = "stackwatch-operator";

/// All of them, and who may go there.
pub struct Hosts {
    dir: tempfile::TempDir,
    running: Vec<(String, Child)>,
    config: String,
}

impl Hosts {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // An account without rights goes here, too.
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let hosts = Self { dir, running: Vec::new(), config: String::new() };
        keygen(&hosts.path("id"));
        fs::copy(hosts.path("id.pub"), hosts.path("authorized")).unwrap();
        fs::write(hosts.path("known_hosts"), "").unwrap();
        fs::create_dir(hosts.path("bin")).unwrap();
        let ssh = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", hosts.path("config").display());
        hosts.program("bin/ssh", &ssh);
        hosts
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The `ssh` that knows them.
    pub fn ssh(&self) -> PathBuf {
        self.path("bin/ssh")
    }

    pub fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// A directory of this host's, for its logs.
    pub fn logs(&self, name: &str) -> PathBuf {
        let path = self.path("hosts").join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Starts a host, whose key is known.
    pub fn start(&mut self, name: &str) {
        let port = self.sshd(name);
        self.know(name, &self.key(name));
        self.configure(name, port, "");
    }

    /// Where nothing listens.
    pub fn down(&mut self, name: &str) {
        self.configure(name, 1, "");
    }

    /// Another name for the host that was started under its first: with settings of its own.
    pub fn also(&mut self, name: &str, of: &str, settings: &str) {
        let port = self.config.split(&format!("Host {of}\n  Port ")).nth(1).unwrap();
        let port = port.lines().next().unwrap().parse().unwrap();
        self.configure(name, port, settings);
    }

    /// The public part of a host's key.
    pub fn key(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.key.pub"))).unwrap()
    }

    /// Takes a key for a host's.
    pub fn know(&self, name: &str, key: &str) {
        let mut known = fs::read_to_string(self.path("known_hosts")).unwrap();
        writeln!(known, "{name} {}", key.trim()).unwrap();
        fs::write(self.path("known_hosts"), known).unwrap();
    }

    fn configure(&mut self, name: &str, port: u16, settings: &str) {
        // The first value counts.
        write!(
            self.config,
            "Host {name}\n  Port {port}\n{settings}  HostName 127.0.0.1\n  HostKeyAlias {name}\n  User root\n  \
             IdentityFile {id}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  \
             GlobalKnownHostsFile none\n  StrictHostKeyChecking ask\n",
            id = self.path("id").display(),
            known = self.path("known_hosts").display(),
        )
        .unwrap();
        fs::write(self.path("config"), &self.config).unwrap();
    }

    /// A port is free until somebody takes it: then another.
    fn sshd(&mut self, name: &str) -> u16 {
        let key = self.path(&format!("{name}.key"));
        keygen(&key);
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n\
                 UsePAM no\nPermitRootLogin yes\nPasswordAuthentication yes\nPidFile none\n\
                 SetEnv PATH={}:/usr/bin:/bin\n",
                key.display(),
                self.path("authorized").display(),
                self.path(&format!("{name}.bin")).display(),
            );
            let file = self.path(&format!("{name}.sshd"));
            fs::write(&file, config).unwrap();
            let log = fs::File::create(self.path(&format!("{name}.log"))).unwrap();
            let mut child = Command::new("/usr/sbin/sshd")
                .args(["-D", "-e", "-f"])
                .arg(&file)
                .stdin(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("sshd is not there: tests/ssh/up installs it");
            if listens(&mut child, port) {
                self.running.push((name.to_owned(), child));
                return port;
            }
        }
        panic!("{name} does not start: {:?}", fs::read_to_string(self.path(&format!("{name}.log"))));
    }

    /// Kills what serves the connections to a host, as if it had lost its power.
    pub fn break_connections(&self, name: &str) {
        let (_, sshd) = self.running.iter().find(|(running, _)| running == name).unwrap();
        let parent = |pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()
        };
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let of_it: Vec<i32> = pids.filter(|pid| parent(*pid) == Some(sshd.id())).collect();
        assert!(!of_it.is_empty(), "nobody is connected to {name}");
        for pid in of_it {
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        }
    }

    /// The real binary, with these settings and this `ssh`.
    pub fn command(&self, settings: &str, args: &[&str]) -> Command {
        let home = self.path("home");
        fs::create_dir_all(home.join(".config/stackwatch")).unwrap();
        fs::write(home.join(".config/stackwatch/config.toml"), settings).unwrap();
        let mut command = command(&home, args);
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command
    }

    #[track_caller]
    pub fn run(&self, settings: &str, args: &[&str]) -> Run {
        run(self.command(settings, args))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen is not there: tests/ssh/up installs it").success());
}

fn listens(child: &mut Child, port: u16) -> bool {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(20) {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}
