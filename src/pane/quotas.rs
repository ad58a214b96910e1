//! Quotas: which project is near a limit, or at it; what each may have and has.

mod details;
mod totals;
mod trend;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::parts::{self, Beside};
use super::{Cx, Go, List, Pane, Reply, list, logs};
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::model::{QuotaService, Quotas, Text};
use crate::report::Topic;
use crate::request::{Query, Wanted};
use crate::store::Standing;
use crate::table::Slot;
use crate::tables::quotas::{self as table, Cell, TABLE};
use crate::theme::Role;
use crate::ui::details::Details;
use crate::ui::format;
use crate::ui::gauge::{self, Gauge};
use crate::ui::grid::Looks;
use crate::ui::text;
use totals::Totals;

const READS: &[Topic] = &[
    Topic::Projects,
    Topic::NovaQuotas,
    Topic::CinderQuotas,
    Topic::NeutronQuotas,
    Topic::GlanceQuotas,
    Topic::Instances,
    Topic::Hypervisors,
    Topic::Providers,
];

/// The quotas pane: projects by their nearest limit, and everything about one.
pub struct QuotasPane {
    list: List,
    /// The project that is gone into.
    inside: Option<(Text, Details)>,
    beside: Beside,
    totals: Totals,
}

impl QuotasPane {
    pub fn new() -> Self {
        Self { list: List::new(&TABLE), inside: None, beside: Beside::default(), totals: Totals::default() }
    }

    /// The project under the cursor, or the one that is gone into.
    fn current<'a>(&self, cx: &Cx<'a>) -> Option<&'a Quotas> {
        match &self.inside {
            Some((id, _)) => cx.store.quotas.by_id(id),
            None => cx.store.quotas.get(self.list.grid.selected()?),
        }
    }
}

impl Pane for QuotasPane {
    fn name(&self) -> &'static str {
        "quotas"
    }

    fn title(&self) -> &'static str {
        "Quotas"
    }

    fn opens(&self) -> Option<(Action, char)> {
        Some((Action::Pane4, '4'))
    }

    fn reads(&self) -> &'static [Topic] {
        READS
    }

    fn sync(&mut self, cx: &Cx) {
        self.list.sync(cx);
        self.totals.sync(cx.store);
        if let Some((id, details)) = &mut self.inside {
            match cx.store.quotas.by_id(id) {
                Some(row) => details.set(details::sections(cx, row)),
                // The project is gone: so is its view.
                None => self.inside = None,
            }
        }
    }

    fn on(&mut self, action: Action, cx: &Cx) -> Reply {
        if let Some(reply) = list::within(&mut self.inside, |(_, details)| details, action) {
            return reply;
        }
        if self.inside.is_none() && self.list.grid.on(action, cx.store, cx.now) {
            return Reply::Done;
        }
        let current = self.current(cx);
        match (action, current) {
            (Action::Enter, Some(row)) if self.inside.is_none() => {
                self.inside = Some((row.id.clone(), Details::new(details::sections(cx, row))));
                Reply::Ask(self.questions(cx))
            }
            (Action::Instances, Some(row)) => {
                Reply::Go(Go { pane: "instances", filter: Some(filter_of(cx, &row.id)), select: None })
            }
            // What was refused stands there.
            (Action::Logs, Some(row)) => logs::with(&row.id),
            (Action::Copy, Some(row)) => Reply::Copy(row.id.to_string()),
            (Action::Enter | Action::Instances | Action::Logs | Action::Copy, _) => Reply::Done,
            (Action::Back | Action::Quit, _) => Reply::Leave,
            _ => Reply::Up,
        }
    }

    fn click(&mut self, row: u16, cx: &Cx) {
        if self.inside.is_none() {
            self.list.grid.click(row, cx.store);
        }
    }

    fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        if let Some((verdict, lines)) = parts::absence(cx, Topic::Projects) {
            return parts::draw_absence(frame, area, cx, verdict, &lines);
        }
        let stale = parts::is_stale(cx, Topic::Projects);
        if let Some((_, details)) = &mut self.inside {
            details.fade(stale);
            return details.draw(frame, area, cx.theme, cx.look);
        }
        let (list, side) = Beside::split(frame, area, cx);
        let row = |slot: Slot| match cx.store.quotas.get(slot) {
            Some(row) => parts::row_look(health::quota::verdict(cx.store, row), stale),
            None => parts::row_look(Verdict::Unknown, stale),
        };
        let old = QuotaService::ALL.map(|service| is_old(cx, service));
        let cell = |slot: Slot, column: &str, width: u16| cell(cx, slot, column, width, &old);
        let looks = Looks { theme: cx.theme, look: cx.look, now: cx.now, row: &row, cell: &cell };
        self.list.grid.draw(frame, list, cx.store, &looks);
        if let Some(side) = side
            && let Some(row) = self.current(cx)
        {
            let (id, sections) = (row.id.clone(), details::sections(cx, row));
            self.beside.draw(frame, side, cx, &id, sections, stale);
        }
    }

    fn list(&self) -> Option<&List> {
        Some(&self.list)
    }

    fn list_mut(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn home(&mut self) {
        self.inside = None;
    }

    fn crumbs(&self, cx: &Cx) -> Vec<String> {
        let name = |(id, _): &(Text, Details)| health::quota::called(cx.store, id);
        self.inside.as_ref().map(name).into_iter().collect()
    }

    fn status(&self, cx: &Cx) -> String {
        if let Some((_, details)) = &self.inside {
            return details.status();
        }
        if parts::absence(cx, Topic::Projects).is_some() {
            return parts::NOTHING_KNOWN.to_owned();
        }
        let round = self.totals.round(cx).map(|words| format!(" · {words}")).unwrap_or_default();
        self.list.status() + &round
    }

    fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let row = self.current(cx)?;
        let verdict = health::quota::verdict(cx.store, row);
        let said = health::quota::summary(cx.store, row).unwrap_or_else(|| quiet(cx, row));
        let words = match trend::soon(cx, row) {
            None => said,
            // The end of the line may not fit.
            Some(soon) if verdict < Verdict::Critical => format!("{soon}; {said}"),
            Some(soon) => format!("{said}; {soon}"),
        };
        Some((verdict, words))
    }

    fn totals(&self, cx: &Cx) -> Option<String> {
        (!cx.store.quotas.is_empty()).then(|| self.totals.words(cx.store))
    }

    /// When the oldest of the answers came that are on screen.
    fn oldest(&self, cx: &Cx) -> Option<(&'static str, Timestamp)> {
        let visible = self.list.grid.visible().iter().filter_map(|slot| cx.store.quotas.get(*slot));
        let oldest = match &self.inside {
            Some(_) => self.current(cx).and_then(table::oldest),
            None => visible.filter_map(table::oldest).min(),
        };
        Some(("quotas", oldest?))
    }

    fn questions(&self, _: &Cx) -> Vec<Query> {
        let Some((id, _)) = &self.inside else { return Vec::new() };
        [Query::Assignments, Query::Usage, Query::Account].map(|query| query(id.clone())).into()
    }

    fn wants(&self, cx: &Cx, wanted: &mut Wanted) {
        let visible = self.list.grid.visible().iter();
        wanted.projects =
            visible.filter_map(|slot| cx.store.quotas.get(*slot)).map(|row| row.id.clone()).collect();
        wanted.trends = self.current(cx).map(trend::wish).into_iter().collect();
    }
}

/// A project of which there is nothing to say.
fn quiet(cx: &Cx, row: &Quotas) -> String {
    let name = health::quota::called(cx.store, &row.id);
    let lacking: Vec<&str> = health::quota::lacks(cx.store, row).map(QuotaService::name).collect();
    if !lacking.is_empty() {
        return format!("{name}: {} not asked yet", lacking.join(", "));
    }
    match health::quota::nearest(cx.store, row) {
        Some((_, of)) => format!(
            "{name} has {} {}: nothing of it is nearer to its limit",
            health::quota::figures(&of),
            health::quota::label(of.service, of.resource)
        ),
        None => format!("{name} has no limit that counts"),
    }
}

/// The project's instances, whoever else has its name.
fn filter_of(cx: &Cx, id: &str) -> String {
    match cx.store.projects.by_id(id) {
        Some(project) if !cx.store.is_ambiguous(&project.name) => {
            format!("project={}", format::quoted(&project.name))
        }
        _ => format!("project_id={id}"),
    }
}

/// Whether what a service told is old: it fails, or has been silent for too long.
fn is_old(cx: &Cx, service: QuotaService) -> bool {
    let topic = Topic::of_quotas(service);
    cx.store.freshness(topic).standing(topic, cx.now) == Standing::Stale
}

/// Cells for the figures behind a bar: `4650/5000`.
const FIGURES: usize = 9;

/// Bars against limits: the table's own words say everything else.
fn cell(cx: &Cx, slot: Slot, column: &str, width: u16, old: &[bool]) -> Option<Line<'static>> {
    let row = cx.store.quotas.get(slot)?;
    if column == "nearest" {
        let (_, of) = health::quota::nearest(cx.store, row)?;
        let role = match of.verdict() {
            Verdict::Ok => Role::Text,
            verdict => parts::role(verdict),
        };
        let words = table::nearest_words(cx.store, row)?;
        return Some(Line::styled(text::sanitise(&words).into_owned(), cx.theme.style(role)));
    }
    let resource = table::RESOURCES.iter().find(|resource| resource.column == column)?;
    let of = Cell::of(cx.store, row, resource)?;
    // All bars of a column are of one length: whoever compares them sees shares.
    let figures = format!("{:>FIGURES$}", of.figures());
    let is_old = old.get(resource.service as usize).copied().unwrap_or(false)
        || row.of(resource.service).trouble.is_some();
    let cells = width.saturating_sub(text::width(&figures) as u16 + 1);
    let (used, limit) = of.bar();
    let mut spans = gauge::spans(Gauge { used, limit }, cells, cx.theme, cx.look);
    spans.push(Span::raw(format!(" {figures}")));
    if is_old {
        spans.iter_mut().for_each(|span| span.style = cx.theme.style(Role::Stale));
    }
    Some(Line::from(spans))
}
