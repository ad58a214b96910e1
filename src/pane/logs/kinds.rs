//! The same message, counted once: how often it was said, since when, by whom. What is new stands first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw::time;
use super::listing::{Listing, Order, Step};
use super::short;
use crate::action::Action;
use crate::pane::line::verdict;
use crate::pane::{Cx, parts};
use crate::store::Kind;
use crate::tables::logs::kind_word;
use crate::theme::Role;
use crate::ui::{format, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    New,
    Often,
    Last,
}

impl Order for By {
    const ALL: &'static [Self] = &[Self::New, Self::Often, Self::Last];

    fn words(self) -> &'static str {
        match self {
            Self::New => "new ones first",
            Self::Often => "by how often",
            Self::Last => "by when they were said last",
        }
    }
}

pub(super) struct Kinds {
    list: Listing<u64, By>,
}

/// Cells of what stands before the message. The sign says the level where there is no room for its word.
#[derive(Clone, Copy)]
struct Widths {
    hosts: usize,
    service: usize,
    level: usize,
}

const ROOMY: Widths = Widths { hosts: 20, service: 18, level: 6 };
const NARROW: Widths = Widths { hosts: 8, service: 14, level: 0 };

/// What shows all records of a kind.
pub(super) fn filter(kind: &Kind) -> String {
    format!("kind={}", kind_word(kind.id))
}

impl Kinds {
    pub fn new(cx: &Cx) -> Self {
        let mut kinds = Self { list: Listing::new(By::New) };
        kinds.sync(cx);
        kinds
    }

    pub fn sync(&mut self, cx: &Cx) {
        let mut all: Vec<&Kind> = cx.store.logs.kinds().iter().collect();
        all.sort_by_key(|kind| {
            let first = match self.list.by() {
                By::New => kind.first,
                By::Often => i64::try_from(kind.count).unwrap_or(i64::MAX),
                By::Last => kind.last,
            };
            (std::cmp::Reverse(first), kind.id)
        });
        self.list.set(all.into_iter().map(|kind| kind.id).collect());
    }

    pub fn selected<'a>(&self, cx: &Cx<'a>) -> Option<&'a Kind> {
        cx.store.logs.kinds().get(self.list.cursor()?)
    }

    pub fn on(&mut self, action: Action, cx: &Cx) -> bool {
        let step = self.list.on(action);
        if step == Some(Step::Sorted) {
            self.sync(cx);
        }
        step.is_some()
    }

    pub fn click(&mut self, row: u16) {
        self.list.click(row);
    }

    pub fn status(&self) -> String {
        format!(
            "{} of warnings and errors · {}",
            format::count(self.list.len(), "kind"),
            self.list.by().words()
        )
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let row = |y: usize| Rect { y: area.y + y as u16, height: 1, ..area };
        let widths = if area.width >= 120 { ROOMY } else { NARROW };
        let titles = format!(
            "   {} {} {} {} {} {}MESSAGE",
            text::fit("TIMES", 6, true),
            text::fit("FIRST", 8, false),
            text::fit("LAST", 8, false),
            text::fit("HOSTS", widths.hosts, false),
            text::fit("SERVICE", widths.service, false),
            text::fit("LEVEL", widths.level, false),
        );
        frame.render_widget(Line::styled(titles, cx.theme.style(Role::Heading)), row(0));
        if self.list.len() == 0 && area.height > 2 {
            let words = Line::styled("   nobody warned, and nothing failed", cx.theme.style(Role::Dim));
            frame.render_widget(words, row(2));
        }
        let height = (area.height as usize).saturating_sub(1);
        for (y, (id, is_under_cursor)) in self.list.visible(height).enumerate() {
            let Some(kind) = cx.store.logs.kinds().get(id) else { continue };
            let line = line(cx, kind, widths);
            frame.render_widget(text::cut_line(line, area.width as usize), row(y + 1));
            if is_under_cursor {
                frame.buffer_mut().set_style(row(y + 1), cx.theme.style(Role::Selection));
            }
        }
    }
}

fn line(cx: &Cx, kind: &Kind, widths: Widths) -> Line<'static> {
    let style = cx.theme.style(parts::role(verdict(kind.level)));
    let dim = cx.theme.style(Role::Dim);
    let on = match kind.hosts.as_slice() {
        several if kind.is_on_more_hosts => format!("{}+ hosts", several.len()),
        [one] => one.to_string(),
        several if several.len() > 2 => format!("{} hosts", several.len()),
        several => several.join(","),
    };
    let clean = |words: &str, width: usize| text::fit(&text::sanitise(words), width, false);
    Line::from(vec![
        Span::styled(format!(" {} ", cx.look.sign(parts::sign(verdict(kind.level)))), style),
        Span::raw(format!("{} ", text::fit(&format::number(kind.count as i64), 6, true))),
        Span::styled(format!("{} {} ", time(cx, kind.first, false), time(cx, kind.last, false)), dim),
        Span::raw(format!("{} {} ", clean(&on, widths.hosts), clean(&kind.service, widths.service))),
        Span::styled(text::fit(short(kind.level), widths.level, false), style),
        Span::styled(text::sanitise(&kind.text).into_owned(), style),
    ])
}
