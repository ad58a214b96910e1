use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::super::scan::elsewhere::Way;
use super::super::super::ssh::Host;
use super::*;
use crate::config::logs::LogPlace;

/// A host that is this one, with a `journalctl` that does this.
struct Scene {
    dir: tempfile::TempDir,
    ssh: Ssh,
    journal: Journal,
}

impl Scene {
    fn new(way: Way) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        for tool in ["sh", "cat", "date", "tr", "renice", "sleep", "env"] {
            let real = ["/usr/bin", "/bin"].map(|dir| std::path::Path::new(dir).join(tool));
            let real = real.iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(real, dir.path().join("bin").join(tool)).unwrap();
        }
        let place = LogPlace { journal: true, ..LogPlace::named(Vec::new(), "test") };
        let asked = Asked { host: Host::parse("cmp01").unwrap(), way, place };
        let patience = Patience { grace: Duration::from_millis(50), ..Patience::default() };
        let ssh = Ssh { program: dir.path().join("ssh").into(), patience };
        let scene = Self { ssh, journal: Journal::new(asked), dir };
        let path = scene.dir.path().join("bin");
        scene.program(
            "ssh",
            &format!("while [ \"$1\" != -- ]; do shift; done\nPATH={} exec sh -c \"$3\"", path.display()),
        );
        scene
    }

    fn program(&self, name: &str, does: &str) {
        let (new, path) = (self.dir.path().join("new"), self.dir.path().join(name));
        // Written aside and moved: a file that is open for writing somewhere cannot be run.
        fs::write(&new, format!("#!/bin/sh\n{does}\n")).unwrap();
        fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// What it does when it follows; what it may not see it says in any case.
    fn journalctl(&self, says: &str, follows: &str) {
        let args = self.dir.path().join("args");
        let does = format!(
            "echo \"$*\" >>{}\ncase $* in *\" -n 0 \"*) {says} exit;; esac\n{follows}",
            args.display()
        );
        self.program("bin/journalctl", &does);
    }

    fn args(&self) -> String {
        fs::read_to_string(self.dir.path().join("args")).unwrap()
    }

    /// One connection to its end: what was told, and what is said of it.
    async fn run(&mut self) -> (Vec<String>, Trouble) {
        let (to, mut told) = mpsc::channel(64);
        let trouble = self.journal.run(&self.ssh, 7, &to).await;
        drop(to);
        let mut words = Vec::new();
        while let Some((7, told)) = told.recv().await {
            match told {
                Told::Begun => words.push("begun".to_owned()),
                Told::Away(trouble) => words.push(format!("away: {}", trouble.message)),
                Told::Trouble(trouble) => words.push(format!("trouble: {}", trouble.message)),
                Told::File { file, .. } => words.push(format!("{} of {}", file.path.display(), file.host)),
                Told::Bytes { bytes, .. } => {
                    words.extend(String::from_utf8(bytes).unwrap().lines().map(ToOwned::to_owned));
                }
                Told::Anew { .. } => panic!("a journal is not truncated"),
            }
        }
        (words, trouble)
    }
}

fn record(n: u32) -> String {
    format!(
        "echo '{{\"__CURSOR\":\"s=1;i={n}\",\"__REALTIME_TIMESTAMP\":\"179545971000000{n}\",\"SYSLOG_IDENTIFIER\":\"x\",\
         \"MESSAGE\":\"record {n}\"}}'\n"
    )
}

fn line(n: u32) -> String {
    format!("2026-11-23T18:48:30.00000{n}Z cmp01 x: record {n}")
}

const FILE: &str = "cmp01:journal of cmp01";

#[tokio::test]
async fn every_record_is_told_once_however_often_the_connection_breaks_and_what_is_gone_is_said() {
    let mut scene = Scene::new(Way::Ssh);
    scene.journalctl("", &(record(1) + &record(2) + "echo 'it fell over' >&2; exit 3"));
    let (told, trouble) = scene.run().await;
    assert_eq!(told, [FILE, "begun", &line(1), &line(2)]);
    assert_eq!(trouble.message, "cmp01: its journal is not followed, or not all of it: it fell over");
    assert!(scene.args().contains(" -n 2000") && !scene.args().contains("--cursor"), "{}", scene.args());
    scene.journalctl("", &(record(2) + &record(3) + "exit 3"));
    let (told, trouble) = scene.run().await;
    assert_eq!(told, [FILE, "begun", &line(3)]);
    assert!(trouble.message.ends_with("journalctl ended with exit code 3"), "{trouble:?}");
    assert!(scene.args().contains("--no-tail --cursor=s=1;i=2"), "{}", scene.args());
    // What was told last is gone; and a line that is none.
    scene.journalctl("", &(record(5) + "echo '{\"__CURSOR\":\"s=1;'\n" + &record(6)));
    let (told, _) = scene.run().await;
    let gone = "trouble: cmp01: its journal no longer has what was told last: what followed may be lost";
    let torn = "trouble: cmp01: a record of its journal is left out: it is too long, or torn";
    let mut sorted = told.clone();
    sorted.sort();
    let mut expected = [FILE, "begun", gone, &line(5), torn, &line(6)].map(ToOwned::to_owned);
    expected.sort();
    assert_eq!(sorted, expected, "{told:#?}");
    // The connection breaks: what it said is what counts.
    scene.program("ssh", "echo 'ssh: connect to host cmp01 port 22: Connection refused' >&2; exit 255");
    let (told, trouble) = scene.run().await;
    assert_eq!(told, [""; 0]);
    assert_eq!(trouble.message, "not all from cmp01: host unreachable over SSH: connection refused");
}

#[tokio::test]
async fn a_journal_that_is_not_there_or_not_to_be_read_is_said_with_the_next_step() {
    let mut scene = Scene::new(Way::Ssh);
    let (told, trouble) = scene.run().await;
    let words = "cmp01: its journal is not followed, or not all of it: there is no journalctl";
    assert_eq!((told.last().unwrap(), &*trouble.message), (&format!("away: {words}"), words));
    assert!(trouble.next_step.contains("take `journal` out of [[logs]]"), "{trouble:?}");
    // As systemd 252 says it to an account that may nothing, and to one that may read its own.
    let hint = "echo 'Hint: You are currently not seeing messages from other users and the system.' >&2;";
    let nothing = format!("{hint} echo 'No journal files were opened due to insufficient permissions.' >&2;");
    for (says, follows, why) in [
        (nothing.as_str(), "exit 1".to_owned(), "no right to read it"),
        (hint, record(1), "no right to what others write"),
        ("echo 'No journal files were found.' >&2;", "exit 1".to_owned(), "there is none"),
    ] {
        scene.journalctl(says, &follows);
        let (told, trouble) = scene.run().await;
        let words = format!("cmp01: its journal is not followed, or not all of it: {why}");
        // It is said at once, and never said to be well.
        assert_eq!(told[1], format!("away: {words}"));
        assert_eq!(
            (told.contains(&line(1)), told.contains(&"begun".to_owned())),
            (why.contains("others"), false)
        );
        assert_eq!(trouble.message, words);
        let is_right = why.contains("right");
        assert_eq!(trouble.next_step.contains("join the group systemd-journal"), is_right, "{trouble:?}");
    }
}
