//! Why a host told nothing, or not all, in words: what `ssh`, `sudo` and the other end's shell say on standard error
//! is known by its words, since they have one exit code for everything.

use super::Host;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no `ssh` on this machine, or it cannot be started.
    NoProgram,
    /// ssh's own configuration is at fault.
    Settings,
    Unresolved,
    Refused,
    Unreachable,
    /// Nothing came in time: while it connected, or since.
    Silent,
    KeyChanged,
    KeyUnknown,
    /// A password would be asked, or no key fits.
    Denied,
    SudoAsks,
    SudoForbids,
    SudoMissing,
    /// No POSIX shell, or a grep that lacks what is needed.
    Tools,
    /// It ended in the middle.
    Torn,
    Other,
}

/// Why a host told nothing, or not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    /// What was said of it, where that tells more: one line, nothing secret.
    pub said: String,
}

/// Words on standard error, and what they mean. The first that is found counts: ssh ends each of its failures with
/// a sentence that is true of several.
const SAID: &[(&str, Kind)] = &[
    ("IDENTIFICATION HAS CHANGED", Kind::KeyChanged),
    ("host key is known for", Kind::KeyUnknown),
    ("Host key verification failed", Kind::KeyUnknown),
    ("Could not resolve hostname", Kind::Unresolved),
    ("Connection refused", Kind::Refused),
    ("No route to host", Kind::Unreachable),
    ("Network is unreachable", Kind::Unreachable),
    ("Operation timed out", Kind::Silent),
    ("Connection timed out", Kind::Silent),
    ("not responding", Kind::Silent),
    ("Permission denied (", Kind::Denied),
    ("Too many authentication failures", Kind::Denied),
    ("Bad configuration option", Kind::Settings),
    ("Bad owner or permissions on", Kind::Settings),
    ("terminating, ", Kind::Settings),
    ("a password is required", Kind::SudoAsks),
    ("a terminal is required", Kind::SudoAsks),
    ("must have a tty to run sudo", Kind::SudoAsks),
    ("is not in the sudoers file", Kind::SudoForbids),
    ("is not allowed to execute", Kind::SudoForbids),
    ("may not run sudo", Kind::SudoForbids),
    ("sudo: command not found", Kind::SudoMissing),
    ("sudo: not found", Kind::SudoMissing),
    ("Connection closed by", Kind::Torn),
    ("closed by remote host", Kind::Torn),
    ("Connection reset", Kind::Torn),
    ("Broken pipe", Kind::Torn),
];

/// Characters of somebody else's words.
const WORDS: usize = 160;

impl Fault {
    pub fn new(kind: Kind, said: impl Into<String>) -> Self {
        Self { kind, said: said.into() }
    }

    /// By what was written to standard error, where nothing better is known than `otherwise`.
    pub(super) fn of(stderr: &str, otherwise: Kind) -> Self {
        let known = SAID.iter().find(|(words, _)| stderr.contains(words));
        let line = match known {
            Some((words, _)) => stderr.lines().find(|line| line.contains(words)),
            None => stderr.lines().rev().find(|line| !line.trim().is_empty()),
        };
        let kind = known.map_or(otherwise, |(_, kind)| *kind);
        Self { kind, said: harmless(line.unwrap_or_default()) }
    }

    /// The cause, to stand behind “nothing from cmp03: ”.
    pub fn words(&self) -> String {
        let said = match self.said.as_str() {
            "" => String::new(),
            said => format!(" ({said})"),
        };
        match self.kind {
            Kind::NoProgram => format!("there is no `ssh` here that can be started{said}"),
            Kind::Settings => format!("ssh's own settings are at fault{said}"),
            Kind::Unresolved => "host unreachable over SSH: nobody knows its name".to_owned(),
            Kind::Refused => "host unreachable over SSH: connection refused".to_owned(),
            Kind::Unreachable => "host unreachable over SSH: there is no way to it".to_owned(),
            Kind::Silent => "host unreachable over SSH: it does not answer in time".to_owned(),
            Kind::KeyChanged => "SSH refused: the host's key is another than it was".to_owned(),
            Kind::KeyUnknown => "SSH refused: the host's key is not known here".to_owned(),
            Kind::Denied => "SSH refused: no key of yours lets you in without a password".to_owned(),
            Kind::SudoAsks => "sudo there would ask for a password".to_owned(),
            Kind::SudoForbids => "sudo there does not allow it".to_owned(),
            Kind::SudoMissing => "there is no sudo there".to_owned(),
            Kind::Tools => format!("what is needed there is not there{said}"),
            Kind::Torn => format!("the connection over SSH broke{said}"),
            Kind::Other => format!("ssh failed{said}"),
        }
    }

    /// What to do about it.
    pub fn next_step(&self, host: &Host) -> String {
        match self.kind {
            Kind::NoProgram => "install openssh-client, or take `ssh` out of [[logs]]".to_owned(),
            Kind::Unresolved => format!("give it a `Host {host}` with its `HostName` in ~/.ssh/config"),
            Kind::Refused | Kind::Unreachable | Kind::Silent => {
                format!("is the host up, and its sshd? `ssh {host} true` must work without a question")
            }
            Kind::KeyChanged => format!(
                "if the host was installed anew: `ssh-keygen -R {host}`, and accept its key once by `ssh {host}`; \
                 if not, somebody stands between"
            ),
            Kind::KeyUnknown => format!("accept its key once, by hand: `ssh {host}`"),
            Kind::Denied => {
                format!("`ssh-copy-id {host}`, or load the key into your agent: `ssh-add`")
            }
            Kind::SudoAsks | Kind::SudoForbids => format!(
                "allow it on {host} by NOPASSWD in sudoers, or take `sudo` out of [[logs]] and join the group adm"
            ),
            Kind::SudoMissing => "take `sudo` out of [[logs]]".to_owned(),
            Kind::Tools => format!("install GNU grep and findutils on {host}"),
            Kind::Settings | Kind::Torn | Kind::Other => format!("see what `ssh {host} true` says"),
        }
    }

    /// As the errors of a JSON document have it.
    pub fn as_str(&self) -> &'static str {
        match self.kind {
            Kind::Denied | Kind::KeyChanged | Kind::KeyUnknown => "auth",
            Kind::SudoAsks | Kind::SudoForbids => "forbidden",
            Kind::NoProgram | Kind::Settings | Kind::SudoMissing | Kind::Tools => "missing",
            _ => "unreachable",
        }
    }
}

/// Somebody else's line: short, and without what may be an account in a URL. It is sanitised where it is drawn.
fn harmless(line: &str) -> String {
    let is_account = |word: &&str| !(word.contains("://") && word.contains('@'));
    let words: Vec<&str> = line.split_whitespace().filter(is_account).collect();
    words.join(" ").chars().take(WORDS).collect()
}
