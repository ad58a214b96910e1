//! What stands around a line of a log, here or on another host: one script either way (`stretch.sh`), which knows the
//! line by how it begins. A file that was rotated since is looked for under the names that rotation gives it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::grammar::Grammar;
use super::record::goes_on;
use super::scan::elsewhere::{Asked, Way, of_fault};
use super::ssh::{Came, Fault, Host, Ssh, Talk};
use crate::config::logs::{LogPlace, Reach};
use crate::model::{Passage, Passed, Stretch, Trouble};

const SCRIPT: &str = include_str!("stretch.sh");
/// Bytes of a line that are kept: all of it is in the file.
const LINE: usize = 64 << 10;

/// What the script said.
#[derive(Debug, Default)]
struct Said {
    path: Option<String>,
    bytes: Vec<u8>,
    /// What came before them, the newest line first: a journal has no places.
    before: Vec<u8>,
    /// A letter and what it is about: why there is nothing.
    why: Option<(char, String)>,
}

/// Reads it. What cannot be had is said in the answer.
pub async fn read(ssh: &Ssh, places: &[LogPlace], grammar: &Grammar, passage: &Passage) -> Stretch {
    let (asked, path) = whose(places, &passage.path);
    let nothing = |trouble| Stretch {
        passage: passage.clone(),
        path: passage.path.clone(),
        lines: Vec::new(),
        begins: false,
        ends: false,
        trouble: Some(trouble),
    };
    let from = passage.offset.saturating_sub(passage.before);
    let count = passage.offset - from + passage.after;
    let args = [path.to_owned(), passage.offset.to_string(), from.to_string(), count.to_string()];
    let talk = match &asked {
        Some(asked) => ssh.start(&asked.host, asked.way == Way::Sudo, SCRIPT, &args).await,
        None => ssh.start_here(SCRIPT, &args).await,
    };
    let said = match talk {
        Ok(talk) => hear(talk, &passage.head).await,
        Err(fault) => Err(fault),
    };
    let said = match (said, &asked) {
        (Ok(said), _) => said,
        (Err(fault), Some(asked)) => return nothing(of_fault(&asked.host, &fault, false)),
        (Err(fault), None) => return nothing(Trouble::of_log(format!("{path}: {}", fault.words()))),
    };
    let Some(found) = said.path else { return nothing(trouble(&said.why, path, asked.as_ref())) };
    let is_journal = passage.is_of_journal();
    let path = match &asked {
        // It has no other name, though this host's own is asked for without the host's.
        _ if is_journal => passage.path.clone(),
        Some(asked) => format!("{}:{found}", asked.host).into(),
        None => found.into(),
    };
    let ends = (said.bytes.len() as u64) < if is_journal { passage.after } else { count };
    let is_whole = from == 0 || (said.before.len() as u64) < passage.offset - from;
    let (bytes, from, is_torn, begins) = match is_journal {
        true => {
            let before = turned(&said.before, passage.offset);
            let from = passage.offset - before.len() as u64;
            ([before, said.bytes].concat(), from, false, is_whole)
        }
        false => (said.bytes, from, from > 0, from == 0),
    };
    let lines = lines(&bytes, from, [is_torn, !ends], passage.offset, grammar);
    Stretch { passage: passage.clone(), path, lines, begins, ends, trouble: None }
}

/// Whole lines that came the newest first, the other way round; as many as have a place before this one.
fn turned(newest: &[u8], places: u64) -> Vec<u8> {
    let mut left = places;
    let whole = newest.split_inclusive(|byte| *byte == b'\n').take_while(|line| {
        let fits = line.ends_with(b"\n") && line.len() as u64 <= left;
        left = left.saturating_sub(line.len() as u64);
        fits
    });
    let whole: Vec<&[u8]> = whole.collect();
    whole.into_iter().rev().flatten().copied().collect()
}

/// Which host has it, where it is another, and what the file is called there.
fn whose<'a>(places: &[LogPlace], path: &'a str) -> (Option<Asked>, &'a str) {
    let parts = path.split_once(":/").map(|(host, _)| (host, path.get(host.len() + 1..).unwrap_or_default()));
    let journal = path.strip_suffix(":journal").map(|host| (host, "journal"));
    let Some((name, rest)) = parts.or(journal) else { return (None, path) };
    let Some(host) = Host::parse(name) else { return (None, path) };
    let asked = places.iter().find_map(|place| match &place.reach {
        Reach::Ssh { hosts, sudo } if hosts.iter().any(|pattern| pattern.matches(name)) => {
            let way = if *sudo { Way::Sudo } else { Way::Ssh };
            Some(Asked { host: host.clone(), way, place: place.clone() })
        }
        _ => None,
    });
    match asked {
        Some(asked) => (Some(asked), rest),
        None if rest == "journal" => (None, rest),
        None => (None, path),
    }
}

async fn hear(mut talk: Talk, head: &[u8]) -> Result<Said, Fault> {
    talk.give(format!("{} {}\n", head.len(), STANDARD.encode(head)).as_bytes()).await?;
    let (mut said, mut line) = (Said::default(), Vec::new());
    while talk.line(&mut line).await? == Came::Line {
        let [letter, b' ', rest @ ..] = line.as_slice() else { continue };
        let text = || String::from_utf8_lossy(rest).into_owned();
        match letter {
            b'F' => said.path = Some(text()),
            // base64 fills each line with whole groups.
            b'A' => said.before.extend(STANDARD.decode(rest).unwrap_or_default()),
            b'B' => said.bytes.extend(STANDARD.decode(rest).unwrap_or_default()),
            letter => said.why = Some((char::from(*letter), text())),
        }
    }
    Ok(said)
}

fn trouble(why: &Option<(char, String)>, path: &str, asked: Option<&Asked>) -> Trouble {
    let on = asked.map(|asked| format!(" on {}", asked.host)).unwrap_or_default();
    let of = |message: String, next_step: &str| Trouble {
        next_step: next_step.to_owned(),
        ..Trouble::of_log(message)
    };
    match why {
        Some(('X', _)) => {
            let next = asked.map_or_else(
                || "start stackwatch as root, or as a member of the group adm".to_owned(),
                Asked::needs_a_right,
            );
            of(format!("no right to read {path}{on}"), &next)
        }
        Some(('T', tool)) => of(format!("{path} is packed, and there is no {tool}{on}"), "install it there"),
        Some(('L', tool)) => of(format!("there is no {tool}{on}"), "install GNU coreutils there"),
        Some(('J', why)) => {
            let next = asked.map_or_else(
                || "start stackwatch as root, or as a member of the group systemd-journal".to_owned(),
                Asked::needs_the_journal,
            );
            of(format!("the journal{on} is not read: {why}"), &next)
        }
        Some(('Q', _)) => of(
            format!("the record is too long for journald's name of it to be known, so it is not found{on}"),
            "`journalctl --since … --until …` there shows what is around",
        ),
        Some(('R', what)) if what == "journal" => of(
            format!("the journal{on} no longer has this record"),
            "trace again (r): what is left is found anew",
        ),
        Some(('R', _)) => of(
            format!(
                "{path}{on} was rotated since: another line stands there now, and no rotated file has it"
            ),
            "trace again (r): what is left is found anew",
        ),
        _ => of(
            format!("{path}{on} is gone, and no rotated file has the line"),
            "trace again (r): what is left is found anew",
        ),
    }
}

/// The whole lines among these bytes, which begin at `from` in the file and may be torn there and at their end. That at
/// `marked` is there in any case.
fn lines(bytes: &[u8], from: u64, torn: [bool; 2], marked: u64, grammar: &Grammar) -> Vec<Passed> {
    let mut lines = Vec::new();
    let mut at = from;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let offset = at;
        at += line.len() as u64;
        let is_torn = offset == from && torn[0] || !line.ends_with(b"\n") && torn[1];
        if is_torn && offset != marked {
            continue;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.get(..text.len().min(LINE)).unwrap_or(text);
        let parsed = grammar.parse(text);
        let is_head = parsed.is_head() && !goes_on(&parsed);
        lines.push(Passed { offset, text: text.into(), level: parsed.level, parsed, is_head });
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn text(lines: std::ops::Range<usize>) -> String {
        let line = |n: usize| {
            format!("2026-11-23 18:{:02}:{:02}.000 1 INFO nova.a [-] line {n}\n", n / 60 % 60, n % 60)
        };
        lines.map(line).collect()
    }

    /// Line 500 of a file.
    fn passage(path: &std::path::Path) -> Passage {
        let offset = text(0..500).len() as u64;
        let head = text(500..501);
        let passage = Passage::new(path.display().to_string().into(), offset, head.trim_end().as_bytes());
        Passage { before: 600, after: 600, ..passage }
    }

    async fn told(places: &[LogPlace], ssh: &Ssh, passage: &Passage) -> Stretch {
        read(ssh, places, &Grammar::shipped().unwrap(), passage).await
    }

    fn said(stretch: &Stretch) -> Vec<String> {
        let words = |line: &Passed| {
            assert!(line.is_head);
            String::from_utf8_lossy(line.parsed.message.of(&line.text)).into_owned()
        };
        stretch.lines.iter().map(words).collect()
    }

    #[tokio::test]
    async fn whole_lines_stand_around_the_one_that_was_asked_for_and_more_on_demand() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nova-compute.log");
        fs::write(&path, text(0..1_000)).unwrap();
        let asked = passage(&path);
        let stretch = told(&[], &Ssh::default(), &asked).await;
        let words = said(&stretch);
        assert!(words.contains(&"line 500".to_owned()) && words.len() > 10, "{words:?}");
        assert!(!stretch.begins && !stretch.ends && stretch.trouble.is_none());
        let marked = stretch.lines.iter().find(|line| line.offset == asked.offset).unwrap();
        assert_eq!(marked.parsed.message.of(&marked.text), b"line 500");
        let more = asked.more_before().and_then(|more| more.more_after()).unwrap();
        assert!(said(&told(&[], &Ssh::default(), &more).await).len() > 3 * words.len());
        let all = Passage { before: 1 << 20, after: 1 << 20, ..asked };
        let stretch = told(&[], &Ssh::default(), &all).await;
        assert_eq!((stretch.lines.len(), stretch.begins, stretch.ends), (1_000, true, true));
    }

    #[tokio::test]
    async fn a_file_that_was_rotated_since_is_found_under_its_new_name_or_said_to_be_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nova-compute.log");
        fs::write(&path, text(2_000..3_000)).unwrap();
        let asked = passage(&path);
        let stretch = told(&[], &Ssh::default(), &asked).await;
        let words = stretch.trouble.unwrap().message;
        assert!(words.contains("was rotated since: another line stands there now"), "{words}");
        // Renamed, packed, and once more.
        let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zip.write_all(text(0..1_000).as_bytes()).unwrap();
        fs::write(dir.path().join("nova-compute.log.2.gz"), zip.finish().unwrap()).unwrap();
        let stretch = told(&[], &Ssh::default(), &asked).await;
        assert!(stretch.path.ends_with("nova-compute.log.2.gz"), "{stretch:?}");
        assert!(said(&stretch).contains(&"line 500".to_owned()));
        fs::remove_file(&path).unwrap();
        let was = passage(&dir.path().join("nova-compute.log.1"));
        assert!(told(&[], &Ssh::default(), &was).await.path.ends_with("nova-compute.log.2.gz"));
        fs::remove_file(dir.path().join("nova-compute.log.2.gz")).unwrap();
        let words = told(&[], &Ssh::default(), &asked).await.trouble.unwrap().message;
        assert!(words.ends_with("is gone, and no rotated file has the line"), "{words}");
    }

    #[tokio::test]
    async fn another_host_s_log_is_read_there_whatever_its_bytes_and_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let ssh = dir.path().join("ssh");
        let script = format!(
            "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\necho $2 >>{}/asked\n[ $2 = cmp01 ] || {{ echo 'ssh: \
             connect to host cmp02 port 22: Connection refused' >&2; exit 255; }}\nexec sh -c \"$3\"\n",
            dir.path().display()
        );
        fs::write(dir.path().join("new"), script).unwrap();
        fs::set_permissions(dir.path().join("new"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(dir.path().join("new"), &ssh).unwrap();
        let ssh = Ssh { program: ssh.into(), ..Ssh::default() };
        let places =
            crate::config::file::parse("[[logs]]\nssh = 'cmp*'\npath = '/nowhere'\n", "c.toml").unwrap().logs;
        let path = dir.path().join("nova's $(log) \"1\".log");
        let odd = b"\0\xff\x1b[31m odd\n";
        fs::write(&path, [text(0..400).as_bytes(), odd, text(400..450).as_bytes()].concat()).unwrap();
        let remote = |host: &str| {
            let path = format!("{host}:{}", path.display()).into();
            Passage {
                before: 600,
                after: 1 << 20,
                ..Passage::new(path, text(0..400).len() as u64, &odd[..8])
            }
        };
        let stretch = told(&places, &ssh, &remote("cmp01")).await;
        assert_eq!(stretch.trouble, None);
        assert!(stretch.ends && stretch.path.starts_with("cmp01:/"), "{}", stretch.path);
        assert!(stretch.lines.iter().any(|line| *line.text == odd[..odd.len() - 1]));
        assert_eq!(fs::read_to_string(dir.path().join("asked")).unwrap(), "cmp01\n");
        let stretch = told(&places, &ssh, &remote("cmp02")).await;
        let trouble = stretch.trouble.unwrap();
        assert!(trouble.message.starts_with("nothing from cmp02: host unreachable over SSH"), "{trouble:?}");
    }

    #[tokio::test]
    async fn what_stands_around_a_record_of_a_journal_is_told_by_its_cursor() {
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str, text: &str| {
            let (new, path) = (dir.path().join("new"), dir.path().join(name));
            fs::write(&new, text).unwrap();
            fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
            fs::rename(new, path).unwrap();
        };
        let path = dir.path().display();
        program(
            "ssh",
            &format!("#!/bin/sh\nwhile [ $1 != -- ]; do shift; done\nPATH={path}:$PATH exec sh -c \"$3\"\n"),
        );
        let ssh = Ssh { program: dir.path().join("ssh").into(), ..Ssh::default() };
        let toml = "[[logs]]\nssh = 'cmp*'\njournal = true\n";
        let places = crate::config::file::parse(toml, "c.toml").unwrap().logs;
        let record = |n: usize| {
            format!(
                "{{\"__REALTIME_TIMESTAMP\":\"17954597{n:02}000000\",\"MESSAGE\":\"record {n}\",\"__CURSOR\":\"s=1;i={n}\",\
                 \"PRIORITY\":\"6\",\"SYSLOG_IDENTIFIER\":\"nova-compute\"}}\n"
            )
        };
        let all: String = (10..60).map(record).collect();
        fs::write(dir.path().join("journal"), &all).unwrap();
        // From a cursor on, one way or the other, as journalctl does.
        let journalctl = "#!/bin/sh\nfor word do case $word in -r) back=1 ;; --cursor=*) from=\"\\\"${word#--cursor=}\\\"\" ;; esac; \
            done\nif [ $back ]; then tac DIR/journal; else cat DIR/journal; fi | sed -n \"/$from/,\\$p\"\n";
        program("journalctl", &journalctl.replace("DIR", &path.to_string()));
        let passage = |n: usize| {
            let offset = (10..n).map(record).collect::<String>().len() as u64;
            Passage::new("cmp01:journal".into(), offset, record(n).trim_end().as_bytes())
        };
        let asked = Passage { before: 600, after: 600, ..passage(30) };
        let stretch = told(&places, &ssh, &asked).await;
        assert_eq!((stretch.trouble.as_ref(), &*stretch.path), (None, "cmp01:journal"));
        assert_eq!((stretch.begins, stretch.ends), (false, false));
        let length = record(30).len();
        let near = 600 / length;
        let expected: Vec<String> = (30 - near..30 + near).map(|n| format!("record {n}")).collect();
        assert_eq!(said(&stretch), expected);
        let marked = stretch.lines.iter().find(|line| line.offset == asked.offset).unwrap();
        assert_eq!(marked.parsed.message.of(&marked.text), b"record 30");
        // All there is; and what has gone from its beginning since.
        let stretch = told(&places, &ssh, &passage(30)).await;
        assert_eq!((stretch.lines.len(), stretch.begins, stretch.ends), (50, true, true));
        fs::write(dir.path().join("journal"), (25..60).map(record).collect::<String>()).unwrap();
        let stretch = told(&places, &ssh, &passage(30)).await;
        assert_eq!((stretch.lines.len(), stretch.begins, stretch.ends), (35, true, true));
        let trouble = told(&places, &ssh, &passage(20)).await.trouble.unwrap();
        assert_eq!(
            trouble.message,
            "the journal on cmp01 is not read: there is none, or no right to read it"
        );
        program("journalctl", "#!/bin/sh\necho '{\"__CURSOR\":\"s=1;i=7\"}'\n");
        let trouble = told(&places, &ssh, &passage(20)).await.trouble.unwrap();
        assert_eq!(trouble.message, "the journal on cmp01 no longer has this record");
        let torn = Passage { head: b"{\"MESSAGE\":\"x'; rm -rf /\"}"[..].into(), ..passage(20) };
        let trouble = told(&places, &ssh, &torn).await.trouble.unwrap();
        assert!(trouble.message.contains("is too long for journald's name of it"), "{trouble:?}");
    }
}
