//! The loop. Only this file waits: one `select!` over frames, keys, reports, dead collectors, ticks.

use std::io;
use std::time::Duration;

use color_eyre::eyre::{Report as Eyre, WrapErr};
use crossterm::event::{Event, EventStream};
use futures::StreamExt;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::app::{App, Request};
use crate::exit::Exit;
use crate::feed::Feed;
use crate::terminal;

/// A frame at most so often for reports and ticks; a key draws at once.
const FRAME: Duration = Duration::from_millis(16);
/// Taking in reports yields to keys after this long.
const SLICE: Duration = Duration::from_millis(2);
/// Reports that are taken from the channel at once.
const BATCH: usize = 32;

/// What the loop draws on and counts.
pub struct Loop<'a> {
    pub terminal: &'a mut DefaultTerminal,
    pub app: &'a mut App,
    /// Starts the collectors of the cloud that was chosen.
    pub connect: &'a mut dyn FnMut(usize, u64) -> Result<Feed, crate::source::Error>,
    pub feed: Option<Feed>,
}

struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Terminate,
            _ = self.hang_up.recv() => Exit::HangUp,
            _ = self.interrupt.recv() => Exit::Interrupt,
        }
    }
}

impl Loop<'_> {
    /// Runs until the operator leaves, a signal comes, the terminal goes away, or a bug shows itself.
    pub async fn run(mut self) -> Result<Exit, Eyre> {
        let mut keys = EventStream::new();
        let mut signals = Signals::new().wrap_err("cannot listen for signals")?;
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut batch = Vec::with_capacity(BATCH);
        let mut drawn = Instant::now();
        self.draw()?;
        loop {
            // A biased select starves what stands below a busy branch, hence the order: a frame that is due,
            // the operator, the cloud, and time last.
            let due = self.app.is_dirty().then(|| drawn + FRAME);
            tokio::select! {
                biased;
                () = sleep_until(due) => {
                    self.draw()?;
                    drawn = Instant::now();
                }
                event = keys.next() => {
                    match event {
                        Some(Ok(event)) => {
                            if let Some(exit) = self.hear(event).await? {
                                return Ok(exit);
                            }
                            if self.app.is_dirty() {
                                self.draw()?;
                                drawn = Instant::now();
                            }
                        }
                        // The terminal is gone: there is nobody to tell.
                        Some(Err(_)) | None => return Ok(Exit::HangUp),
                    }
                }
                exit = signals.next() => return Ok(exit),
                heard = reports(self.feed.as_mut(), &mut batch) => {
                    heard.wrap_err("a collector panicked: this is a bug")?;
                    let started = Instant::now();
                    let mut taken = batch.drain(..);
                    for report in taken.by_ref() {
                        self.app.on_report(report);
                        if started.elapsed() > SLICE && keys_wait() {
                            break;
                        }
                    }
                    let rest: Vec<_> = taken.collect();
                    batch.extend(rest);
                    self.follow();
                }
                _ = tick.tick() => {
                    self.app.on_tick(Timestamp::now());
                    self.follow();
                }
            }
        }
    }

    fn draw(&mut self) -> Result<(), Eyre> {
        let app = &mut *self.app;
        self.terminal.draw(|frame| app.draw(frame)).wrap_err("cannot draw on this terminal")?;
        Ok(())
    }

    /// One event of the terminal; an exit when the operator leaves.
    async fn hear(&mut self, event: Event) -> Result<Option<Exit>, Eyre> {
        let now = Timestamp::now();
        let requests = match event {
            Event::Key(key) => self.app.on_key(key, now),
            Event::Paste(text) => self.app.on_paste(&text, now),
            Event::Mouse(mouse) => self.app.on_mouse(mouse, now),
            Event::Resize(..) => self.app.on_resize(),
            Event::FocusGained | Event::FocusLost => self.app.on_focus(event == Event::FocusGained),
        };
        for request in requests {
            match request {
                Request::Exit => return Ok(Some(Exit::Done)),
                Request::Interrupt => return Ok(Some(Exit::Interrupt)),
                Request::Query(query) => {
                    if let Some(feed) = &mut self.feed {
                        feed.ask(query);
                    }
                }
                Request::Connect(choice) => {
                    let epoch = self.app.next_epoch();
                    match (self.connect)(choice, epoch) {
                        Ok(feed) => self.feed = Some(feed),
                        Err(error) => self.app.say(error.message),
                    }
                }
                Request::Copy(text) => terminal::copy(&text).wrap_err("cannot write to the terminal")?,
                Request::Mouse(on) => terminal::mouse(on).wrap_err("cannot write to the terminal")?,
                Request::Redraw => self.terminal.clear().wrap_err("cannot clear the terminal")?,
                Request::Suspend => {
                    terminal::suspend(self.app.mouse()).wrap_err("cannot stop to the shell")?;
                    self.terminal.clear().wrap_err("cannot clear the terminal")?;
                    self.app.on_resize();
                }
            }
        }
        self.follow();
        Ok(None)
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

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Reports into `batch`, which may still hold some that a key interrupted.
async fn reports(
    feed: Option<&mut Feed>,
    batch: &mut Vec<crate::report::Report>,
) -> Result<(), tokio::task::JoinError> {
    if !batch.is_empty() {
        return Ok(());
    }
    match feed {
        Some(feed) => feed.reports(batch, BATCH).await,
        None => std::future::pending().await,
    }
}

/// Whether the operator pressed something meanwhile.
fn keys_wait() -> bool {
    crossterm::event::poll(Duration::ZERO).unwrap_or(false)
}
