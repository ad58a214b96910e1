//! A password, asked for on the terminal without an echo.

use std::fs::File;
use std::io::{self, Read, Write};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use rpassword::ConfigBuilder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;

const CTRL_C: u8 = 3;

/// What was typed; `None` after ctrl-c.
///
/// To be called within a runtime of several threads. rpassword alone raises SIGINT on ctrl-c while echo is still off, and a shell would be left without it.
pub fn ask(prompt: &str) -> io::Result<Option<String>> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let keys = Keys(terminal.try_clone()?);
    tokio::spawn(watch(signal(SignalKind::terminate())?, signal(SignalKind::hangup())?));
    // Before the prompt: whoever answers at once is not echoed either.
    enable_raw_mode()?;
    let prompted = write!(terminal, "{prompt}");
    let config = ConfigBuilder::new().input_reader(keys).output_discard().build();
    let answer = prompted.and_then(|()| rpassword::read_password_with_config(config));
    disable_raw_mode()?;
    writeln!(terminal)?;
    match answer {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        answer => answer.map(Some),
    }
}

/// Ends the process with its echo given back: the thread that asks waits for a key, and hears no signal. The
/// handlers stay once they are installed, hence until the loop listens itself, see [`super::take`].
async fn watch(mut terminate: Signal, mut hang_up: Signal) {
    let exit = tokio::select! {
        _ = terminate.recv() => Exit::Terminate,
        _ = hang_up.recv() => Exit::HangUp,
    };
    if super::holder().is_none() {
        let _ = disable_raw_mode();
        std::process::exit(exit as i32);
    }
}

/// The terminal, where ctrl-c is an error instead of a key.
struct Keys(File);

impl Read for Keys {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        match buffer[..read].contains(&CTRL_C) {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(read),
        }
    }
}
