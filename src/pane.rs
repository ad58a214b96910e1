//! Panes: each draws what the store knows of one subject, and understands the operator there.
//!
//! A pane never fetches: what it cannot do itself goes up as a [`Reply`].

mod hypervisors;
mod instances;
mod line;
mod list;
mod logs;
pub mod parts;
mod quotas;
mod rabbitmq;
mod trace;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::filter::FilterError;
use crate::health::Verdict;
use crate::model::Text;
use crate::report::Topic;
use crate::request::{Query, Wanted};
use crate::store::Store;
use crate::theme::{Look, Theme};
use crate::ui::format::Clock;
pub use list::List;

/// Every pane, in the order of their tabs. The numbers are fixed: a pane not built yet has no tab.
pub fn all() -> Vec<Box<dyn Pane>> {
    vec![
        Box::new(hypervisors::Hypervisors::new()),
        Box::new(instances::Instances::new()),
        Box::new(quotas::QuotasPane::new()),
        Box::new(rabbitmq::Rabbitmq::new()),
        Box::new(logs::LogsPane::new()),
        Box::new(trace::TracePane::new()),
    ]
}

/// The names of the panes that one begins with: those that have a tab.
pub fn names() -> Vec<&'static str> {
    all().iter().filter(|pane| pane.opens().is_some()).map(|pane| pane.name()).collect()
}

/// What a pane sees of the world while it acts or draws.
pub struct Cx<'a> {
    pub store: &'a Store,
    pub now: Timestamp,
    /// The region that is read; empty where the cloud has none.
    pub region: &'a str,
    pub theme: &'a Theme,
    /// Signs and widths: UTF-8 or ASCII.
    pub look: &'a Look,
    /// Local time or UTC.
    pub clock: &'a Clock,
}

/// One pane.
pub trait Pane {
    /// Its name in the palette, in keymaps and for `screen`.
    fn name(&self) -> &'static str;

    fn title(&self) -> &'static str;

    /// The action that opens it; its digit stands on the tab. None: one comes there from something.
    fn opens(&self) -> Option<(Action, char)>;

    /// The topics that it draws: when none of them changed, it is not drawn again.
    fn reads(&self) -> &'static [Topic];

    /// Follows the store: called before `on` and `draw`.
    fn sync(&mut self, cx: &Cx);

    /// Carries out a wish, or says who should.
    fn on(&mut self, action: Action, cx: &Cx) -> Reply;

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx);

    /// A click on this line of the pane.
    fn click(&mut self, _row: u16, _: &Cx) {}

    /// The pane's list, which the app filters, sorts and searches.
    fn list(&self) -> Option<&List> {
        None
    }

    fn list_mut(&mut self) -> Option<&mut List> {
        None
    }

    /// Shows only rows that match; an empty text shows all.
    fn filter(&mut self, text: &str, cx: &Cx) -> Result<(), FilterError> {
        self.list_mut().map_or(Ok(()), |list| list.filter(text, cx))
    }

    /// Goes to what matches, and shows the rest as before; an empty text searches nothing any more.
    fn search(&mut self, _: &str, _: &Cx) -> Result<(), FilterError> {
        Ok(())
    }

    /// What `:write` puts into a file, and what to call it; `None` where there is nothing.
    fn written(&self, _: &Cx) -> Option<(String, Vec<u8>)> {
        None
    }

    fn filter_text(&self) -> &str {
        self.list().map_or("", List::filter_text)
    }

    /// Whether there is work left that was too much between a key and its frame.
    fn is_behind(&self) -> bool {
        self.list().is_some_and(|list| list.grid.is_behind())
    }

    /// Some milliseconds of that work.
    fn catch_up(&mut self, cx: &Cx) {
        if let Some(list) = self.list_mut() {
            list.grid.more(cx.store, cx.now);
        }
    }

    /// The names of the columns that a filter may use.
    fn columns(&self) -> Vec<&'static str> {
        self.list().map(List::columns).unwrap_or_default()
    }

    /// What stands behind its name in the palette: a filter. The error is for the operator.
    fn called(&mut self, rest: &str, cx: &Cx) -> Result<(), String> {
        self.filter(rest, cx).map_err(|error| error.to_string())
    }

    /// Puts the cursor on the row with this key, at the pane's list.
    fn select(&mut self, key: &str, cx: &Cx) {
        if let Some(list) = self.list_mut() {
            list.select(key, cx);
        }
    }

    /// Back to the pane's list, whatever view was open.
    fn home(&mut self);

    /// Where the operator is inside the pane, after its title.
    fn crumbs(&self, cx: &Cx) -> Vec<String>;

    /// How much is shown of what there is, and in what order.
    fn status(&self, cx: &Cx) -> String;

    /// What the cursor is on, in words, with how bad it is.
    fn words(&self, cx: &Cx) -> Option<(Verdict, String)>;

    /// A line about the whole, above the words: totals.
    fn totals(&self, _: &Cx) -> Option<String> {
        None
    }

    /// Where rows have ages of their own, what the header calls them, and when the oldest on screen was told.
    fn oldest(&self, _: &Cx) -> Option<(&'static str, Timestamp)> {
        None
    }

    /// What is asked about what is gone into: on the way in, and anew with its topics.
    fn questions(&self, _: &Cx) -> Vec<Query> {
        Vec::new()
    }

    /// What this pane makes worth asking.
    fn wants(&self, _: &Cx, _: &mut Wanted) {}
}

/// What became of a wish.
#[derive(Debug, PartialEq)]
pub enum Reply {
    Done,
    /// Not understood here: the app may.
    Up,
    /// The view that was left was the outermost one.
    Leave,
    /// To another pane.
    Go(Go),
    /// A question for the cloud.
    Ask(Vec<Query>),
    /// To the clipboard.
    Copy(String),
    /// A line for the operator.
    Say(String),
}

/// A way to a neighbour.
#[derive(Debug, Default, PartialEq)]
pub struct Go {
    pub pane: &'static str,
    pub filter: Option<String>,
    pub select: Option<Text>,
}
