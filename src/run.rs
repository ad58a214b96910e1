//! The loop. Only this file waits: one `select!` over frames, keys, signals, ticks, reports.

mod signals;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use color_eyre::eyre::{Report as Eyre, WrapErr};
use crossterm::event::Event;
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

pub use signals::Signals;

use crate::app::{App, Request};
use crate::exit::Exit;
use crate::feed::Feed;
use crate::report::Report;
use crate::terminal::{self, panics};
use signals::Heard;

/// A frame at most so often for reports and ticks; a key draws at once.
const FRAME: Duration = Duration::from_millis(16);
/// And they pause for so many times what the last frame took: a flood of rows is taken in, not drawn.
const REST: u32 = 8;
/// Taking in reports yields to keys after this long.
const SLICE: Duration = Duration::from_millis(2);
/// Reports that are taken from the channel at once.
const BATCH: usize = 32;
/// Events that are heard before the frame that shows what they did: a held key, a storm of resizes.
const BURST: usize = 64;

/// What the loop draws on, and what it hears.
pub struct Loop<'a, B: Backend> {
    pub terminal: &'a mut Terminal<B>,
    pub app: &'a mut App,
    pub events: mpsc::Receiver<io::Result<Event>>,
    pub signals: Signals,
    /// Starts the collectors of the cloud with this number, for this epoch.
    pub connect: &'a mut dyn FnMut(usize, u64) -> Result<Feed, Unopened>,
    /// The cloud to open as soon as the first frame is out.
    pub opens: Option<usize>,
    pub feed: Option<Feed>,
    /// A file that is being written.
    pub writing: Option<JoinHandle<Result<String, String>>>,
    pub now: fn() -> Timestamp,
}

/// Why a cloud could not be opened, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}; {next_step}")]
pub struct Unopened {
    pub message: String,
    pub next_step: String,
}

impl<B: Backend> Loop<'_, B>
where
    B::Error: Send + Sync + 'static,
{
    /// Runs until the operator leaves, a signal comes, the terminal goes away, or a bug shows itself.
    pub async fn run(mut self) -> Result<Exit, Eyre> {
        match self.go().await {
            // Whatever failed: there is nobody to tell.
            Err(_) if terminal::is_gone() => Ok(Exit::HangUp),
            outcome => outcome,
        }
    }

    async fn go(&mut self) -> Result<Exit, Eyre> {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut batch = Vec::with_capacity(BATCH);
        self.app.on_tick((self.now)());
        self.draw()?;
        if let Some(cloud) = self.opens.take() {
            self.open(cloud)?;
        }
        let (mut drawn, mut pause) = (Instant::now(), FRAME);
        loop {
            // A biased select starves what stands below a busy branch, hence the order: what ends the
            // program, a frame that is due, the operator, the time, what is left of the operator's last wish, and
            // last the cloud, which can be busy for long.
            let due = self.app.is_dirty().then(|| drawn + pause);
            tokio::select! {
                biased;
                () = panics::happened() => return Ok(Exit::Bug),
                heard = self.signals.next() => match heard {
                    Heard::Exit(exit) => return Ok(exit),
                    Heard::Continued => {
                        terminal::resume(self.app.mouse()).wrap_err("cannot set up the terminal again")?;
                        self.redraw()?;
                    }
                },
                () = sleep_until(due) => {
                    let started = Instant::now();
                    self.draw()?;
                    drawn = Instant::now();
                    pause = FRAME.max((drawn - started) * REST);
                }
                event = self.events.recv() => {
                    if let Some(exit) = self.hear(event)? {
                        return Ok(exit);
                    }
                    if self.app.is_dirty() {
                        self.draw()?;
                        drawn = Instant::now();
                    }
                }
                _ = tick.tick() => {
                    // A terminal can go without a word: SIGHUP comes to its own session only.
                    if terminal::is_gone() {
                        return Ok(Exit::HangUp);
                    }
                    self.app.on_tick((self.now)());
                    self.record();
                    self.follow();
                }
                // Rarely ready: above those that may always be.
                written = written(self.writing.as_mut()) => {
                    self.writing = None;
                    self.app.on_written(written);
                }
                () = std::future::ready(()), if self.app.is_behind() => {
                    self.app.catch_up();
                    // Nothing was waited for: without this a channel's share of attention would run out.
                    tokio::task::yield_now().await;
                }
                heard = reports(self.feed.as_mut(), &mut batch) => {
                    heard.wrap_err("a collector panicked: this is a bug")?;
                    self.take_in(&mut batch);
                }
            }
        }
    }

    fn draw(&mut self) -> Result<(), Eyre> {
        let (app, started) = (&mut *self.app, Instant::now());
        self.terminal.draw(|frame| app.draw(frame)).wrap_err("cannot draw on this terminal")?;
        self.app.took(started.elapsed());
        Ok(())
    }

    /// Draws every cell with the next frame, whatever the terminal shows now.
    ///
    /// By `resize`, since `Terminal::clear` asks the terminal where its cursor is; the answer comes among the
    /// keys.
    fn redraw(&mut self) -> Result<(), Eyre> {
        let size = self.terminal.size().wrap_err("cannot tell the terminal's size")?;
        self.terminal.resize(size.into()).wrap_err("cannot clear the terminal")?;
        self.app.on_resize();
        Ok(())
    }

    fn open(&mut self, cloud: usize) -> Result<(), Unopened> {
        let feed = (self.connect)(cloud, self.app.next_epoch())?;
        if let Some(cloud) = feed.session().cloud() {
            self.app.open(&cloud.name, cloud.region.as_deref());
        }
        self.feed = Some(feed);
        self.follow();
        Ok(())
    }

    /// Takes in reports for a slice of time. The rest stays in the batch, and comes after waiting keys.
    fn take_in(&mut self, batch: &mut Vec<Report>) {
        let started = Instant::now();
        let mut reports = std::mem::take(batch).into_iter();
        for report in reports.by_ref() {
            self.app.on_report(report);
            if started.elapsed() > SLICE {
                break;
            }
        }
        batch.extend(reports);
        if batch.is_empty() {
            self.follow();
        }
    }

    /// An event of the terminal and those that wait behind it; an exit when the operator leaves.
    fn hear(&mut self, first: Option<io::Result<Event>>) -> Result<Option<Exit>, Eyre> {
        let mut next = first;
        let mut resized = false;
        for _ in 0..BURST {
            // No more events will come: the terminal is gone.
            let Some(Ok(event)) = next else { return Ok(Some(Exit::HangUp)) };
            resized |= matches!(event, Event::Resize(..));
            if let Some(exit) = self.on_event(event)? {
                return Ok(Some(exit));
            }
            match self.events.try_recv() {
                Ok(event) => next = Some(event),
                Err(_) => break,
            }
        }
        // A terminal that was smaller for a moment has lost what it showed, though its size is the same.
        if resized {
            self.redraw()?;
        }
        self.follow();
        Ok(None)
    }

    fn on_event(&mut self, event: Event) -> Result<Option<Exit>, Eyre> {
        let now = (self.now)();
        let requests = match event {
            Event::Key(key) => self.app.on_key(key, now),
            Event::Paste(text) => self.app.on_paste(&text, now),
            Event::Mouse(mouse) => self.app.on_mouse(mouse, now),
            Event::Resize(..) => self.app.on_resize(),
            Event::FocusGained | Event::FocusLost => self.app.on_focus(event == Event::FocusGained),
        };
        for request in requests {
            if let Some(exit) = self.carry_out(request)? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    fn carry_out(&mut self, request: Request) -> Result<Option<Exit>, Eyre> {
        match request {
            Request::Exit => return Ok(Some(Exit::Done)),
            Request::Interrupt => return Ok(Some(Exit::Interrupt)),
            Request::Query(query) => {
                if let Some(feed) = &mut self.feed {
                    feed.ask(query);
                }
            }
            Request::Connect(cloud) => {
                if let Err(error) = self.open(cloud) {
                    self.app.say(error.to_string());
                }
            }
            // Its outcome would take the place of the other's.
            Request::Write { .. } if self.writing.is_some() => {
                self.app.say("a file is still being written: try again when that is said to be done");
            }
            Request::Write { path, bytes } => {
                self.writing = Some(tokio::task::spawn_blocking(move || write(&path, &bytes)));
            }
            Request::Copy(text) => terminal::copy(&text).wrap_err("cannot write to the terminal")?,
            Request::Mouse(on) => terminal::mouse(on).wrap_err("cannot write to the terminal")?,
            Request::Redraw => self.redraw()?,
            Request::Suspend => {
                terminal::suspend(self.app.mouse()).wrap_err("cannot stop to the shell")?;
                self.redraw()?;
            }
        }
        Ok(None)
    }

    /// Gives what is known of this minute to the history.
    fn record(&mut self) {
        if let Some(feed) = self.feed.as_ref().filter(|feed| feed.has_history())
            && let Some(batch) = self.app.samples()
        {
            feed.record(batch);
        }
    }

    /// Tells the collectors what the screen makes worth asking.
    fn follow(&mut self) {
        if let Some(feed) = &self.feed {
            feed.want(self.app.wanted());
            let traffic = feed.session();
            self.app.on_traffic(|| traffic.traffic().iter().map(ToString::to_string).collect());
        }
    }
}

/// Puts bytes into a new file that only its owner may read: logs name users and addresses. One that is there is somebody's.
fn write(path: &Path, bytes: &[u8]) -> Result<String, String> {
    let home = path.strip_prefix("~").ok().zip(std::env::home_dir()).map(|(rest, home)| home.join(rest));
    let path = home.as_deref().unwrap_or(path);
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(format!("written to {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already: choose another name", path.display()))
        }
        Err(error) => Err(format!("cannot write {}: {error}", path.display())),
    }
}

/// What came of writing a file.
async fn written(writing: Option<&mut JoinHandle<Result<String, String>>>) -> Result<String, String> {
    match writing {
        Some(writing) => {
            writing.await.unwrap_or_else(|error| Err(format!("the file was not written: {error}")))
        }
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Reports into `batch`, unless it still holds some that did not fit into their slice.
async fn reports(feed: Option<&mut Feed>, batch: &mut Vec<Report>) -> Result<(), tokio::task::JoinError> {
    if !batch.is_empty() {
        return Ok(());
    }
    match feed {
        Some(feed) => feed.reports(batch, BATCH).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
