//! A program in a pseudo terminal, its screen kept as a terminal would show it.
//!
//! [`Pty::start`] runs stackwatch, [`Pty::spawn`] any program. Conditions on the screen are waited for, never
//! slept for; one that does not come true in time fails with the last screen.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};

/// How long a condition may take on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A program, its terminal, and what it wrote so far. Dropping it closes the terminal and kills the program.
pub struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    reader: Option<JoinHandle<()>>,
    /// The terminal's device, as the program has it.
    device: PathBuf,
    pid: Pid,
    shared: Arc<Shared>,
    /// `HOME`, unless the test has one of its own.
    _home: tempfile::TempDir,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What came from the program.
struct Seen {
    bytes: Vec<u8>,
    terminal: vt100::Parser<Rest>,
    /// The other end is closed: nothing more will come.
    finished: bool,
    status: Option<ExitStatus>,
    /// Nobody reads: what the program writes waits, and in the end the program too.
    stalled: bool,
    closing: bool,
}

/// What vt100 leaves to its caller.
#[derive(Default)]
struct Rest {
    private_modes: BTreeMap<u16, bool>,
    copied: Vec<String>,
}

impl vt100::Callbacks for Rest {
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.copied.push(String::from_utf8_lossy(data).into_owned());
    }

    fn unhandled_csi(
        &mut self,
        _: &mut vt100::Screen,
        intermediate: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        if intermediate == Some(b'?') && matches!(last, 'h' | 'l') {
            self.private_modes
                .extend(params.iter().flat_map(|param| *param).map(|mode| (*mode, last == 'h')));
        }
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Code(u32),
    /// The signal's name, as the C library has it.
    Killed(String),
}

/// The modes that a full-screen program sets, and must take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    pub alternate_screen: bool,
    pub mouse: bool,
    pub bracketed_paste: bool,
    pub focus: bool,
    pub cursor: bool,
    pub raw: bool,
}

impl Modes {
    /// As a shell wants them.
    pub const GIVEN_BACK: Self = Self {
        alternate_screen: false,
        mouse: false,
        bracketed_paste: false,
        focus: false,
        cursor: true,
        raw: false,
    };
    /// As the dashboard sets them, with the mouse on and no prompt open.
    pub const TAKEN: Self = Self {
        alternate_screen: true,
        mouse: true,
        bracketed_paste: true,
        focus: true,
        cursor: false,
        raw: true,
    };
}

/// What the terminal shows.
#[derive(Clone)]
pub struct Screen(vt100::Screen);

impl Screen {
    pub fn text(&self) -> String {
        self.0.contents()
    }

    pub fn contains(&self, text: &str) -> bool {
        // A line at a time: what is cut at the edge is not text that goes on below.
        self.rows().iter().any(|row| row.contains(text))
    }

    /// Every row, without the blanks at its end.
    pub fn rows(&self) -> Vec<String> {
        let (_, columns) = self.0.size();
        self.0.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
    }

    pub fn row(&self, y: usize) -> String {
        self.rows().get(y).cloned().unwrap_or_default()
    }

    pub fn vt100(&self) -> &vt100::Screen {
        &self.0
    }
}

impl Pty {
    /// Runs stackwatch in a terminal of so many columns and rows, with these variables and no others but a
    /// terminal's. Without a `HOME` among them it gets one of its own, which is also where it starts.
    pub fn start(args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        Self::spawn(env!("CARGO_BIN_EXE_stackwatch"), args, env, size)
    }

    pub fn spawn(program: &str, args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        Self::launch(command, env, size)
    }

    /// As [`Self::spawn`], in a terminal that does not control the program: it hears no signal from there.
    pub fn spawn_detached(program: &str, args: &[&str], env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.set_controlling_tty(false);
        Self::launch(command, env, size)
    }

    fn launch(mut command: CommandBuilder, env: &[(&str, &str)], size: (u16, u16)) -> Self {
        let home = tempfile::tempdir().unwrap();
        command.env_clear();
        for (name, value) in
            [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/local/bin:/usr/bin:/bin")]
        {
            command.env(name, value);
        }
        command.env("HOME", home.path());
        command.env("STACKWATCH_ROOT", home.path());
        command.cwd(home.path());
        for (name, value) in env {
            command.env(name, value);
        }
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let shared = Arc::new(Shared::new(size));
        let device = pair.master.tty_name().unwrap();
        let source = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let pid = Pid::from_raw(child.process_id().unwrap().cast_signed()).unwrap();
        let reader = thread::spawn({
            let shared = shared.clone();
            move || shared.read(source)
        });
        thread::spawn({
            let shared = shared.clone();
            move || {
                let status = child.wait().unwrap();
                shared.lock().status = Some(status);
                shared.changed.notify_all();
            }
        });
        Self {
            master: Some(pair.master),
            writer: Some(writer),
            reader: Some(reader),
            device,
            pid,
            shared,
            _home: home,
        }
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub fn screen(&self) -> Screen {
        self.shared.lock().screen()
    }

    /// Waits until the screen is so, and returns it. Half a frame is not looked at, if the program marks its
    /// frames (mode 2026).
    pub fn wait_for(&self, patience: Duration, what: &str, condition: impl Fn(&Screen) -> bool) -> Screen {
        let found = self.shared.wait(patience, |seen| {
            let screen = seen.screen();
            match !seen.in_frame() && condition(&screen) {
                true => Some(Some(screen)),
                // What has ended shows nothing else any more.
                false => (seen.finished && seen.status.is_some()).then_some(None),
            }
        });
        found.flatten().unwrap_or_else(|| {
            let seen = self.shared.lock();
            let end =
                seen.status.as_ref().map(|status| format!(", program ended: {status}")).unwrap_or_default();
            panic!("{what}: not within {patience:?}{end}. The last screen:\n{}", framed(&seen.screen()))
        })
    }

    /// Waits until this text stands on one row.
    pub fn see(&self, text: &str) -> Screen {
        self.wait_for(PATIENCE, &format!("`{text}` on the screen"), |screen| screen.contains(text))
    }

    /// Waits until this text stands nowhere.
    pub fn see_no(&self, text: &str) -> Screen {
        self.wait_for(PATIENCE, &format!("no `{text}` on the screen"), |screen| !screen.contains(text))
    }

    /// Waits until the modes are these.
    pub fn wait_for_modes(&self, modes: Modes) {
        let now = || self.modes();
        // Raw mode changes without a byte.
        if poll(PATIENCE, || now() == modes).is_none() {
            panic!("modes {:?} instead of {modes:?}. The last screen:\n{}", now(), framed(&self.screen()));
        }
    }

    /// Presses keys, as `--keys` writes them. An `<esc>` must be the last: a terminal's reader takes what
    /// comes at once behind it as part of a sequence, and a person is never so fast.
    pub fn press(&mut self, keys: &str) {
        let keys = stackwatch::keymap::parse_keys(keys).unwrap();
        let mut bytes = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            assert!(key.code != KeyCode::Esc || i + 1 == keys.len(), "wait for what <esc> does, then go on");
            bytes.extend(encode(*key));
        }
        self.send(&bytes);
    }

    /// Bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(bytes).and_then(|()| writer.flush()).unwrap();
    }

    /// Pastes, as a terminal does that was asked to bracket it.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// A press and a release of the left button in this cell, from 0.
    pub fn click(&mut self, column: u16, row: u16) {
        let (x, y) = (column + 1, row + 1);
        self.send(format!("\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m").as_bytes());
    }

    pub fn resize(&self, size: (u16, u16)) {
        let (rows, columns) = cells(size);
        let mut seen = self.shared.lock();
        seen.terminal.screen_mut().set_size(rows, columns);
        self.master.as_ref().expect("the terminal is open").resize(pty_size(size)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits for the program's end, and for the last that it wrote.
    pub fn end(&self) -> Ended {
        self.end_within(PATIENCE)
    }

    pub fn end_within(&self, patience: Duration) -> Ended {
        let status = self.shared.wait(patience, |seen| seen.status.clone().filter(|_| seen.finished));
        let status = status.unwrap_or_else(|| {
            panic!("the program goes on after {patience:?}. The last screen:\n{}", framed(&self.screen()))
        });
        match status.signal() {
            Some(signal) => Ended::Killed(signal.to_owned()),
            None => Ended::Code(status.exit_code()),
        }
    }

    /// A mark in what the program writes, for [`Self::since`].
    pub fn mark(&self) -> usize {
        self.shared.lock().bytes.len()
    }

    /// The raw bytes since a mark.
    pub fn since(&self, mark: usize) -> Vec<u8> {
        self.shared.lock().bytes[mark..].to_vec()
    }

    /// What the program put into the clipboard, as it was coded.
    pub fn copied(&self) -> Vec<String> {
        self.shared.lock().terminal.callbacks().copied.clone()
    }

    /// The program's end of the terminal: for what another program there would do.
    pub fn device(&self) -> OwnedFd {
        // Not as a terminal of ours, which would send us its signals.
        rustix::fs::open(&self.device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap()
    }

    /// The terminal driver's settings, as the program left them.
    pub fn settings(&self) -> Termios {
        tcgetattr(self.device()).unwrap()
    }

    pub fn modes(&self) -> Modes {
        let raw = !self.settings().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO);
        let seen = self.shared.lock();
        let focus = seen.has(1004);
        let screen = seen.screen();
        let screen = screen.vt100();
        Modes {
            alternate_screen: screen.alternate_screen(),
            mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            bracketed_paste: screen.bracketed_paste(),
            focus,
            cursor: !screen.hide_cursor(),
            raw,
        }
    }

    /// From now on nobody reads what the program writes, as behind a stalled ssh; or somebody does again.
    pub fn stall(&self, stalled: bool) {
        self.shared.lock().stalled = stalled;
        self.shared.changed.notify_all();
    }

    /// Closes the terminal, as its window would be closed.
    pub fn close(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        // Whoever reads holds the terminal open: a byte that looks as if the program wrote it wakes it.
        let _ = rustix::io::write(self.device(), b" ");
        let _ = reader.join();
        self.writer = None;
        self.master = None;
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.close();
        if self.shared.lock().status.is_none() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

impl Shared {
    fn new(size: (u16, u16)) -> Self {
        let (rows, columns) = cells(size);
        let seen = Seen {
            bytes: Vec::new(),
            terminal: vt100::Parser::new_with_callbacks(rows, columns, 0, Rest::default()),
            finished: false,
            status: None,
            stalled: false,
            closing: false,
        };
        Self { seen: Mutex::new(seen), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is found in what came.
    fn wait<T>(&self, patience: Duration, mut find: impl FnMut(&mut Seen) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut seen = self.lock();
        loop {
            if let Some(found) = find(&mut seen) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            seen = self.changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn read(&self, mut source: Box<dyn Read + Send>) {
        let mut buffer = [0; 65_536];
        loop {
            let read = source.read(&mut buffer).unwrap_or(0);
            let mut seen = self.lock();
            while seen.stalled && !seen.closing {
                seen = self.changed.wait(seen).unwrap_or_else(PoisonError::into_inner);
            }
            if read == 0 || seen.closing {
                seen.finished = true;
                self.changed.notify_all();
                return;
            }
            seen.bytes.extend(&buffer[..read]);
            seen.terminal.process(&buffer[..read]);
            self.changed.notify_all();
        }
    }
}

impl Seen {
    fn screen(&self) -> Screen {
        Screen(self.terminal.screen().clone())
    }

    fn has(&self, private_mode: u16) -> bool {
        self.terminal.callbacks().private_modes.get(&private_mode) == Some(&true)
    }

    fn in_frame(&self) -> bool {
        self.has(2026)
    }
}

/// Asks until it is so; for what no event announces. `None` when it does not come true in time.
pub fn poll(patience: Duration, mut condition: impl FnMut() -> bool) -> Option<()> {
    let deadline = Instant::now() + patience;
    while !condition() {
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    Some(())
}

fn framed(screen: &Screen) -> String {
    screen.rows().iter().map(|row| format!("| {row}\n")).collect()
}

fn pty_size((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells((columns, rows): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap())
}

/// A key as an xterm sends it.
fn encode(key: KeyEvent) -> Vec<u8> {
    let modifiers = key.modifiers;
    let modifier = 1
        + u8::from(modifiers.contains(KeyModifiers::SHIFT))
        + 2 * u8::from(modifiers.contains(KeyModifiers::ALT))
        + 4 * u8::from(modifiers.contains(KeyModifiers::CONTROL));
    let csi = |number: u8, last: char| match (number, modifier) {
        (1, 1) => format!("\x1b[{last}"),
        (_, 1) => format!("\x1b[{number}{last}"),
        _ => format!("\x1b[{number};{modifier}{last}"),
    };
    let plain =
        |text: String| if modifiers.contains(KeyModifiers::ALT) { format!("\x1b{text}") } else { text };
    let text = match key.code {
        KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
            plain(char::from(c.to_ascii_uppercase() as u8 & 0x1f).to_string())
        }
        KeyCode::Char(c) => plain(c.to_string()),
        KeyCode::Enter => plain("\r".to_owned()),
        KeyCode::Tab => plain("\t".to_owned()),
        KeyCode::Backspace => plain("\x7f".to_owned()),
        KeyCode::Esc => "\x1b".to_owned(),
        KeyCode::BackTab => "\x1b[Z".to_owned(),
        KeyCode::Up => csi(1, 'A'),
        KeyCode::Down => csi(1, 'B'),
        KeyCode::Right => csi(1, 'C'),
        KeyCode::Left => csi(1, 'D'),
        KeyCode::Home => csi(1, 'H'),
        KeyCode::End => csi(1, 'F'),
        KeyCode::Insert => csi(2, '~'),
        KeyCode::Delete => csi(3, '~'),
        KeyCode::PageUp => csi(5, '~'),
        KeyCode::PageDown => csi(6, '~'),
        KeyCode::F(n @ 1..=4) => format!("\x1bO{}", char::from(b'O' + n)),
        KeyCode::F(n @ 5..=12) => csi([15, 17, 18, 19, 20, 21, 23, 24][usize::from(n - 5)], '~'),
        code => panic!("no xterm sends {code:?}"),
    };
    text.into_bytes()
}
