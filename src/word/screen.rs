//! `screen PANE`: one frame of the dashboard, without a terminal.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::time::Instant;

use super::{Failure, one_cloud, settings, sources};
use crate::app::{App, Request};
use crate::cli::{Common, Picture};
use crate::exit::Exit;
use crate::feed::Feed;
use crate::keymap;
use crate::ui::{ansi, svg};

/// What to draw, and how.
pub struct Wish {
    pub pane: String,
    pub size: (u16, u16),
    pub keys: String,
    pub clock: Option<Timestamp>,
    pub output: Picture,
}

/// Waits for the pane's topics, presses the keys, prints the frame.
pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let keys = keymap::parse_keys(&wish.keys).map_err(|error| Failure::usage(format!("--keys: {error}")))?;
    let file = settings(common)?;
    let mut app = super::app(common, &file, Some(&wish.pane))?;
    let cloud = one_cloud(common, &file)?;
    app.open(&cloud.name, cloud.region.as_deref());
    let mut feed = Feed::start(sources(cloud, &file)?, 0, |_| true);
    let mut terminal = Terminal::new(TestBackend::new(wish.size.0, wish.size.1))
        .map_err(|error| Failure::usage(format!("cannot draw: {error}")))?;
    let deadline = Instant::now() + common.timeout;
    settle(&mut app, &mut feed, deadline, wish.clock).await;
    let mut draw = |app: &mut App| {
        app.on_tick(wish.clock.unwrap_or_else(Timestamp::now));
        terminal
            .draw(|frame| app.draw(frame))
            .map(|_| ())
            .map_err(|error| Failure::usage(format!("cannot draw: {error}")))
    };
    // Drawn once before the keys: views know their height from their last frame.
    draw(&mut app)?;
    let any_key = !keys.is_empty();
    for key in keys {
        let mut asked = false;
        let now = wish.clock.unwrap_or_else(Timestamp::now);
        for request in app.on_key(key, now) {
            match request {
                Request::Query(query) => {
                    let topic = query.topic();
                    app.await_answer(topic);
                    feed.ask(query);
                    asked = true;
                }
                Request::Exit | Request::Interrupt => return Ok(Exit::Done),
                _ => {}
            }
        }
        feed.want(app.wanted());
        while app.is_behind() {
            app.catch_up();
        }
        draw(&mut app)?;
        // The letters of a filter ask nothing: only what does is waited for before the next key.
        if asked {
            settle(&mut app, &mut feed, deadline, wish.clock).await;
            draw(&mut app)?;
        }
    }
    if any_key {
        // The names of what the keys brought on the screen.
        settle(&mut app, &mut feed, deadline, wish.clock).await;
        draw(&mut app)?;
    }
    let partial = app.is_partial();
    // The frame itself: the backend's copy keeps what a wide character once covered.
    let frame = terminal
        .draw(|frame| app.draw(frame))
        .map_err(|error| Failure::usage(format!("cannot draw: {error}")))?;
    let buffer = frame.buffer;
    let text = match wish.output {
        Picture::Text => ansi::plain(buffer),
        Picture::Ansi => ansi::coloured(buffer),
        Picture::Svg => svg::svg(buffer, app.is_light()),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(if partial { Exit::Partial } else { Exit::Done }),
    }
}

/// Takes in reports until the pane's topics have succeeded or failed once, and what is on its way is in.
async fn settle(app: &mut App, feed: &mut Feed, deadline: Instant, clock: Option<Timestamp>) {
    // Names follow their rows: what is still under way may take this much longer.
    const QUIET: Duration = Duration::from_millis(150);
    let mut batch = Vec::new();
    loop {
        let until = if app.is_settled() { deadline.min(Instant::now() + QUIET) } else { deadline };
        let taken = tokio::time::timeout_at(until, feed.reports(&mut batch, 64)).await;
        for report in batch.drain(..) {
            // A frozen clock is frozen for what was heard too.
            app.on_report(match clock {
                Some(clock) => report.heard_at(clock),
                None => report,
            });
        }
        feed.want(app.wanted());
        if !matches!(taken, Ok(Ok(()))) {
            return;
        }
    }
}
