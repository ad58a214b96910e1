//! Through a central rsyslog server as the Operations Guide configures it ("Log Management": rsyslog client and server
//! configuration), and through logrotate's two methods. `tests/ssh/up` installs both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stackwatch::source::log::{Folder, Grammar};

use crate::support::pty::poll;
use crate::support::stub::{command, run};
use crate::support::tail::Tail;
use crate::trace::{labels, lines, samples};

mod on_rsyslog {
    #[test]
    #[ignore = "needs rsyslog: tests/ssh/up"]
    fn a_trace_through_a_central_server_has_every_line_that_it_must_have_once() {
        super::a_trace_through_a_central_server_has_every_line_that_it_must_have_once();
    }

    #[test]
    #[ignore = "needs rsyslog: tests/ssh/up"]
    fn a_tail_through_a_central_server_tells_every_line_once_while_logrotate_renames() {
        super::a_tail_tells_every_line_once("create");
    }

    #[test]
    #[ignore = "needs rsyslog: tests/ssh/up"]
    fn a_tail_through_a_central_server_tells_every_line_once_while_logrotate_copies_and_truncates() {
        super::a_tail_tells_every_line_once("copytruncate");
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

/// The server, and its clients by their hosts' names.
struct Rsyslog {
    dir: tempfile::TempDir,
    running: Vec<Child>,
    server: u32,
    port: u16,
    sent: usize,
}

impl Rsyslog {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A port that is free for both, until somebody takes it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        drop(UdpSocket::bind(("127.0.0.1", port)).unwrap());
        let mut this = Self { dir, running: Vec::new(), server: 0, port, sent: 0 };
        let tree = this.tree();
        fs::create_dir_all(&tree).unwrap();
        // The guide's, with TCP beside UDP.
        this.start(
            "server",
            &format!(
                "global(workDirectory=\"{dir}\" maxMessageSize=\"64k\")\n$ModLoad imudp\n$UDPServerAddress 127.0.0.1\n\
                 $UDPServerRun {port}\n$ModLoad imtcp\n$InputTCPServerRun {port}\n\
                 $ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat\n\
                 $template NovaFile,\"{tree}/%HOSTNAME%/nova.log\"\n$template NovaAll,\"{tree}/nova.log\"\n\
                 $template DynFile,\"{tree}/%HOSTNAME%/syslog.log\"\n*.* ?DynFile\nlocal0.* ?NovaFile\n\
                 local0.* ?NovaAll\n& stop\n",
                dir = this.dir.path().display(),
                tree = tree.display(),
            ),
        );
        this.server = this.running[0].id();
        assert!(poll(PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).is_some());
        this
    }

    /// As the guide has it, named so that it is known what it is.
    fn tree(&self) -> PathBuf {
        self.dir.path().join("rsyslog")
    }

    fn start(&mut self, name: &str, config: &str) {
        let file = self.dir.path().join(format!("{name}.conf"));
        fs::write(&file, config).unwrap();
        let child = Command::new("/usr/sbin/rsyslogd")
            .args(["-n", "-i"])
            .arg(self.dir.path().join(format!("{name}.pid")))
            .arg("-f")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("rsyslogd is not there: tests/ssh/up installs it");
        self.running.push(child);
    }

    fn socket(&self, host: &str) -> PathBuf {
        self.dir.path().join(format!("{host}.socket"))
    }

    /// A host that sends all it logs to the server: by `@`, which is UDP, or by `@@`.
    fn client(&mut self, host: &str, by: &str) {
        let config = format!(
            "global(localHostname=\"{host}\" maxMessageSize=\"64k\")\n\
             module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"{}\")\n\
             *.* {by}127.0.0.1:{}\n",
            self.socket(host).display(),
            self.port,
        );
        self.start(host, &config);
        let socket = self.socket(host);
        assert!(poll(PATIENCE, || socket.exists()).is_some(), "{host} does not start");
    }

    /// What a service logs on a host, by `syslog(3)`; nova's facility is LOCAL0.
    fn log(&mut self, host: &str, program: &str, line: &str) {
        let facility = if program.starts_with("nova") { 16 } else { 3 };
        let text = format!("<{}>Nov 23 18:48:41 {program}[2712]: {line}", facility * 8 + 6);
        let socket = UnixDatagram::unbound().unwrap();
        socket.send_to(text.as_bytes(), self.socket(host)).unwrap();
        self.sent += 1;
    }

    /// Until the server has written all that was sent: what UDP cannot hold is lost to everybody.
    fn settle(&self) {
        let written = poll(PATIENCE, || {
            let hosts = fs::read_dir(self.tree()).unwrap().flatten();
            // rsyslog tells of itself, too.
            let ours = |host: fs::DirEntry| {
                let text = fs::read(host.path().join("syslog.log")).unwrap_or_default();
                String::from_utf8_lossy(&text).lines().filter(|line| line.contains("[2712]: ")).count()
            };
            hosts.map(ours).sum::<usize>() == self.sent
        });
        assert!(written.is_some(), "the server has not written all {} lines", self.sent);
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A file of the samples: its host, and the program that wrote it.
fn whose(file: &str) -> (&str, &str) {
    let stem = file.strip_suffix(".log").unwrap_or(file);
    stem.strip_prefix("nova-compute-").map_or(("ctl01", stem), |host| (host, "nova-compute"))
}

/// What oslo.log hands to syslog: a record with its traceback is one message.
fn records(path: &Path) -> Vec<String> {
    let (grammar, mut folder) = (Grammar::shipped().unwrap(), Folder::default());
    let mut records: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let bytes = fs::read(path).unwrap();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let (record, _) = folder.place(line.as_bytes(), &grammar.parse(line.as_bytes()));
        records.entry(record).or_default().push(line.to_owned());
    }
    records.into_values().map(|lines| lines.join("\n")).collect()
}

/// What stands behind the syslog prefix.
fn text(line: &str) -> &str {
    line.split_once("[2712]: ").map_or(line, |(_, text)| text).trim()
}

fn a_trace_through_a_central_server_has_every_line_that_it_must_have_once() {
    let directory = samples().join("logs/zed");
    let mut rsyslog = Rsyslog::new();
    let mut hosts = BTreeSet::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (host, program) = whose(&name);
        if hosts.insert(host.to_owned()) {
            rsyslog.client(host, "@");
        }
        for (n, record) in records(&directory.join(&name)).iter().enumerate() {
            rsyslog.log(host, program, record);
            if n % 50 == 49 {
                rsyslog.settle();
            }
        }
        rsyslog.settle();
    }
    let of = |(file, number): (String, usize)| {
        let bytes = fs::read(directory.join(file)).unwrap();
        String::from_utf8_lossy(&bytes).lines().nth(number - 1).unwrap().trim().to_owned()
    };
    let texts =
        |labels: &BTreeMap<String, String>| lines(labels).into_iter().map(of).collect::<BTreeSet<String>>();
    let mut traced = 0;
    for (name, labels) in labels().into_iter().filter(|(_, labels)| labels.logs == "zed") {
        traced += 1;
        let (must, may) = (texts(&labels.must), texts(&labels.may));
        let args = ["trace", &labels.instance, "--log", "rsyslog", "-o", "raw"];
        let mut command = command(rsyslog.dir.path(), &args);
        command.env("TZ", "UTC");
        let run = run(command);
        // rsyslog writes a record's line ends as #012.
        let found: Vec<&str> =
            run.out.lines().flat_map(|line| text(line).split("#012")).map(str::trim).collect();
        let missing: Vec<_> = must.iter().filter(|line| !found.contains(&line.as_str())).collect();
        let wrong: Vec<_> =
            found.iter().filter(|line| !must.contains(**line) && !may.contains(**line)).collect();
        assert!(missing.is_empty() && wrong.is_empty(), "{name}: missing {missing:#?}, wrong {wrong:#?}");
        // Three files hold each record; some services say the same twice within a millisecond.
        let said: Vec<String> = lines(&labels.must)
            .into_iter()
            .chain(lines(&labels.may))
            .map(of)
            .filter(|line| !line.is_empty())
            .collect();
        for line in found.iter().filter(|line| !line.is_empty()) {
            let times = found.iter().filter(|other| *other == line).count();
            let most = said.iter().filter(|other| other == line).count();
            assert!(times <= most, "{name}: {times} times, and was said {most} times: {line}");
        }
    }
    assert!(traced >= 4, "{traced}");
}

/// Three hosts log while the server's files are rotated again and again. With copytruncate they hold still meanwhile:
/// what is written between the copy and the truncation is lost to everybody.
fn a_tail_tells_every_line_once(method: &str) {
    const HOSTS: [&str; 3] = ["cmp01", "cmp02", "ctl01"];
    let mut rsyslog = Rsyslog::new();
    let config = rsyslog.dir.path().join("rotate.conf");
    let tree = rsyslog.tree();
    let rotate = format!(
        "{tree}/*.log {tree}/*/*.log {{\n  rotate 30\n  missingok\n  notifempty\n  {method}\n  \
         sharedscripts\n  postrotate\n    kill -HUP {}\n  endscript\n}}\n",
        rsyslog.server,
        tree = tree.display(),
    );
    fs::write(&config, rotate).unwrap();
    for host in HOSTS {
        rsyslog.client(host, "@@");
        rsyslog.log(host, "nova-compute", "the first");
    }
    poll(PATIENCE, || tree.join("nova.log").exists()).expect("the server writes");
    rsyslog.settle();
    let tail = Tail::start(command(rsyslog.dir.path(), &["tail", "--log", "rsyslog", "-n", "0"]));
    // It has found the files once it tells of a line.
    poll(PATIENCE, || {
        rsyslog.log("ctl01", "nova-api", "is it there?");
        tail.has_told(Duration::from_millis(100))
    })
    .expect("the tail tells of what comes");
    rsyslog.settle();
    let mut expected = BTreeSet::new();
    for round in 0..6 {
        for n in 0..100 {
            for host in HOSTS {
                let line = format!(
                    "2026-11-23 18:48:{:02}.{:03} 2712 INFO nova.compute.manager [-] {host} line {round:02}-{n:03}",
                    round, n
                );
                rsyslog.log(host, "nova-compute", &line);
                expected.insert(line);
            }
        }
        if method == "copytruncate" {
            rsyslog.settle();
        }
        let rotated = Command::new("/usr/sbin/logrotate")
            .arg("--force")
            .arg("--state")
            .arg(rsyslog.dir.path().join("state"))
            .arg(&config)
            .status();
        assert!(rotated.expect("logrotate is not there: tests/ssh/up installs it").success());
        // Nothing is left in the files.
        if method == "copytruncate" {
            rsyslog.sent = 0;
        }
    }
    let mut told = Vec::new();
    let is_all = poll(PATIENCE, || {
        told.extend(tail.so_far().map(|line| text(&line).to_owned()).filter(|line| line.contains(" line ")));
        told.iter().collect::<BTreeSet<_>>().len() >= expected.len()
    });
    let once: BTreeSet<String> = told.iter().cloned().collect();
    let lost: Vec<_> = expected.difference(&once).collect();
    assert!(is_all.is_some() && lost.is_empty(), "lost {} of {}: {lost:?}", lost.len(), expected.len());
    assert_eq!(told.len(), once.len(), "a line was told twice");
}
