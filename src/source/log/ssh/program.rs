//! One `ssh` at work, from its start to its end.

use std::ffi::OsString;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Fault, Host, Kind, quoted};

/// What the script says first, and what it says last.
const READY: &[u8] = b"stackwatch ready";
const DONE: &[u8] = b"stackwatch done";
/// Bytes of one line that are read; the rest of it is let go.
const LINE: usize = 4 << 20;
/// What a login may print before the script begins.
const NOISE: usize = 1 << 20;
/// Bytes of standard error that are kept.
const ERRORS: usize = 16 << 10;

/// Never asks, never hangs, forwards nothing, runs nothing but what it is told. All else is the operator's own.
const OPTIONS: &[&str] = &[
    "-T",
    "-x",
    "-a",
    "-oBatchMode=yes",
    "-oServerAliveInterval=5",
    "-oServerAliveCountMax=3",
    "-oLogLevel=ERROR",
    "-oRemoteCommand=none",
    "-oClearAllForwardings=yes",
    "-oPermitLocalCommand=no",
    "-oCompression=yes",
];

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection, as ssh itself counts it.
    pub connect: Duration,
    /// For the script to begin: all of the way there, logging in and sudo.
    pub ready: Duration,
    /// For the next line. A file that is looked through says nothing before its end.
    pub line: Duration,
    /// For all that one script has to say.
    pub whole: Duration,
    /// For standard error once all else has ended: a control master of the operator's may hold it for ever.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            ready: Duration::from_secs(30),
            line: Duration::from_secs(300),
            whole: Duration::from_secs(600),
            grace: Duration::from_millis(300),
        }
    }
}

/// The way to other hosts.
#[derive(Clone, Debug)]
pub struct Ssh {
    pub program: OsString,
    pub patience: Patience,
}

impl Default for Ssh {
    /// Whichever `ssh` is first in PATH.
    fn default() -> Self {
        Self { program: "ssh".into(), patience: Patience::default() }
    }
}

impl Ssh {
    /// Starts a script there, by `sh`, and waits until it says that it is ready. Standard input is the caller's to
    /// give.
    pub async fn start(&self, host: &Host, sudo: bool, script: &str, args: &[String]) -> Result<Talk, Fault> {
        let mut command = Command::new(&self.program);
        command.args(OPTIONS).arg(format!("-oConnectTimeout={}", self.patience.connect.as_secs().max(1)));
        command.args(["--", host.name()]).arg(remote(sudo, script, args));
        // A jump host's own ssh is not told to ask nothing: so it asks a program that never answers, not the
        // terminal that we draw on.
        command.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
        self.launch(command).await
    }

    /// The same on this host, without ssh.
    pub async fn start_here(&self, script: &str, args: &[String]) -> Result<Talk, Fault> {
        let mut command = Command::new("sh");
        command.args(["-c", script, "stackwatch"]).args(args);
        self.launch(command).await
    }

    async fn launch(&self, mut command: Command) -> Result<Talk, Fault> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: ctrl-c is ours to hear, and its jump hosts end with it.
        command.process_group(0);
        let child = command.spawn().map_err(|error| Fault::new(Kind::NoProgram, error.to_string()))?;
        let mut talk = Talk::of(child, self.patience)?;
        match timeout(self.patience.ready, talk.until_ready()).await {
            Ok(Ok(())) => Ok(talk),
            Ok(Err(kind)) => Err(talk.fault(kind).await),
            Err(_) => Err(talk.fault(Kind::Silent).await),
        }
    }
}

/// What the other end's login shell is given: one line of words.
fn remote(sudo: bool, script: &str, args: &[String]) -> String {
    let mut words = if sudo { "sudo -n -- sh -c ".to_owned() } else { "sh -c ".to_owned() };
    words.push_str(&quoted(script));
    words.push_str(" stackwatch");
    for arg in args {
        words.push(' ');
        words.push_str(&quoted(arg));
    }
    words
}

/// A script that runs on another host. Dropped, it is ended, and whatever ssh has started here with it.
pub struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    errors: Arc<Mutex<Vec<u8>>>,
    listener: JoinHandle<()>,
    patience: Patience,
    is_done: bool,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    Line,
    /// The script has said that it is done.
    Done,
}

impl Talk {
    fn of(mut child: Child, patience: Patience) -> Result<Self, Fault> {
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Fault::new(Kind::NoProgram, "it has no output"));
        };
        let errors = Arc::default();
        let listener = tokio::spawn(listen(stderr, Arc::clone(&errors)));
        let stdin = child.stdin.take();
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::with_capacity(64 << 10, stdout),
            is_done: false,
            errors,
            listener,
            patience,
        })
    }

    /// Passes over what a login prints.
    async fn until_ready(&mut self) -> Result<(), Kind> {
        let (mut line, mut passed) = (Vec::new(), 0);
        while passed < NOISE {
            if !self.read(&mut line).await.map_err(|_| Kind::Torn)? {
                // Nothing was begun: why, standard error says.
                return Err(Kind::Other);
            }
            if line == READY {
                return Ok(());
            }
            passed += line.len() + 1;
        }
        Err(Kind::Tools)
    }

    /// Gives the script all of its standard input.
    pub async fn give(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(mut stdin) = self.stdin.take() else { return Ok(()) };
        let given = timeout(self.patience.line, async {
            stdin.write_all(bytes).await?;
            stdin.shutdown().await
        });
        match given.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.fault(Kind::Torn).await),
            Err(_) => Err(self.fault(Kind::Silent).await),
        }
    }

    /// The next line, without its end. One that never ends is cut.
    pub async fn line(&mut self, line: &mut Vec<u8>) -> Result<Came, Fault> {
        match timeout(self.patience.line, self.read(line)).await {
            Ok(Ok(true)) if line == DONE => {
                self.is_done = true;
                Ok(Came::Done)
            }
            Ok(Ok(true)) => Ok(Came::Line),
            // Not said to be done: it broke, or never was what it should be.
            Ok(_) => Err(self.fault(Kind::Torn).await),
            Err(_) => Err(self.fault(Kind::Silent).await),
        }
    }

    /// Whether the next line is here already.
    pub fn has_line(&self) -> bool {
        memchr::memchr(b'\n', self.stdout.buffer()).is_some()
    }

    /// Whether there was a whole line.
    async fn read(&mut self, line: &mut Vec<u8>) -> std::io::Result<bool> {
        line.clear();
        loop {
            let bytes = self.stdout.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', bytes);
            let taken = end.unwrap_or(bytes.len());
            let room = LINE.saturating_sub(line.len());
            line.extend_from_slice(bytes.get(..taken.min(room)).unwrap_or_default());
            let used = taken + usize::from(end.is_some());
            self.stdout.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// What was written to standard error. All of it once the script is done, but never waited for for long.
    pub async fn errors(&mut self) -> String {
        let _ = timeout(self.patience.grace, &mut self.listener).await;
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&errors).into_owned()
    }

    async fn fault(&mut self, otherwise: Kind) -> Fault {
        let errors = self.errors().await;
        let fault = Fault::of(&errors, otherwise);
        // That it was silent we know; that a pipe broke then says nothing.
        if otherwise == Kind::Silent { Fault { kind: Kind::Silent, ..fault } } else { fault }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.listener.abort();
        // It ends by itself; and where it is the operator's control master, others may still speak through it.
        if self.is_done {
            return;
        }
        // None: it has ended, and was waited for.
        let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else { return };
        // Not killed: it has a control socket to take away. The runtime waits for it.
        let _ = kill_process_group(pid, Signal::TERM);
    }
}

async fn listen(mut stderr: ChildStderr, errors: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(read) = stderr.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
        let room = ERRORS.saturating_sub(errors.len()).min(read);
        errors.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
}
