use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::super::files;
use super::super::super::ssh::Patience;
use super::super::{Beside, Limits, Progress, Told, everywhere};
use super::*;
use crate::trace::Trace;

const UUID: &str = "f064d769-2144-43c6-a1f6-7967745cf373";
const REQUEST: &str = "req-a54b595b-8846-4aa2-8a5a-629e8034465f";
const PART: &str = "req-11111111-8846-4aa2-8a5a-629e8034465f";

fn line(second: u32, logger: &str, context: &str, message: &str) -> String {
    format!("2026-11-23 18:{:02}:{:02}.000 1 INFO {logger} [{context}] {message}\n", second / 60, second % 60)
}

fn lender(second: u32) -> String {
    line(second, "nova.compute", &format!("None {REQUEST} u p - - d d"), &format!("[instance: {UUID}] begun"))
}

/// Another service's, by the global id: it lends its own.
fn part(second: u32) -> String {
    line(second, "neutron.api", &format!("{REQUEST} {PART} u p - - d d"), "port")
}

fn under_part(second: u32) -> String {
    line(second, "neutron.agent", &format!("None {PART} u p - - d d"), "plugged")
}

fn noise(lines: usize) -> String {
    line(0, "nova.compute", "None req-00000000-0000-4000-8000-000000000000 u p - - d d", "noise")
        .repeat(lines)
}

/// Hosts that are directories here, and an `ssh` that runs here what it was to run there, but for a host called
/// `down`.
struct Hosts {
    dir: tempfile::TempDir,
}

impl Hosts {
    fn new() -> Self {
        let hosts = Self { dir: tempfile::tempdir().unwrap() };
        hosts.ssh_does("exec sh -c \"$command\"");
        hosts
    }

    fn ssh_does(&self, does: &str) {
        let script = format!(
            "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nhost=$2 command=$3\n\
             if [ $host = down ]; then\n  echo 'ssh: connect to host down port 22: Connection refused' >&2\n  exit 255\nfi\n\
             echo $host >>{}/asked\n{does}\n",
            self.dir.path().display()
        );
        // Written aside and moved: a file that is open for writing somewhere cannot be run.
        fs::write(self.path("new"), script).unwrap();
        fs::set_permissions(self.path("new"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(self.path("new"), self.path("ssh")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn gz(&self, name: &str, text: &str) {
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zip.write_all(text.as_bytes()).unwrap();
        self.write(name, zip.finish().unwrap());
    }

    /// How often a host was asked.
    fn asked(&self, host: &str) -> usize {
        fs::read_to_string(self.path("asked"))
            .unwrap_or_default()
            .lines()
            .filter(|line| *line == host)
            .count()
    }

    fn elsewhere(&self, hosts: &[&str]) -> Elsewhere {
        let patience = Patience { grace: Duration::from_millis(50), ..Patience::default() };
        let place = |host: &str| LogPlace { zone: None, ..LogPlace::named(vec![self.path(host)], "test") };
        let asked =
            |host: &&str| Asked { host: Host::parse(host).unwrap(), way: Way::Ssh, place: place(host) };
        Elsewhere {
            ssh: Ssh { program: self.path("ssh").into(), patience },
            hosts: hosts.iter().map(asked).collect(),
            runtime: Handle::current(),
        }
    }
}

/// What a trace over what lies here and over these hosts tells, and of which files.
async fn told(here: &Path, elsewhere: Elsewhere) -> (Told, Vec<PathBuf>) {
    let found = files::find(&[LogPlace::named(vec![here.to_owned()], "test").in_zone(TimeZone::UTC)]);
    tokio::task::spawn_blocking(move || {
        let grammar = Grammar::shipped().unwrap();
        let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
        let never = AtomicBool::new(false);
        let mut paths: Vec<PathBuf> = found.files.iter().map(|file| file.path.clone()).collect();
        let mut say = |progress: Progress| {
            if let Progress::File(file) = progress {
                paths.push(file.path.clone());
            }
        };
        let limits = Limits::default();
        let beside = Beside { others: Some(&elsewhere), ..Beside::default() };
        let told = everywhere(&found.files, beside, &grammar, &mut trace, limits, &never, &mut say);
        (told, paths)
    })
    .await
    .unwrap()
}

/// Each record: where it stands, and its lines.
fn records((told, paths): &(Told, Vec<PathBuf>)) -> BTreeSet<(String, Vec<(u64, u32)>)> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    told.records.iter().map(|kept| (name(&paths[kept.file]), kept.record.lines.clone())).collect()
}

fn messages(told: &Told) -> Vec<&str> {
    let failed = told.failed.iter().map(|(_, trouble)| trouble);
    told.troubles.iter().chain(failed).map(|trouble| &*trouble.message).collect()
}

#[tokio::test]
async fn an_id_that_one_host_lends_is_looked_for_on_all_others_to_the_fixed_point() {
    let hosts = Hosts::new();
    hosts.write("here/nova-api.log", noise(500));
    hosts.write("cmp01/nova-compute.log", noise(900) + &lender(1) + &noise(900));
    hosts.gz("net01/neutron-server.log.2.gz", &(noise(300) + &part(2)));
    hosts.write("cmp02/neutron-agent.log", under_part(3));
    let names = ["cmp01", "net01", "cmp02", "down"];
    let (told, paths) = told(&hosts.path("here"), hosts.elsewhere(&names)).await;
    let heads: Vec<String> = told
        .records
        .iter()
        .map(|kept| String::from_utf8_lossy(&kept.record.head).into_owned() + "\n")
        .collect();
    assert_eq!(heads, [lender(1), part(2), under_part(3)]);
    let of = |kept: usize| paths[told.records[kept].file].display().to_string();
    assert!(of(1).starts_with("net01:/") && of(1).ends_with("neutron-server.log.2.gz"), "{}", of(1));
    assert_eq!(told.elsewhere.iter().map(|file| &*file.host).collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(
        messages(&told),
        ["nothing from down: host unreachable over SSH: connection refused"],
        "{:?}",
        told.troubles
    );
    assert!(hosts.asked("cmp02") >= 2 && told.unfinished == 0);
    assert_eq!(told.clocks.len(), 3);
    let clock = told.clocks[0].1;
    assert!(clock.ahead.abs() <= clock.doubt, "its clock is ours: {clock:?}");
}

/// A traceback among other processes' lines, one over the end of what is looked at at once, long lines, no line
/// break at the end: as if they lay here.
#[tokio::test]
async fn what_a_host_brings_is_what_would_be_found_here() {
    let hosts = Hosts::new();
    let trace = |second: u32, text: &str| {
        format!("2026-11-23 18:{:02}:{:02}.000 7 ERROR nova.b {text}\n", second / 60, second % 60)
    };
    let failed = |second: u32| {
        let context = format!("[None {REQUEST} u p - - d d] [instance: {UUID}] failed");
        let mut text = trace(second, &context);
        for n in 0..40 {
            text.push_str(&trace(second, &format!("[instance: {UUID}]   File {n}")));
            text.push_str(&noise(1));
        }
        text
    };
    let all: String = (0..1_200).map(|n| failed(n) + &lender(n)).collect();
    assert!(all.len() > 9 << 20, "more than is looked at at once, twice");
    let odd = format!(
        "{}2026-11-23 18:00:01.000 1 INFO nova.a [-] \0\u{1b}[31m {}{UUID}{}\r\n{}said by it\n  {UUID}",
        noise(3),
        "x".repeat(600_000),
        "y".repeat(10_000),
        lender(2),
    );
    for dir in ["here", "cmp01"] {
        hosts.write(&format!("{dir}/all.log"), &all);
        hosts.write(&format!("{dir}/odd.log"), &odd);
        hosts.gz(&format!("{dir}/old.log.1.gz"), &(noise(5_000) + &failed(7) + &noise(5_000) + &part(8)));
    }
    let nothing = hosts.path("nothing");
    fs::create_dir(&nothing).unwrap();
    let here = records(&told(&hosts.path("here"), hosts.elsewhere(&[])).await);
    let there = told(&nothing, hosts.elsewhere(&["cmp01"])).await;
    assert_eq!(there.0.troubles, []);
    let there = records(&there);
    assert_eq!(here.len(), 2 * 1_200 + 2 + 2);
    let missing: Vec<_> = here.difference(&there).take(3).collect();
    let wrong: Vec<_> = there.difference(&here).take(3).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "missing {missing:?}, wrong {wrong:?}");
}

#[tokio::test]
async fn what_a_host_cannot_look_through_is_said_and_the_rest_is_told() {
    let hosts = Hosts::new();
    hosts.write("cmp01/nova-compute.log", lender(1));
    hosts.write("cmp01/old.log.zst", "no matter");
    hosts.write("cmp01/damaged.log.gz", b"\x1f\x8b and nothing behind");
    hosts.write("cmp01/system.journal", lender(2));
    hosts.write("cmp01/with blank.log", lender(3));
    // A PATH with all but zstd.
    hosts.write("bin/keep", "");
    for tool in ["sh", "cat", "date", "grep", "find", "stat", "sort", "head", "gzip", "readlink", "renice"] {
        let real =
            ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(tool)).find(|path| path.exists());
        std::os::unix::fs::symlink(real.unwrap(), hosts.path("bin").join(tool)).unwrap();
    }
    hosts.ssh_does(&format!("PATH={} exec sh -c \"$command\"", hosts.path("bin").display()));
    let mut elsewhere = hosts.elsewhere(&["cmp01"]);
    elsewhere.hosts[0].place.paths.push("/nowhere/at/*.log".into());
    let (told, paths) = told(&hosts.path("here"), elsewhere).await;
    assert_eq!(told.records.len(), 2, "{paths:?}");
    let messages = messages(&told);
    for part in ["there is no /nowhere/at/*.log", "there is no zstd", "damaged before its end: /"] {
        assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:?}");
    }
    assert_eq!(messages.len(), 3, "{messages:?}");

    // busybox's.
    fs::remove_file(hosts.path("bin/grep")).unwrap();
    hosts.write("bin/grep", "#!/bin/sh\necho 'grep: unrecognized option: b' >&2; exit 1\n");
    fs::set_permissions(hosts.path("bin/grep"), PermissionsExt::from_mode(0o755)).unwrap();
    let (told, _) = self::told(&hosts.path("here"), hosts.elsewhere(&["cmp01"])).await;
    assert!(messages_of(&told).contains("its grep is not GNU's"), "{:?}", told.troubles);
    assert!(told.troubles[0].next_step.contains("install GNU grep on cmp01"));
}

fn messages_of(told: &Told) -> String {
    messages(told).join("\n")
}

/// As journald has it: one line a record.
#[tokio::test]
async fn journals_of_this_host_and_of_others_are_looked_through() {
    let hosts = Hosts::new();
    let record = |at: u64, message: &str, more: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"{at}000000\",\"_HOSTNAME\":\"cmp01\",\"PRIORITY\":\"6\",\
             \"SYSLOG_IDENTIFIER\":\"nova-compute\",\"LOGGER_NAME\":\"nova.compute\",\"USER_ID\":\"u\",\
             \"MESSAGE\":\"{message}\"{more}}}\n"
        )
    };
    let lender = format!("[instance: {UUID}] begun");
    let request = format!(",\"REQUEST_ID\":\"{REQUEST}\"");
    let journal = [
        record(1_795_459_700, "before", ""),
        record(1_795_459_710, &lender, &request),
        record(1_795_459_711, "under it", &request),
    ];
    hosts.write("journal", journal.concat());
    let program = |text: &str| {
        hosts.write("bin/new", text);
        fs::set_permissions(hosts.path("bin/new"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(hosts.path("bin/new"), hosts.path("bin/journalctl")).unwrap();
    };
    program(&format!("#!/bin/sh\necho \"$*\" >{0}.args\ncat {0}\n", hosts.path("journal").display()));
    hosts.ssh_does(&format!("PATH={}:$PATH exec sh -c \"$command\"", hosts.path("bin").display()));
    let asked = || {
        let mut elsewhere = hosts.elsewhere(&["cmp01"]);
        elsewhere.hosts[0].place = LogPlace { journal: true, ..LogPlace::named(Vec::new(), "test") };
        elsewhere
    };
    let (told, paths) = told(&hosts.path("here"), asked()).await;
    let message = |kept: &super::super::Kept| {
        String::from_utf8_lossy(kept.record.parsed.message.of(&kept.record.head)).into_owned()
    };
    assert_eq!(told.records.iter().map(message).collect::<Vec<_>>(), ["begun", "under it"]);
    assert_eq!(told.records[0].at, Some(1_795_459_710_000_000));
    assert_eq!(paths[told.records[0].file].to_str(), Some("cmp01:journal"));
    assert_eq!(messages(&told), [""; 0]);
    let args = fs::read_to_string(hosts.path("journal.args")).unwrap();
    assert!(args.contains("-o json") && args.contains("--output-fields=MESSAGE,"), "{args}");

    program("#!/bin/sh\necho 'Hint: You are currently not seeing messages from other users' >&2\n");
    let (told, _) = self::told(&hosts.path("here"), asked()).await;
    assert!(messages_of(&told).contains("no right to what others write"), "{:?}", told.troubles);

    // This host's own goes by no ssh: what is there is not ours to say.
    let mut own = asked();
    own.hosts[0].way = Way::Here;
    assert_eq!(own.hosts[0].args(), ["--journal"]);
    own.ssh.program = "/nowhere/ssh".into();
    let (told, _) = self::told(&hosts.path("here"), own).await;
    assert_eq!((told.failed.len(), told.clocks.len()), (0, 1), "{:?}", told.failed);
}

#[tokio::test]
async fn ids_whose_prefix_fluentd_took_away_are_found_here_and_there() {
    let hosts = Hosts::new();
    let bare = |second: u32, blank: &str, id: &str| {
        format!(
            "{{\"@timestamp\":\"2026-11-23T18:00:0{second}Z\",\"request_id\":{blank}\"{id}\",\"Payload\":\"x\"}}\n"
        )
    };
    let id = REQUEST.trim_start_matches("req-");
    let other = "00000000-0000-4000-8000-000000000000";
    hosts.write("here/nova-compute.log", lender(1) + &bare(2, "", id) + &bare(3, "", other));
    hosts.write("cmp01/neutron.log", bare(4, " ", id) + &bare(5, "", id) + &bare(6, "", other));
    // No request's id, though it is the same one.
    hosts.write("cmp01/odd.log", bare(7, "", id).replace("request_id", "resource"));
    let (told, _) = told(&hosts.path("here"), hosts.elsewhere(&["cmp01"])).await;
    let seconds: Vec<i64> = told.records.iter().map(|kept| kept.at.unwrap() / 1_000_000 % 60).collect();
    assert_eq!((seconds, messages(&told)), (vec![1, 2, 4, 5], Vec::new()));
}

#[tokio::test]
async fn a_host_that_dies_in_the_stream_is_said_and_what_it_told_stays() {
    let hosts = Hosts::new();
    hosts.write("cmp01/nova-compute.log", lender(1) + &noise(900) + &lender(2));
    hosts.ssh_does("sh -c \"$command\" | sed -u 100q; exit 255");
    let (told, _) = told(&hosts.path("here"), hosts.elsewhere(&["cmp01"])).await;
    assert_eq!(told.records.len(), 1);
    assert_eq!(messages(&told), ["not all from cmp01: the connection over SSH broke"]);
    assert_eq!(hosts.asked("cmp01"), 1, "it is not asked again");
}

#[tokio::test]
async fn a_trace_that_is_cancelled_waits_for_nobody() {
    let hosts = Hosts::new();
    hosts.ssh_does(&format!("touch {}; exec sleep 1000", hosts.path("begun").display()));
    let elsewhere = hosts.elsewhere(&["cmp01"]);
    let begun = hosts.path("begun");
    let cancelled = std::sync::Arc::new(AtomicBool::new(false));
    let stop = cancelled.clone();
    let work = tokio::task::spawn_blocking(move || {
        let grammar = Grammar::shipped().unwrap();
        let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
        let limits = Limits::default();
        let beside = Beside { others: Some(&elsewhere), ..Beside::default() };
        everywhere(&[], beside, &grammar, &mut trace, limits, &stop, &mut |_| {})
    });
    while !begun.exists() {
        tokio::task::yield_now().await;
    }
    cancelled.store(true, Ordering::Relaxed);
    assert!(work.await.unwrap().was_cancelled);
}
