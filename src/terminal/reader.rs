//! Keys, pastes, the mouse and resizes, as a thread of their own reads them.
//!
//! Not crossterm's `EventStream`: that reads in whoever awaits it, and until it has a whole event. Half a
//! sequence, or a terminal that is gone and reads as nothing again and again, would hold up the loop.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

/// The reader stops within this time, unless the terminal is gone or half a sequence came.
const STOPS_WITHIN: Duration = Duration::from_millis(200);

struct State {
    /// Whether keys are ours.
    wanted: bool,
    /// Whether the thread waits for the terminal.
    reading: bool,
}

static STATE: Mutex<State> = Mutex::new(State { wanted: false, reading: false });
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The events, for as long as the terminal is ours. When no more come, it is gone.
pub fn events() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (to, from) = mpsc::channel(256);
    let read = move || {
        loop {
            let event = next();
            let failed = event.is_err();
            if to.blocking_send(event).is_err() || failed {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read)?;
    Ok(from)
}

fn next() -> io::Result<Event> {
    let mut now = CHANGED.wait_while(state(), |state| !state.wanted).unwrap_or_else(PoisonError::into_inner);
    now.reading = true;
    drop(now);
    let event = crossterm::event::read();
    state().reading = false;
    CHANGED.notify_all();
    event.map(whole_enter)
}

/// From now on keys are ours.
pub(super) fn begin() {
    state().wanted = true;
    CHANGED.notify_all();
}

/// From now on keys are the shell's: what is typed next must not end in a program that ends or stops.
pub(super) fn end() {
    let mut now = state();
    now.wanted = false;
    if now.reading {
        // As if the terminal had another size: that ends a read without a key.
        let _ = kill_process(getpid(), Signal::WINCH);
        let _ = CHANGED.wait_timeout_while(now, STOPS_WITHIN, |state| state.reading);
    }
}

/// Before raw mode (at the start, behind `fg`) the terminal driver makes a newline of the enter key.
fn whole_enter(event: Event) -> Event {
    match event {
        Event::Key(key) if key.code == KeyCode::Char('j') && key.modifiers == KeyModifiers::CONTROL => {
            Event::Key(KeyEvent { code: KeyCode::Enter, modifiers: KeyModifiers::NONE, ..key })
        }
        event => event,
    }
}
