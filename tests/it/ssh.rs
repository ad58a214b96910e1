//! Traces through the logs of other hosts, over real sshd's: the labelled truth of `tests/samples/trace` with the
//! compute hosts' logs behind SSH, and every way in which a host can refuse, break or be away.

mod journal;
mod tail;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use stackwatch::config::logs::LogPlace;
use stackwatch::model::Passage;
use stackwatch::source::log::scan::elsewhere::{Asked, Elsewhere, Way};
use stackwatch::source::log::scan::{Beside, Limits, Progress, Told, everywhere};
use stackwatch::source::log::ssh::{Host, Ssh};
use stackwatch::source::log::{Grammar, files, stretch};
use stackwatch::trace::{Subject, Trace};

use crate::support::pty::Pty;
use crate::support::sshd::{Hosts, OPERATOR, sshd_tests};
use crate::support::stub::{Stub, run};
use crate::trace::{Labels, Lines, labels, lines, samples};

use journal::{
    a_tail_of_journals_tells_every_record_once_through_broken_connections,
    the_dashboard_follows_the_journal_and_leads_from_a_record_to_its_trace,
};
use tail::{
    a_file_that_was_truncated_and_has_grown_beyond_its_old_size_between_two_looks_is_told_anew,
    a_tail_over_ssh_tells_every_line_once_through_rotations_and_broken_connections,
};

sshd_tests! {
    a_trace_over_ssh_has_every_line_that_it_must_have_and_names_the_host_that_is_down,
    the_word_tells_of_hosts_here_and_there_which_one_it_was_that_failed,
    what_a_host_refuses_is_said_with_the_next_step_and_asks_nobody,
    a_host_that_dies_in_the_stream_is_named_and_the_rest_is_told,
    the_log_around_a_line_is_read_where_the_line_stands_by_now,
    the_doctor_says_of_each_host_whether_it_is_reached_and_what_may_be_read_there,
    a_tail_over_ssh_tells_every_line_once_through_rotations_and_broken_connections,
    a_file_that_was_truncated_and_has_grown_beyond_its_old_size_between_two_looks_is_told_anew,
    a_tail_of_journals_tells_every_record_once_through_broken_connections,
    the_dashboard_follows_the_journal_and_leads_from_a_record_to_its_trace,
}

/// The logs of a directory of samples: those of compute hosts behind their own sshd's, all others here.
struct Split {
    hosts: Hosts,
    here: PathBuf,
    /// Of the compute hosts.
    names: Vec<String>,
    files: PathBuf,
}

fn compute(file: &str) -> Option<&str> {
    file.strip_prefix("nova-compute-")?.strip_suffix(".log")
}

impl Split {
    fn new(logs: &str) -> Self {
        let mut hosts = Hosts::new();
        let files = samples().join("logs").join(logs);
        let here = hosts.logs("here");
        let mut names = Vec::new();
        for entry in fs::read_dir(&files).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let to = match compute(&name) {
                Some(host) => {
                    hosts.start(host);
                    names.push(host.to_owned());
                    hosts.logs(host)
                }
                None => here.clone(),
            };
            fs::copy(files.join(&name), to.join(&name)).unwrap();
        }
        names.sort();
        hosts.down("down");
        Self { hosts, here, names, files }
    }

    /// Asks all hosts, or a closed port in place of one.
    fn elsewhere(&self, runtime: tokio::runtime::Handle, down: Option<&str>) -> Elsewhere {
        let asked = |name: &String| {
            let place = LogPlace::named(vec![self.hosts.logs(name)], "test");
            let called = if down == Some(name) { "down" } else { name };
            let way = if name == "cmp01" { Way::Sudo } else { Way::Ssh };
            Asked { host: Host::parse(called).unwrap(), way, place }
        };
        let ssh = Ssh { program: self.hosts.ssh().into(), ..Ssh::default() };
        Elsewhere { ssh, hosts: self.names.iter().map(asked).collect(), runtime }
    }

    fn trace(&self, subject: &str, down: Option<&str>) -> (Told, Lines) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let elsewhere = self.elsewhere(runtime.handle().clone(), down);
        let place = LogPlace::named(vec![self.here.clone()], "test").in_zone(TimeZone::UTC);
        let found = files::find(&[place]);
        let mut trace = Trace::new(Subject::parse(subject.as_bytes()).unwrap());
        let mut names: Vec<PathBuf> = found.files.iter().map(|file| file.path.clone()).collect();
        let mut say = |progress: Progress| {
            if let Progress::File(file) = progress {
                names.push(file.path.clone());
            }
        };
        let (grammar, never) = (Grammar::shipped().unwrap(), AtomicBool::new(false));
        let limits = Limits::default();
        let beside = Beside { others: Some(&elsewhere), ..Beside::default() };
        let told = everywhere(&found.files, beside, &grammar, &mut trace, limits, &never, &mut say);
        let lines = self.kept(&told, &names);
        (told, lines)
    }

    /// File and number of every line that was kept.
    fn kept(&self, told: &Told, files: &[PathBuf]) -> Lines {
        let mut lines = Lines::new();
        for kept in &told.records {
            let name = files[kept.file].file_name().unwrap().to_str().unwrap();
            let text = fs::read(self.files.join(name)).unwrap();
            for (offset, length) in &kept.record.lines {
                let (before, from) = text.split_at(usize::try_from(*offset).unwrap());
                let number = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                assert!(before.is_empty() || before.ends_with(b"\n"), "{name}: {offset} begins a line");
                assert!(matches!(from.get(*length as usize), None | Some(b'\n' | b'\r')), "{name}:{number}");
                assert!(lines.insert((name.to_owned(), number)), "{name}:{number} is there twice");
            }
        }
        lines
    }
}

fn a_trace_over_ssh_has_every_line_that_it_must_have_and_names_the_host_that_is_down() {
    let all = labels();
    let directories: BTreeSet<&str> = all.iter().map(|(_, labels)| labels.logs.as_str()).collect();
    let mut there = 0;
    for logs in directories {
        let split = Split::new(logs);
        assert!(split.names.len() >= 3, "{logs}: {:?}", split.names);
        for (name, labels) in all.iter().filter(|(_, labels)| labels.logs == logs) {
            let Labels { instance, must, may, .. } = labels;
            let (must, may) = (lines(must), lines(may));
            let last = split.names.last().unwrap();
            for down in [None, Some(last.as_str())] {
                let (told, found) = split.trace(instance, down);
                let is_there = |file: &str| compute(file).is_some_and(|host| Some(host) != down);
                let is_down = |file: &str| down.is_some() && compute(file) == down;
                let missing: Vec<_> =
                    must.difference(&found).filter(|(file, _)| !is_down(file)).take(5).collect();
                let is_wrong = |line: &&(String, usize)| !must.contains(line) && !may.contains(line);
                let wrong: Vec<_> = found.iter().filter(is_wrong).take(5).collect();
                assert!(
                    missing.is_empty() && wrong.is_empty(),
                    "{name}, {down:?} down: missing {missing:?}, wrong {wrong:?}"
                );
                there += found.iter().filter(|(file, _)| is_there(file)).count();
                let messages: Vec<&str> = told
                    .troubles
                    .iter()
                    .chain(told.failed.iter().map(|(_, trouble)| trouble))
                    .map(|trouble| &*trouble.message)
                    .collect();
                match down {
                    None => assert!(messages.is_empty(), "{name}: {messages:?}"),
                    Some(_) => assert_eq!(
                        messages,
                        ["nothing from down: host unreachable over SSH: connection refused"],
                        "{name}"
                    ),
                }
                assert_eq!((told.dropped, told.unfinished, told.trouble.len()), (0, 0, 0), "{name}");
            }
        }
    }
    assert!(there >= 100, "{there} lines came over SSH");
}

const BUILT: &str = "bb14af8d-23f4-4ea7-ae7c-0ec78139497d";

fn the_word_tells_of_hosts_here_and_there_which_one_it_was_that_failed() {
    let split = Split::new("zed-later");
    let mut settings = format!("[[logs]]\npath = '{}'\ntime_zone = 'UTC'\n", split.here.display());
    for name in &split.names {
        let called = if name == "cmp21" { "down" } else { name };
        let path = split.hosts.logs(name);
        settings.push_str(&format!("[[logs]]\nssh = '{called}'\nsudo = true\npath = '{}'\n", path.display()));
    }
    let run = split.hosts.run(&settings, &["trace", BUILT, "-o", "json"]);
    assert_eq!(run.code, 3, "{run:#?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    let of = |host: &str| {
        rows.iter().filter(|row| row["host"] == host).map(|row| row["file"].as_str().unwrap()).collect()
    };
    let (first, second): (Vec<&str>, Vec<&str>) = (of("cmp20"), of("cmp01"));
    assert!(first.len() >= 6 && second.len() >= 3, "{first:?} {second:?}");
    assert!(first.iter().all(|file| file.starts_with("cmp20:/")), "{first:?}");
    assert!(rows.iter().any(|row| row["service"] == "nova-compute" && row["host"] == "cmp20"), "{rows:#?}");
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let (source, kind, message) = &errors[0];
    assert_eq!((source.as_str(), kind.as_str()), ("logs", "unreachable"));
    assert_eq!(message, "nothing from down: host unreachable over SSH: connection refused");
    let clocks = json["clocks"].as_array().unwrap();
    assert_eq!(clocks.len(), 2);
    assert!(clocks.iter().all(|clock| clock["ahead_seconds"].as_f64().unwrap().abs() < 1.0), "{clocks:?}");
    // For people, with what to do.
    let run = split.hosts.run(&settings, &["trace", BUILT]);
    run.says(&["nothing from down: host unreachable over SSH: connection refused", "`ssh down true`"]);
}

fn the_log_around_a_line_is_read_where_the_line_stands_by_now() {
    let split = Split::new("zed-later");
    let dir = split.hosts.logs("cmp20");
    let settings = |called: &str| format!("[[logs]]\nssh = '{called}'\npath = '{}'\n", dir.display());
    let ssh = Ssh { program: split.hosts.ssh().into(), ..Ssh::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = dir.join("nova-compute-cmp20.log");
    let text = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let marked = 59;
    let offset = lines[..marked].iter().map(|line| line.len() as u64).sum();
    let around = |called: &str| {
        let places = stackwatch::config::file::parse(&settings(called), "test").unwrap().logs;
        let whole = lines[marked].strip_suffix(b"\n").unwrap();
        let passage = Passage::new(format!("{called}:{}", path.display()).into(), offset, whole);
        runtime.block_on(stretch::read(&ssh, &places, &Grammar::shipped().unwrap(), &passage))
    };
    let told = around("cmp20");
    assert!(told.trouble.is_none(), "{:?}", told.trouble);
    let at = told.lines.iter().position(|line| line.offset == offset).unwrap();
    for (away, line) in [(-1, lines[marked - 1]), (0, lines[marked]), (1, lines[marked + 1])] {
        let found = &told.lines[at.checked_add_signed(away).unwrap()];
        assert_eq!([&*found.text, b"\n"].concat(), line);
    }
    // Rotated since, and something else is written under its name.
    let old = dir.join("nova-compute-cmp20.log.1");
    fs::rename(&path, &old).unwrap();
    fs::write(&path, "2026-11-24 00:00:00.000 1 INFO nova.compute.manager [-] begun anew\n").unwrap();
    let told = around("cmp20");
    assert!(told.trouble.is_none() && told.path.ends_with(".log.1"), "{} {:?}", told.path, told.trouble);
    assert!(told.lines.iter().any(|line| line.offset == offset));
    fs::remove_file(&old).unwrap();
    let message = |called: &str| around(called).trouble.unwrap().message;
    assert!(message("cmp20").contains("was rotated since"), "{}", message("cmp20"));
    assert!(message("down").contains("host unreachable over SSH"), "{}", message("down"));
}

fn what_a_host_refuses_is_said_with_the_next_step_and_asks_nobody() {
    let mut hosts = Hosts::new();
    hosts.start("cmp01");
    // All by the one sshd: which key and whose account, ssh's configuration says.
    let other = format!("  IdentityFile {}\n  IdentitiesOnly yes\n", hosts.path("cmp01.key").display());
    let operator = format!("  User {OPERATOR}\n");
    let key = hosts.key("cmp01");
    for (name, settings) in [
        ("asks", other.replace("cmp01.key", "other")),
        ("changed", String::new()),
        ("stranger", String::new()),
        ("sudo", operator.clone()),
        ("rights", operator),
        ("nowhere", "  HostName nowhere.invalid\n".to_owned()),
    ] {
        hosts.also(name, "cmp01", &settings);
        match name {
            "changed" => hosts.know(name, &fs::read_to_string(hosts.path("id.pub")).unwrap()),
            "stranger" => {}
            _ => hosts.know(name, &key),
        }
    }
    // Nobody's key. ssh would take the first of several as well.
    let config = fs::read_to_string(hosts.path("config")).unwrap();
    let asks: String = config.split("Host ").filter(|host| host.starts_with("asks")).collect();
    let without = asks.replace(&format!("  IdentityFile {}\n", hosts.path("id").display()), "");
    fs::write(hosts.path("config"), config.replace(&asks, &without)).unwrap();

    let logs = hosts.logs("cmp01");
    fs::copy(samples().join("logs/zed-later/nova-compute-cmp20.log"), logs.join("nova-compute.log")).unwrap();
    let secret = hosts.logs("rights").join("nova-compute.log");
    fs::write(&secret, "2026-11-23 18:00:00.000 1 INFO nova.compute [-] x\n").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut settings = String::new();
    for (name, path) in [
        ("cmp01", "cmp01"),
        ("asks", "cmp01"),
        ("changed", "cmp01"),
        ("stranger", "cmp01"),
        ("sudo", "cmp01"),
        ("rights", "rights"),
        ("nowhere", "cmp01"),
    ] {
        let path = hosts.logs(path);
        settings.push_str(&format!("[[logs]]\nssh = '{name}'\npath = '{}'\n", path.display()));
        if name == "sudo" {
            settings.push_str("sudo = true\n");
        }
    }
    let run = hosts.run(&settings, &["trace", BUILT]);
    assert_eq!(run.code, 3, "{run:#?}");
    run.says(&[
        "nothing from asks: SSH refused: no key of yours lets you in without a password",
        "`ssh-copy-id asks`",
        "nothing from changed: SSH refused: the host's key is another than it was",
        "`ssh-keygen -R changed`",
        "nothing from stranger: SSH refused: the host's key is not known here",
        "accept its key once, by hand: `ssh stranger`",
        "nothing from sudo: sudo there would ask for a password",
        "NOPASSWD",
        &format!("rights: no right to read {}", secret.display()),
        "`sudo = true`",
        "nothing from nowhere: host unreachable over SSH: nobody knows its name",
    ]);
    assert!(run.out.contains("cmp01"), "the others hold up nobody: {run:#?}");
    assert_eq!(run.err.matches("nothing from").count(), 5, "{run:#?}");
}

fn a_host_that_dies_in_the_stream_is_named_and_the_rest_is_told() {
    let split = Split::new("zed-later");
    // A grep that has told everything of its file, and goes on for ever.
    let streaming = split.hosts.path("streaming");
    let grep = format!(
        "#!/bin/sh\ncase \"$*\" in *'-B 200'*) ;; *) exec /usr/bin/grep \"$@\" ;; esac\n/usr/bin/grep \"$@\"\n\
         : >{0}\nwhile [ -e {0} ]; do sleep 0.1; done\n",
        streaming.display()
    );
    split.hosts.program("cmp20.bin/grep", &grep);
    let mut settings = format!("[[logs]]\npath = '{}'\ntime_zone = 'UTC'\n", split.here.display());
    for name in &split.names {
        let path = split.hosts.logs(name);
        settings.push_str(&format!("[[logs]]\nssh = '{name}'\npath = '{}'\n", path.display()));
    }
    let command = split.hosts.command(&settings, &["trace", BUILT, "-o", "json"]);
    let work = std::thread::spawn(move || run(command));
    while !streaming.exists() {
        assert!(!work.is_finished(), "it ended: {:#?}", work.join());
        std::thread::yield_now();
    }
    split.hosts.break_connections("cmp20");
    let run = work.join().unwrap();
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].2.starts_with("not all from cmp20: the connection over SSH broke"), "{errors:?}");
    let json = run.json();
    let rows = json["rows"].as_array().unwrap();
    for host in ["cmp01", "cmp20"] {
        assert!(rows.iter().any(|row| row["host"] == host), "{host}: {rows:#?}");
    }
    fs::remove_file(&streaming).unwrap();
}

fn the_doctor_says_of_each_host_whether_it_is_reached_and_what_may_be_read_there() {
    let mut hosts = Hosts::new();
    hosts.start("cmp01");
    let key = hosts.key("cmp01");
    hosts.also("rights", "cmp01", &format!("  User {OPERATOR}\n"));
    hosts.know("rights", &key);
    hosts.down("down");
    let logs = hosts.logs("cmp01");
    for (name, mode) in [("nova-compute.log", 0o644), ("secret.log", 0o600), ("closed", 0o700)] {
        if name == "closed" {
            fs::create_dir(logs.join(name)).unwrap();
        } else {
            fs::write(logs.join(name), "x\n").unwrap();
        }
        fs::set_permissions(logs.join(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    let mut settings = String::new();
    for name in ["cmp01", "rights", "down"] {
        let paths = [logs.display().to_string(), "/nowhere/at/all".to_owned()];
        settings.push_str(&format!("[[logs]]\nssh = '{name}'\npath = {paths:?}\n"));
    }
    let run = hosts.run(&settings, &["doctor"]);
    let logs = logs.display();
    for part in [
        &format!("2 files in {logs}, over SSH, in ")[..],
        "nothing from down: host unreachable over SSH: connection refused",
        &format!("1 file in {logs}, over SSH, in "),
        &format!("no right to read 1 file in {logs}"),
        &format!("no right to list {logs}/closed"),
        "next: let the account on rights join the group adm, or set `sudo = true` in [[logs]]",
        "there is no /nowhere/at/all",
    ] {
        assert!(run.out.contains(part), "{part}:\n{}", run.out);
    }
    assert!(run.out.lines().any(|line| line.starts_with("o logs of cmp01")), "{}", run.out);
    assert!(run.out.lines().any(|line| line.starts_with("x logs of down")), "{}", run.out);
}

/// What a host that is down makes ssh say.
const REFUSED: &str = "echo 'ssh: connect to host x port 22: Connection refused' >&2; exit 255";

/// An `ssh` that does this, first in the PATH that is returned. `$command` is what it was to run on `$host`.
fn fake_ssh(dir: &Path, does: &str) -> String {
    let bin = dir.join("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nhost=$2 command=$3\n{does}\n");
    fs::write(bin.join("ssh"), script).unwrap();
    fs::set_permissions(bin.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", bin.display())
}

/// On screen, too: who is waited for, what was found, and who told nothing.
#[test]
fn the_dashboard_waits_for_a_host_in_words_and_shows_what_it_brings() {
    let cloud = Stub::new();
    let (go, logs) = (cloud.dir().join("go"), cloud.dir().join("logs"));
    fs::create_dir(&logs).unwrap();
    fs::copy(samples().join("logs/zed-later/nova-compute-cmp20.log"), logs.join("nova-compute.log")).unwrap();
    let waits = format!("while ! [ -e {} ]; do sleep 0.05; done", go.display());
    let does = format!("[ $host = log01 ] && {{ {REFUSED}; }}\n{waits}\nexec sh -c \"$command\"");
    let path = fake_ssh(cloud.dir(), &does);
    fs::create_dir_all(cloud.dir().join(".config/stackwatch")).unwrap();
    cloud.write(
        ".config/stackwatch/config.toml",
        &format!("[[logs]]\nssh = ['cmp20', 'log01']\npath = '{}'\n", logs.display()),
    );
    let (home, clouds) = (cloud.dir().display().to_string(), cloud.dir().join("clouds.yaml"));
    let env = [("HOME", &*home), ("PATH", &path), ("OS_CLIENT_CONFIG_FILE", clouds.to_str().unwrap())];
    let mut dashboard = Pty::start(&["--cloud", "stub", "--pane", "instances"], &env, (120, 40));
    dashboard.see(" instances · ");
    dashboard.press(&format!(":trace {BUILT}<enter>"));
    dashboard.see("waiting for the logs of 1 host");
    fs::write(&go, "").unwrap();
    let screen = dashboard.see("Instance failed to spawn");
    assert!(screen.contains("nova-compute on cmp20"), "{}", screen.text());
    dashboard.see("nothing from log01: host unreachable over SSH");
}

/// Which hosts there are the API says; what they are called ssh gets after all options.
#[test]
fn hosts_are_those_of_the_clouds_services_that_match() {
    let cloud = Stub::new();
    let asked = cloud.dir().join("asked");
    let path = fake_ssh(cloud.dir(), &format!("echo $host >>{}\n{REFUSED}", asked.display()));
    fs::create_dir_all(cloud.dir().join(".config/stackwatch")).unwrap();
    cloud.write(
        ".config/stackwatch/config.toml",
        "[[logs]]\nssh = ['cmp*', 'zeus*', 'log01']\n[[logs]]\nssh = '-oProxyCommand=x'\n",
    );
    let mut command = cloud.command(&["trace", BUILT]);
    command.env("PATH", path);
    let run = run(command);
    let names = fs::read_to_string(&asked).unwrap();
    let names: BTreeSet<&str> = names.lines().collect();
    assert_eq!(names, ["cmp01", "cmp02", "cmp03", "log01"].into());
    run.says(&[
        "no host of nova's or neutron's list is called `zeus*`",
        "nothing from -oProxyCommand=x: no name that ssh may be given",
        "nothing from cmp03: host unreachable over SSH: connection refused",
        "there is no log to read",
        "see above why no host told anything",
    ]);
    assert!(!Path::new("x").exists());
}
