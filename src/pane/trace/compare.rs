//! Two traces side by side, step by step; where there is no room for that, one below the other.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::action::Action;
use crate::health::Verdict;
use crate::pane::{Cx, Reply, parts};
use crate::theme::Role;
use crate::trace::compare::{Comparison, Difference, Pair, Took};
use crate::trace::{Account, Subject, seconds};
use crate::ui::{format, text};

/// Cells of a step's name and of its length of time; of a side at least and at most.
const NAME: usize = 18;
const TOOK: usize = 8;
const SIDE: std::ops::RangeInclusive<usize> = 20..=40;

#[derive(Default)]
pub(super) struct Compare {
    /// The first line of the steps on screen, and how far one may go.
    top: usize,
    most: usize,
    height: usize,
}

/// What one of them is called.
pub(super) fn name(cx: &Cx, subject: Subject) -> String {
    let id = subject.text();
    let told = cx.store.trace(subject).and_then(|account| account.instance.as_ref());
    let row = cx.store.instances.by_id(&id).filter(|row| !row.name.trim().is_empty());
    row.or(told).map_or(id, |row| row.name.to_string())
}

impl Compare {
    pub fn on(&mut self, action: Action) -> Option<Reply> {
        let page = self.height.max(2) - 1;
        let to = match action {
            Action::Up => self.top.saturating_sub(1),
            Action::Down => self.top + 1,
            Action::HalfPageUp => self.top.saturating_sub(page / 2 + 1),
            Action::HalfPageDown => self.top + page / 2 + 1,
            Action::PageUp => self.top.saturating_sub(page),
            Action::PageDown => self.top + page,
            Action::Top => 0,
            Action::Bottom => self.most,
            _ => return None,
        };
        self.top = to.min(self.most);
        Some(Reply::Done)
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx, left: Subject, right: Subject) {
        let width = area.width as usize;
        let names = [left, right].map(|subject| name(cx, subject));
        let accounts = [left, right].map(|subject| cx.store.trace(subject));
        let [Some(one), Some(other)] = accounts else {
            let missing = if accounts[0].is_none() { &names[0] } else { &names[1] };
            let words = format!("reading the logs for {} …", text::sanitise(missing));
            return parts::draw_absence(frame, area, cx, Verdict::Busy, &[words]);
        };
        let comparison = Comparison::new(one, other);
        let mut head: Vec<Line> = Vec::new();
        let is_reading = one.reading.is_some() || other.reading.is_some();
        let verdict = match comparison.first() {
            _ if is_reading => Verdict::Busy,
            _ if comparison.is_unknown() => Verdict::Unknown,
            Some(_) => Verdict::Warning,
            None => Verdict::Ok,
        };
        let reading = if is_reading { "still reading; so far: " } else { "" };
        let words = format!("{reading}{}", comparison.words(&names[0], &names[1]));
        let sign = Span::styled(
            format!(" {} ", cx.look.sign(parts::sign(verdict))),
            cx.theme.style(parts::role(verdict)),
        );
        for (at, part) in
            text::wrap(&text::sanitise(&words), width.saturating_sub(4)).into_iter().take(3).enumerate()
        {
            let lead = if at == 0 { sign.clone() } else { Span::raw("   ") };
            head.push(Line::from(vec![lead, Span::raw(part)]));
        }
        head.push(Line::styled(cx.look.rule().repeat(width), cx.theme.style(Role::Rule)));
        let side = (width.saturating_sub(NAME + 9) / 2).min(*SIDE.end());
        let body = match side >= *SIDE.start() {
            true => {
                head.push(heading(cx, &names, [one, other], side));
                comparison.pairs.iter().map(|pair| beside(cx, pair, side)).collect()
            }
            false => below(cx, &comparison, &names, [one, other]),
        };
        self.height = (area.height as usize).saturating_sub(head.len());
        self.most = body.len().saturating_sub(self.height);
        self.top = self.top.min(self.most);
        let shown = head.into_iter().chain(body.into_iter().skip(self.top));
        for (y, line) in shown.take(area.height as usize).enumerate() {
            let place = Rect { y: area.y + y as u16, height: 1, ..area };
            frame.render_widget(text::cut_line(line, width), place);
        }
    }

    pub fn status(cx: &Cx, left: Subject, right: Subject) -> String {
        let (Some(one), Some(other)) = (cx.store.trace(left), cx.store.trace(right)) else {
            return parts::NOTHING_KNOWN.to_owned();
        };
        let comparison = Comparison::new(one, other);
        let differ = comparison.pairs.iter().filter(|pair| pair.difference() != Difference::None).count();
        format!(
            "{} of {} differ",
            format::number(differ as i64),
            format::count(comparison.pairs.len(), "step")
        )
    }
}

fn title(name: &str, account: &Account) -> String {
    let status = account.instance.as_ref().map(|instance| format!(" {}", instance.status));
    text::sanitise(&format!("{name}{}", status.unwrap_or_default())).into_owned()
}

fn heading(cx: &Cx, names: &[String; 2], accounts: [&Account; 2], side: usize) -> Line<'static> {
    let [left, right] =
        [0, 1].map(|at| text::fit(&text::cut_middle(&title(&names[at], accounts[at]), side), side, false));
    let words = format!("   {}  {left}  {right}", text::fit("STEP", NAME, false));
    Line::styled(words, cx.theme.style(Role::Heading))
}

/// How a step is marked, and in which role its two sides are drawn.
fn mark(cx: &Cx, pair: &Pair) -> (Span<'static>, [Role; 2]) {
    let has_failed = |took: &Option<Took>| took.as_ref().is_some_and(|took| took.has_failed);
    let verdict = match pair.difference() {
        _ if has_failed(&pair.left) || has_failed(&pair.right) => Verdict::Critical,
        Difference::None => Verdict::Ok,
        _ => Verdict::Warning,
    };
    let role = |took: &Option<Took>, is_slower: bool| match took {
        None => Role::Dim,
        Some(took) if took.has_failed => Role::Crit,
        Some(_) if is_slower => Role::Warn,
        Some(_) => Role::Text,
    };
    let slower = pair.difference();
    let roles = [
        role(&pair.left, slower == Difference::LeftIsSlower),
        role(&pair.right, slower == Difference::RightIsSlower),
    ];
    let sign = format!(" {} ", cx.look.sign(parts::sign(verdict)));
    (Span::styled(sign, cx.theme.style(parts::role(verdict))), roles)
}

fn took(took: Option<&Took>) -> String {
    let Some(took) = took else { return format!("{}  not taken", text::fit("–", TOOK, true)) };
    let time = took.micros.map(seconds).unwrap_or_default();
    format!("{}  {}", text::fit(&time, TOOK, true), text::sanitise(&took.host))
}

fn beside(cx: &Cx, pair: &Pair, side: usize) -> Line<'static> {
    let (sign, [left, right]) = mark(cx, pair);
    let cell = |it: &Option<Took>, role: Role| {
        Span::styled(format!("{}  ", text::fit(&took(it.as_ref()), side, false)), cx.theme.style(role))
    };
    Line::from(vec![
        sign,
        Span::raw(format!("{}  ", text::fit(&text::sanitise(&pair.name), NAME, false))),
        cell(&pair.left, left),
        cell(&pair.right, right),
    ])
}

fn below(
    cx: &Cx,
    comparison: &Comparison,
    names: &[String; 2],
    accounts: [&Account; 2],
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (at, account) in accounts.into_iter().enumerate() {
        lines.push(Line::styled(format!(" {}", title(&names[at], account)), cx.theme.style(Role::Heading)));
        lines.extend(comparison.pairs.iter().map(|pair| {
            let (sign, roles) = mark(cx, pair);
            let it = if at == 0 { &pair.left } else { &pair.right };
            let name = text::fit(&text::sanitise(&pair.name), NAME, false);
            Line::from(vec![
                sign,
                Span::raw(format!("{name}  ")),
                Span::styled(took(it.as_ref()), cx.theme.style(roles[at])),
            ])
        }));
    }
    lines
}
