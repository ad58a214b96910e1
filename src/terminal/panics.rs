//! A panic's message, on a terminal that can show it.
//!
//! A panic in the thread that draws gives the terminal back and says its message. One in another thread (a
//! collector's task, the thread that reads keys) must not touch a screen that is being drawn: its message is
//! kept, the loop is told and ends, and [`super::restore`] says it.

use std::io::{Write, stderr};
use std::sync::{Mutex, PoisonError};
use std::thread;

use color_eyre::config::{HookBuilder, Theme};
use tokio::sync::Notify;

/// Messages of panics that no screen could show yet.
static UNSAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HAPPENED: Notify = Notify::const_new();

/// Sets the hook for panics and the one for errors; first of all in `main`.
pub fn install() -> Result<(), color_eyre::Report> {
    // Without colours: control characters go from the message, whoever put them there.
    let (panics, errors) = HookBuilder::default()
        .theme(Theme::new())
        .panic_section("This is a bug in stackwatch. Please report it with the lines above.")
        .try_into_hooks()?;
    errors.install()?;
    std::panic::set_hook(Box::new(move |info| hear(panics.panic_report(info).to_string())));
    Ok(())
}

fn hear(message: String) {
    let message = message.replace(|c: char| c.is_control() && c != '\n', " ");
    let elsewhere = super::holder().is_some_and(|holder| holder != thread::current().id());
    UNSAID.lock().unwrap_or_else(PoisonError::into_inner).push(message);
    if elsewhere {
        HAPPENED.notify_one();
    } else {
        super::restore();
        say();
    }
}

/// Waits for a panic in another thread than the one that draws.
pub async fn happened() {
    HAPPENED.notified().await;
}

/// Says what was kept. Standard error may be a terminal that is gone.
pub(super) fn say() {
    for message in UNSAID.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = writeln!(stderr(), "{message}");
    }
}
