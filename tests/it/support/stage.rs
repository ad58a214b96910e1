//! The dashboard without a terminal and without a cloud: reports and keys in, frames out.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use stackwatch::app::{App, Request};
use stackwatch::config::looks::Looks;
use stackwatch::keymap::{Keymap, parse_keys};
use stackwatch::report::{Outcome, Report};
use stackwatch::request::Query;
use stackwatch::theme::{Depth, Look, Theme};
use stackwatch::trace::Subject;
use stackwatch::ui::ansi;
use stackwatch::ui::format::Clock;

use super::facts;

/// A dashboard on a stage of so many cells.
pub struct Stage {
    pub app: App,
    terminal: Terminal<TestBackend>,
    /// The last frame. The backend's own buffer is not it: what a wide character covers stays there.
    frame: Buffer,
    now: Timestamp,
    /// The cloud's answers to questions carry [`facts::EVIL`].
    hostile: bool,
}

/// Eight hours ahead of UTC all year, so that a frame does not depend on where it is drawn.
pub fn looks(theme: &str, keymap: &str, look: Look) -> Looks {
    Looks {
        keymap: Keymap::shipped(keymap).unwrap().unwrap(),
        theme: Theme::shipped(theme).unwrap().unwrap(),
        depth: Depth::Full,
        light: theme == "light",
        look,
        clock: Clock::new(TimeZone::fixed(jiff::tz::offset(8)), false),
        mouse: true,
    }
}

impl Stage {
    /// This pane over these facts, drawn once.
    pub fn new(pane: &str, size: (u16, u16), reports: Vec<Report>) -> Self {
        Self::with(looks("mono", "default", Look::new(false, 1)), pane, size, reports)
    }

    pub fn with(looks: Looks, pane: &str, size: (u16, u16), reports: Vec<Report>) -> Self {
        let mut app = App::new(looks, Some(pane));
        app.open("prod", Some("RegionOne"));
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let frame = Buffer::default();
        let mut stage = Self { app, terminal, frame, now: facts::now(), hostile: false };
        stage.hear(reports);
        stage
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.app.on_resize();
        self.draw();
    }

    pub fn hostile(mut self) -> Self {
        self.hostile = true;
        self
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Takes in reports; time goes on to the newest of them.
    pub fn hear(&mut self, reports: Vec<Report>) {
        for report in reports {
            self.now = self.now.max(report.at);
            self.app.on_report(report);
        }
        self.wait(0);
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.app.on_tick(self.now);
        self.trends();
        self.draw();
    }

    /// Presses keys, each drawn at once; the cloud answers questions at once. What else left the app is given
    /// back.
    pub fn press(&mut self, keys: &str) -> Vec<Request> {
        let mut left = Vec::new();
        for key in parse_keys(keys).unwrap() {
            for request in self.app.on_key(key, self.now) {
                let Request::Query(query) = &request else {
                    left.push(request);
                    continue;
                };
                self.answer(facts::answer(query, self.now));
            }
            self.trace();
            self.trends();
            self.draw();
        }
        left
    }

    /// The logs are read at once for whatever is traced.
    fn trace(&mut self) {
        let wanted = self.app.wanted().trace;
        let Some(subject) = wanted.and_then(|text| Subject::parse(text.as_bytes())) else { return };
        if self.app.store().trace(subject).is_none() {
            self.answer(facts::traced(subject, self.now));
        }
    }

    /// What was recorded of what is on screen is read at once.
    fn trends(&mut self) {
        for wish in self.app.wanted().trends {
            if self.app.store().courses(&wish).is_none() {
                self.answer(facts::answer(&Query::Trend(vec![wish]), self.now));
            }
        }
    }

    fn answer(&mut self, mut answers: Vec<Report>) {
        for answer in answers.iter_mut().filter(|_| self.hostile) {
            if let Outcome::Part(delta) = &mut answer.outcome {
                facts::poison(delta);
            }
        }
        answers.into_iter().for_each(|answer| self.app.on_report(answer));
    }

    fn draw(&mut self) {
        let app = &mut self.app;
        let drawn = self.terminal.draw(|frame| app.draw(frame)).unwrap();
        self.frame.clone_from(drawn.buffer);
    }

    pub fn buffer(&self) -> &Buffer {
        &self.frame
    }

    /// The last frame's characters.
    pub fn text(&self) -> String {
        ansi::plain(self.buffer())
    }

    /// The line that the cursor is on: in the themes of tests it is drawn reversed.
    pub fn cursor_line(&self) -> Option<String> {
        let buffer = self.buffer();
        let reversed = |y: u16| buffer[(1, y)].modifier.contains(Modifier::REVERSED);
        let y = (3..buffer.area.height).find(|y| reversed(*y))?;
        self.text().lines().nth(y as usize).map(str::to_owned)
    }
}
