//! The dashboard's state between inputs: the store, the panes, where the operator is.
//!
//! Inputs are reports, keys, resizes and ticks, each with its time; nothing here waits, fetches or reads a
//! clock. What must be fetched or done outside leaves as [`Request`].

mod chrome;
mod input;
mod overlay;
mod palette;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::config::looks::Looks;
use crate::health::{Verdict, expect, quota};
use crate::keymap::{Keymap, Pending};
use crate::model::Batch;
use crate::pane::{self, Cx, Go, Pane};
use crate::report::{OutageKind, Report, Topic};
use crate::request::{Query, Wanted};
use crate::series::Recorder;
use crate::store::{Standing, Store};
use crate::table::{Slots, Tally};
use crate::theme::{Depth, Look, Theme};
use crate::ui::format::Clock;
use crate::ui::prompt::Prompt;

/// What the loop must do for the app.
#[derive(Debug, PartialEq)]
pub enum Request {
    Exit,
    /// ctrl-c: the exit code says so.
    Interrupt,
    Query(Query),
    /// Open the cloud with this number of the chooser.
    Connect(usize),
    Copy(String),
    /// Put this into a new file; what came of it is said by [`App::on_written`].
    Write {
        path: PathBuf,
        bytes: Vec<u8>,
    },
    Mouse(bool),
    Redraw,
    Suspend,
}

/// A line for the operator that goes away by itself.
struct Toast {
    text: String,
    at: Timestamp,
    bad: bool,
}

/// What lies over the pane.
enum Overlay {
    None,
    Help { scroll: usize },
    Sources { scroll: usize },
    Chooser { titles: Vec<String>, cursor: usize },
}

/// Where `esc` leads back to after a way to a neighbour.
struct Came {
    pane: usize,
    /// The filter that the pane had before the neighbour set its own.
    filter: String,
    target: usize,
}

/// The dashboard.
pub struct App {
    store: Store,
    panes: Vec<Box<dyn Pane>>,
    focus: usize,
    came: Vec<Came>,
    keymap: Keymap,
    pending: Pending,
    theme: Theme,
    depth: Depth,
    look: Look,
    light: bool,
    clock: Clock,
    prompt: Option<(Asking, Prompt)>,
    history: BTreeMap<Asking, Vec<String>>,
    overlay: Overlay,
    toast: Option<Toast>,
    mouse: bool,
    cloud: String,
    region: Option<String>,
    epoch: u64,
    now: Timestamp,
    dirty: bool,
    /// What the last frame showed of the store: nothing newer, no new frame.
    shown: u64,
    refresh: BTreeMap<Topic, u64>,
    expected: expect::Names,
    recorder: Recorder,
    quota_order: quota::Order,
    /// The last key or focus: after long rest, polling slows down.
    touched: Timestamp,
    focused: bool,
    answers: Vec<Topic>,
    /// What the sources were asked, a line each, for `:sources`.
    traffic: Vec<String>,
    /// Frames drawn so far, for tests and `:sources`.
    frames: u64,
    /// The longest that one of them took, terminal included.
    slowest: Duration,
    body: Rect,
    /// Hypervisors, instances, queues and projects' quotas by verdict.
    troubles: [Tally<Verdict>; 4],
}

/// What a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asking {
    Filter,
    Command,
    Search,
}

/// Without a key for so long, polling slows down.
const REST: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// How long a line for the operator stays.
const TOAST: jiff::SignedDuration = jiff::SignedDuration::from_secs(6);

impl App {
    /// The pane of this name opens first; panes are named by [`pane::names`].
    pub fn new(setup: Looks, first: Option<&str>) -> Self {
        let panes = pane::all();
        let focus =
            first.and_then(|name| panes.iter().position(|pane| pane.name() == name)).unwrap_or_default();
        Self {
            store: Store::default(),
            panes,
            focus,
            came: Vec::new(),
            keymap: setup.keymap,
            pending: Pending::default(),
            theme: setup.theme,
            depth: setup.depth,
            look: setup.look,
            light: setup.light,
            clock: setup.clock,
            prompt: None,
            history: BTreeMap::new(),
            overlay: Overlay::None,
            toast: None,
            mouse: setup.mouse,
            cloud: String::new(),
            region: None,
            epoch: 0,
            now: Timestamp::UNIX_EPOCH,
            dirty: true,
            shown: 0,
            refresh: BTreeMap::new(),
            expected: expect::Names::new(true),
            recorder: Recorder::default(),
            quota_order: quota::Order::default(),
            touched: Timestamp::UNIX_EPOCH,
            focused: true,
            answers: Vec::new(),
            traffic: Vec::new(),
            frames: 0,
            slowest: Duration::ZERO,
            body: Rect::ZERO,
            troubles: Default::default(),
        }
    }

    /// This cloud is being read now.
    pub fn open(&mut self, cloud: &str, region: Option<&str>) {
        cloud.clone_into(&mut self.cloud);
        self.region = region.map(str::to_owned);
        self.overlay = Overlay::None;
        self.dirty = true;
    }

    /// Several clouds: the operator chooses.
    pub fn choose(&mut self, titles: Vec<String>) {
        self.overlay = Overlay::Chooser { titles, cursor: 0 };
        self.dirty = true;
    }

    /// A new cloud: what was known of the old one goes, and its late reports are not heard.
    pub fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.store.reset(self.epoch);
        self.expected = expect::Names::new(true);
        self.recorder = Recorder::default();
        self.quota_order = quota::Order::default();
        self.epoch
    }

    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub fn mouse(&self) -> bool {
        self.mouse
    }

    /// Whether the theme is made for light terminals.
    pub fn is_light(&self) -> bool {
        self.light
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// What a frame took, as who drew it has measured.
    pub fn took(&mut self, frame: Duration) {
        self.slowest = self.slowest.max(frame);
    }

    /// Takes in one report. Whether a frame follows is decided by what the open pane reads.
    pub fn on_report(&mut self, report: Report) {
        self.now = self.now.max(report.at);
        self.store.apply(report);
        if self.shown_revision() != self.shown {
            self.dirty = true;
        }
    }

    /// A second went by: ages on screen grow, so a frame may be due.
    pub fn on_tick(&mut self, now: Timestamp) {
        let before = self.now;
        self.now = now;
        if self.toast.as_ref().is_some_and(|toast| now.duration_since(toast.at) > TOAST) {
            self.toast = None;
            self.dirty = true;
        }
        if before.as_second() != now.as_second() && self.focused {
            // The header's clock and the ages of the sources are on every screen. Drawing is cheap, and the
            // terminal gets only the cells that differ.
            self.dirty = true;
        }
    }

    /// What is to be recorded of this minute, the first time that it is asked for.
    pub fn samples(&mut self) -> Option<Batch> {
        self.recorder.take(&self.store, self.now)
    }

    /// Says something at the bottom for a few seconds.
    pub fn say(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), at: self.now, bad: true });
        self.dirty = true;
    }

    /// A file was written, or was not.
    pub fn on_written(&mut self, written: Result<String, String>) {
        match written {
            Ok(words) => self.tell(words),
            Err(words) => self.say(words),
        }
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), at: self.now, bad: false });
        self.dirty = true;
    }

    /// Whether the open pane has work left that was too much between a key and its frame.
    pub fn is_behind(&self) -> bool {
        self.panes.get(self.focus).is_some_and(|pane| pane.is_behind())
    }

    /// Does some milliseconds of that work; what it brings is drawn when a frame is due.
    pub fn catch_up(&mut self) {
        self.with_pane(|pane, cx| pane.catch_up(cx));
        self.dirty = true;
    }

    /// What the sources were asked so far. `lines` is called only while somebody looks.
    pub fn on_traffic(&mut self, lines: impl FnOnce() -> Vec<String>) {
        if matches!(self.overlay, Overlay::Sources { .. }) {
            self.traffic = lines();
        }
    }

    /// What the screen makes worth asking.
    pub fn wanted(&mut self) -> Wanted {
        let rested = self.now.duration_since(self.touched) > REST && self.touched != Timestamp::UNIX_EPOCH;
        let mut wanted = Wanted {
            refresh: self.refresh.clone(),
            slow: rested,
            queues: self.expected.of(&self.store),
            quotas: self.quota_order.of(&self.store),
            stirred: self.store.events.stirred(),
            heard: self.store.freshness(Topic::Events).standing(Topic::Events, self.now) == Standing::Fresh,
            ..Wanted::default()
        };
        self.with_pane(|pane, cx| pane.wants(cx, &mut wanted));
        wanted
    }

    /// Every topic of the open pane, and every answer that was asked for, has come or failed.
    pub fn is_settled(&self) -> bool {
        let Some(pane) = self.panes.get(self.focus) else { return true };
        let settled = |topic: &Topic| topic.is_optional() || self.store.freshness(*topic).settled();
        pane.reads().iter().all(settled) && self.answers.iter().all(settled)
    }

    /// `screen` waits for this topic too from now on.
    pub fn await_answer(&mut self, topic: Topic) {
        self.answers.push(topic);
    }

    /// Something that the open pane shows could not be had, or not all of it.
    pub fn is_partial(&self) -> bool {
        let Some(pane) = self.panes.get(self.focus) else { return false };
        pane.reads().iter().any(|topic| {
            let fresh = self.store.freshness(*topic);
            let heard = !topic.is_optional() || fresh.settled();
            heard
                && !self.is_beside(*topic)
                && (fresh.standing(*topic, self.now) != Standing::Fresh || fresh.limit.is_some())
        })
    }

    /// Nobody named a broker, and the open pane is about something else: it is whole without.
    fn is_beside(&self, topic: Topic) -> bool {
        let about = self.panes.get(self.focus).and_then(|pane| pane.reads().first());
        let outage = &self.store.freshness(topic).outage;
        topic.is_of_broker()
            && about.is_some_and(|about| !about.is_of_broker())
            && outage.as_ref().is_some_and(|failing| failing.outage.kind == OutageKind::Missing)
    }

    /// Draws one frame.
    pub fn draw(&mut self, frame: &mut Frame) {
        self.frames += 1;
        self.dirty = false;
        self.shown = self.shown_revision();
        chrome::draw(self, frame);
    }

    /// A number that grows with everything that the open pane and the header show.
    fn shown_revision(&self) -> u64 {
        let store = &self.store;
        let ages: u64 = Topic::ALL.iter().map(|topic| store.freshness(*topic).revision).sum();
        ages + store.hypervisors.revision()
            + store.instances.revision()
            + store.users.revision()
            + store.images.revision()
            + store.flavors.revision()
            + store.brokers.revision()
            + store.nodes.revision()
            + store.queues.revision()
            // Touched with each of their instances.
            + if self.reads(Topic::NovaQuotas) { store.quotas.revision() } else { 0 }
            // They grow all the time: who looks at something else is not drawn anew for them.
            + if self.reads(Topic::Logs) { store.logs.revision() } else { 0 }
    }

    fn reads(&self, topic: Topic) -> bool {
        self.panes.get(self.focus).is_some_and(|pane| pane.reads().contains(&topic))
    }

    /// Lets the open pane follow the store, and does something with it.
    fn with_pane<T>(&mut self, f: impl FnOnce(&mut dyn Pane, &Cx) -> T) -> Option<T> {
        let pane = self.panes.get_mut(self.focus)?;
        let cx = Cx {
            store: &self.store,
            now: self.now,
            region: self.region.as_deref().unwrap_or_default(),
            theme: &self.theme,
            look: &self.look,
            clock: &self.clock,
        };
        pane.sync(&cx);
        Some(f(pane.as_mut(), &cx))
    }

    fn open_pane(&mut self, opens: Action) {
        match self.panes.iter().position(|pane| pane.opens().is_some_and(|(action, _)| action == opens)) {
            Some(index) => {
                self.focus = index;
                self.came.clear();
                self.dirty = true;
            }
            None => self.say(format!("{} is not built yet", opens.help())),
        }
    }

    fn go(&mut self, go: Go) {
        let Some(target) = self.panes.iter().position(|pane| pane.name() == go.pane) else { return };
        let from = self.focus;
        self.focus = target;
        let mut before = String::new();
        let outcome = self.with_pane(|pane, cx| {
            before = pane.filter_text().to_owned();
            pane.home();
            let outcome = go.filter.as_deref().map_or(Ok(()), |text| pane.filter(text, cx));
            if let Some(key) = &go.select {
                pane.select(key, cx);
            }
            outcome
        });
        if let Some(Err(error)) = outcome {
            self.say(error.to_string());
        }
        self.came.push(Came { pane: from, filter: before, target });
        self.dirty = true;
    }

    /// Back over the way that led here; `false` when there is none.
    fn back(&mut self) -> bool {
        let Some(came) = self.came.pop() else { return false };
        self.focus = came.target;
        self.with_pane(|pane, cx| pane.filter(&came.filter, cx));
        self.focus = came.pane;
        self.dirty = true;
        true
    }
}
