//! Signals: those that end the program, and the one that continues it.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::exit::Exit;
use crate::terminal;

/// The loop has so long to give the terminal back and end.
const GRACE: Duration = Duration::from_secs(2);

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Exit(Exit),
    /// Somebody stopped the process, and continued it.
    Continued,
}

/// The signals that the loop hears. A task of its own listens, and ends the process if the loop cannot: it may
/// be waiting for a terminal that takes nothing any more, behind a stalled ssh.
pub struct Signals {
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Signals {
    /// Listens from now on; before the terminal is taken, so that it is always given back.
    pub fn listen() -> io::Result<Self> {
        let (to, heard) = mpsc::unbounded_channel();
        let sources = Sources {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        };
        tokio::spawn(sources.watch(to));
        Ok(Self { heard })
    }

    pub async fn next(&mut self) -> Heard {
        match self.heard.recv().await {
            Some(heard) => heard,
            // The listener ends only with the process.
            None => std::future::pending().await,
        }
    }
}

struct Sources {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    continued: Signal,
}

impl Sources {
    async fn watch(mut self, to: mpsc::UnboundedSender<Heard>) {
        loop {
            let heard = self.next().await;
            // Nobody hears it when the loop has ended meanwhile, and the process with it.
            let _ = to.send(heard);
            if let Heard::Exit(exit) = heard {
                tokio::time::sleep(GRACE).await;
                terminal::abandon(exit as i32);
            }
        }
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::Exit(Exit::Terminate),
            _ = self.hang_up.recv() => Heard::Exit(Exit::HangUp),
            _ = self.interrupt.recv() => Heard::Exit(Exit::Interrupt),
            _ = self.continued.recv() => Heard::Continued,
        }
    }
}
