//! What the operator does: keys through the keymap, text into prompts, the mouse.

use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent, MouseEventKind};
use jiff::Timestamp;

use super::{App, Asking, Overlay, Request, palette};
use crate::action::Action;
use crate::keymap::Step;
use crate::pane::Reply;
use crate::ui::prompt::{Heard, Prompt};

impl App {
    /// One key. What it does is drawn at once; one that does nothing is not.
    pub fn on_key(&mut self, key: KeyEvent, now: Timestamp) -> Vec<Request> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        self.touch(now);
        if self.prompt.is_some() {
            return self.on_prompt(|prompt| prompt.on_key(key));
        }
        let pane = self.keymap_pane();
        match self.keymap.feed(&mut self.pending, pane, key) {
            Step::Action(action) => self.act(action),
            Step::Pending | Step::None => Vec::new(),
        }
    }

    /// Pasted text goes into an open prompt, and nowhere else: it is never taken for keys.
    pub fn on_paste(&mut self, text: &str, now: Timestamp) -> Vec<Request> {
        self.touch(now);
        if self.prompt.is_some() { self.on_prompt(|prompt| prompt.on_paste(text)) } else { Vec::new() }
    }

    pub fn on_mouse(&mut self, mouse: MouseEvent, now: Timestamp) -> Vec<Request> {
        let action = match mouse.kind {
            MouseEventKind::ScrollUp => Action::Up,
            MouseEventKind::ScrollDown => Action::Down,
            MouseEventKind::Down(_) => {
                self.touch(now);
                self.click(mouse.column, mouse.row);
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.touch(now);
        (0..3).flat_map(|_| self.act(action)).collect()
    }

    pub fn on_resize(&mut self) -> Vec<Request> {
        self.dirty = true;
        Vec::new()
    }

    pub fn on_focus(&mut self, focused: bool) -> Vec<Request> {
        self.focused = focused;
        self.dirty |= focused;
        Vec::new()
    }

    fn touch(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.touched = self.now;
        self.focused = true;
    }

    /// A click on a tab opens its pane; in the pane it moves the cursor.
    fn click(&mut self, column: u16, row: u16) {
        self.dirty = true;
        if row == 1
            && let Some(index) = super::chrome::tab_at(self, column)
        {
            self.focus = index;
            self.came.clear();
            return;
        }
        let area = self.body;
        if area.contains((column, row).into()) {
            self.with_pane(|pane, cx| pane.click(row - area.y, cx));
        }
    }

    /// The keymap's section that is in force.
    pub(super) fn keymap_pane(&self) -> &'static str {
        self.panes.get(self.focus).map_or("", |pane| pane.name())
    }

    /// Carries out one wish: overlays first, then the pane, then the app itself.
    pub(super) fn act(&mut self, action: Action) -> Vec<Request> {
        self.toast = None;
        self.dirty = true;
        match action {
            Action::Exit => return vec![Request::Exit],
            Action::Interrupt => return vec![Request::Interrupt],
            Action::Suspend => return vec![Request::Suspend],
            Action::Redraw => return vec![Request::Redraw],
            _ => {}
        }
        if let Some(requests) = self.act_on_overlay(action) {
            return requests;
        }
        match self.with_pane(|pane, cx| pane.on(action, cx)).unwrap_or(Reply::Up) {
            Reply::Done => Vec::new(),
            Reply::Up => self.act_self(action),
            Reply::Leave => self.leave(action),
            Reply::Go(go) => {
                self.go(go);
                Vec::new()
            }
            Reply::Ask(queries) => queries.into_iter().map(Request::Query).collect(),
            Reply::Copy(text) => {
                self.tell(format!("copied {text}"));
                vec![Request::Copy(text)]
            }
            Reply::Say(text) => {
                self.tell(text);
                Vec::new()
            }
        }
    }

    /// `esc` and `q` at the outermost view: back where one came from; then `q` ends the program.
    fn leave(&mut self, action: Action) -> Vec<Request> {
        if !self.back() && action == Action::Quit { vec![Request::Exit] } else { Vec::new() }
    }

    fn act_on_overlay(&mut self, action: Action) -> Option<Vec<Request>> {
        let step = |at: usize| match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at.saturating_add(1),
            Action::PageUp | Action::HalfPageUp => at.saturating_sub(10),
            Action::PageDown | Action::HalfPageDown => at.saturating_add(10),
            Action::Top => 0,
            // Drawing knows where the end is, and comes back to it.
            Action::Bottom => usize::MAX,
            _ => at,
        };
        match &mut self.overlay {
            Overlay::None => None,
            Overlay::Help { scroll } | Overlay::Sources { scroll } => {
                *scroll = step(*scroll);
                match action {
                    Action::Quit | Action::Back | Action::Enter | Action::Help | Action::Sources => {
                        self.overlay = Overlay::None;
                    }
                    _ => {}
                }
                Some(Vec::new())
            }
            Overlay::Chooser { titles, cursor } => {
                *cursor = step(*cursor).min(titles.len().saturating_sub(1));
                match action {
                    // It stays until the cloud is open: a broken one says why, and another can be chosen.
                    Action::Enter => Some(vec![Request::Connect(*cursor)]),
                    Action::Quit | Action::Back => Some(vec![Request::Exit]),
                    _ => Some(Vec::new()),
                }
            }
        }
    }

    /// What no pane needs to know about.
    fn act_self(&mut self, action: Action) -> Vec<Request> {
        match action {
            Action::Quit | Action::Back => return self.leave(action),
            Action::NextPane => self.step_pane(1),
            Action::PreviousPane => self.step_pane(self.panes.len().saturating_sub(1)),
            Action::Filter => {
                let text = self.panes.get(self.focus).map_or("", |p| p.filter_text()).to_owned();
                self.ask(Asking::Filter, text);
            }
            Action::Command => self.ask(Asking::Command, String::new()),
            Action::Search => self.ask(Asking::Search, String::new()),
            Action::Help => self.overlay = Overlay::Help { scroll: 0 },
            Action::Sources => self.overlay = Overlay::Sources { scroll: 0 },
            Action::Refresh => {
                let topics = self.panes.get(self.focus).map_or(&[][..], |pane| pane.reads());
                for topic in topics {
                    *self.refresh.entry(*topic).or_default() += 1;
                }
                let questions = self.with_pane(|pane, cx| pane.questions(cx)).unwrap_or_default();
                self.tell("reading anew");
                return questions.into_iter().map(Request::Query).collect();
            }
            Action::ToggleUtc => self.clock.toggle_utc(),
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                self.tell(if self.mouse { "mouse on" } else { "mouse off: the terminal selects text" });
                return vec![Request::Mouse(self.mouse)];
            }
            pane if pane.name().starts_with("pane_") => self.open_pane(pane),
            _ => {}
        }
        Vec::new()
    }

    fn step_pane(&mut self, by: usize) {
        let count = self.panes.len().max(1);
        let steps = (1..=count).map(|step| (self.focus + step * by) % count);
        let has_tab = |index: &usize| self.panes.get(*index).is_some_and(|pane| pane.opens().is_some());
        self.focus = steps.into_iter().find(has_tab).unwrap_or(self.focus);
        self.came.clear();
    }

    fn ask(&mut self, asking: Asking, text: String) {
        let history = self.history.entry(asking).or_default().clone();
        self.prompt = Some((asking, Prompt::new(text, history)));
    }

    /// Text for the open prompt. A filter is tried with each letter; `esc` brings the old one back.
    fn on_prompt(&mut self, hear: impl FnOnce(&mut Prompt) -> Heard) -> Vec<Request> {
        self.dirty = true;
        let Some((asking, mut prompt)) = self.prompt.take() else { return Vec::new() };
        let heard = hear(&mut prompt);
        match (asking, heard) {
            (Asking::Filter, Heard::Cancelled) => {
                let before = prompt.initial().to_owned();
                self.with_pane(|pane, cx| pane.filter(&before, cx));
            }
            (Asking::Command | Asking::Search, Heard::Cancelled) => {}
            (Asking::Filter, Heard::Changed) => {
                let outcome = self.with_pane(|pane, cx| pane.filter(prompt.text(), cx));
                prompt.set_error(outcome.and_then(Result::err).map(|error| error.to_string()));
                self.prompt = Some((asking, prompt));
            }
            (Asking::Filter, Heard::Entered) => {
                let text = prompt.text().to_owned();
                let outcome = self.with_pane(|pane, cx| pane.filter(&text, cx));
                match outcome.and_then(Result::err) {
                    Some(error) => {
                        prompt.set_error(Some(error.to_string()));
                        self.prompt = Some((asking, prompt));
                    }
                    None => self.remember(asking, text),
                }
            }
            (Asking::Search, Heard::Entered) => {
                let text = prompt.text().to_owned();
                let outcome = self.with_pane(|pane, cx| pane.search(&text, cx));
                match outcome.and_then(Result::err) {
                    Some(error) => {
                        prompt.set_error(Some(error.to_string()));
                        self.prompt = Some((asking, prompt));
                    }
                    None => self.remember(asking, text),
                }
            }
            (Asking::Command, Heard::Entered) => {
                let text = prompt.text().trim().to_owned();
                self.remember(asking, text.clone());
                return palette::run(self, &text);
            }
            (Asking::Filter | Asking::Search, Heard::Complete) => {
                let columns = self.panes.get(self.focus).map(|pane| pane.columns()).unwrap_or_default();
                prompt.complete(&palette::filter_candidates(&columns));
                self.prompt = Some((asking, prompt));
            }
            (Asking::Command, Heard::Complete) => {
                let candidates = palette::candidates(self, prompt.text());
                prompt.complete(&candidates);
                self.prompt = Some((asking, prompt));
            }
            (Asking::Command | Asking::Search, Heard::Changed) | (_, Heard::Nothing) => {
                self.prompt = Some((asking, prompt))
            }
        }
        Vec::new()
    }

    fn remember(&mut self, asking: Asking, text: String) {
        if !text.is_empty() {
            let history = self.history.entry(asking).or_default();
            history.retain(|old| *old != text);
            history.push(text);
        }
    }
}
