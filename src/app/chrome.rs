//! What surrounds the pane: header, tabs, the words about the cursor, footer.

use jiff::SignedDuration;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{App, Asking};
use crate::action::Action;
use crate::health::{self, Verdict};
use crate::pane::{Cx, parts};
use crate::report::{OutageKind, Topic};
use crate::store::Standing;
use crate::theme::Role;
use crate::ui::{ascii, format, text};

/// Below this nothing legible fits.
const SMALLEST: (u16, u16) = (60, 16);

pub(super) fn draw(app: &mut App, frame: &mut Frame) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let words = format!(
            "stackwatch needs {}x{} cells; this terminal has {}x{}",
            SMALLEST.0, SMALLEST.1, area.width, area.height
        );
        let lines = text::wrap(&words, area.width as usize).into_iter().map(Line::from).collect::<Vec<_>>();
        frame.render_widget(ratatui::text::Text::from(lines), area);
        return;
    }
    frame.buffer_mut().set_style(area, app.theme.style(Role::Text));
    let roomy = u16::from(area.height >= 30);
    let row = |y: u16| Rect { y, height: 1, ..area };
    let bottom = 3 + roomy;
    let body = Rect { y: 3, height: area.height - 3 - bottom - 1, ..area };
    app.body = body;
    tabs(app, frame, row(1));
    rule(app, frame, row(2));
    app.with_pane(|pane, cx| pane.draw(frame, body, cx));
    // It says how old the rows are that stand there now.
    header(app, frame, row(0));
    let rule_y = body.y + body.height;
    rule(app, frame, row(rule_y));
    words(app, frame, row(rule_y + 1));
    if roomy == 1 {
        totals(app, frame, row(rule_y + 2));
    }
    crumbs(app, frame, row(rule_y + 2 + roomy));
    footer(app, frame, row(rule_y + 3 + roomy));
    super::overlay::draw(app, frame, body);
    ascii::settle(frame.buffer_mut(), &app.look);
}

pub(super) fn put(frame: &mut Frame, area: Rect, line: Line) {
    frame.render_widget(line, area);
}

/// Left and right parts on one line; the right one stays whole as long as it can.
pub(super) fn both(frame: &mut Frame, area: Rect, left: Line, right: Line) {
    let width = (right.width() as u16).min(area.width);
    let right_area = Rect { x: area.x + area.width - width, width, ..area };
    let left_area = Rect { width: area.width.saturating_sub(width + 1), ..area };
    put(frame, left_area, left);
    put(frame, right_area, right);
}

fn rule(app: &App, frame: &mut Frame, area: Rect) {
    let line = app.look.rule().repeat(area.width as usize);
    put(frame, area, Line::styled(line, app.theme.style(Role::Rule)));
}

fn header(app: &mut App, frame: &mut Frame, area: Rect) {
    // What the pane itself is about gives way last.
    let mut ages: Vec<_> = age_of_rows(app).into_iter().chain(ages(app)).collect();
    let troubles = troubles(app);
    let clock = Span::styled(format!("  {} ", app.clock.time(app.now)), app.theme.style(Role::Header));
    let title = text::width(&app.title()) + 2;
    let fits = |ages: &[(bool, Span<'static>)]| {
        let right: usize = ages.iter().map(|(_, age)| age.width()).sum();
        right + clock.width() + troubles.iter().map(Span::width).sum::<usize>() + title < area.width as usize
    };
    // The cloud's name never gives way: of the sources those that are well do first, then the last of the others.
    while !ages.is_empty() && !fits(&ages) {
        let at = ages.iter().rposition(|(well, _)| *well).unwrap_or(ages.len() - 1);
        ages.remove(at);
    }
    let ages = ages.into_iter().map(|(_, age)| age);
    let right = Line::from_iter(troubles.into_iter().chain(ages).chain([clock]));
    let room = (area.width as usize).saturating_sub(right.width() + 1);
    both(frame, area, text::cut_line(whose(app, room), room), right);
}

/// Which cloud this is, and who we are to it. Our own name gives way first, then who we are; the cloud's name
/// never: the sources overlay has the rest.
fn whose(app: &App, room: usize) -> Line<'static> {
    let name = Span::styled(" stackwatch ", app.theme.style(Role::Accent));
    let title = Span::styled(format!(" {}", text::sanitise(&app.title())), app.theme.style(Role::Header));
    let who = app.store.identity.as_ref().map(|identity| {
        let project = identity.project.as_deref().map(|project| format!("@{project}")).unwrap_or_default();
        let who = format!("  {}{project}", identity.user);
        Span::styled(text::sanitise(&who).into_owned(), app.theme.style(Role::Dim))
    });
    let named = Line::from(vec![name, title.clone()]);
    let whole = Line::from_iter(named.spans.iter().cloned().chain(who));
    let fitting = [whole, named].into_iter().find(|line| line.width() <= room);
    fitting.unwrap_or_else(|| Line::from(title))
}

/// How many rows are critical and how many warn, over all panes.
fn troubles(app: &mut App) -> Vec<Span<'static>> {
    let counts = app.trouble_counts();
    let count = |verdict: Verdict, n: usize| {
        (n > 0).then(|| {
            let style = app.theme.style(parts::role(verdict));
            Span::styled(format!("{} {n}  ", app.look.sign(parts::sign(verdict))), style)
        })
    };
    [count(Verdict::Critical, counts.0), count(Verdict::Warning, counts.1)].into_iter().flatten().collect()
}

/// What may be this old and still be as fresh as it gets: it says nothing about the rest of its source.
const SELDOM: SignedDuration = SignedDuration::from_mins(10);

/// Each source with the age of its oldest topic, and whether it is well; trouble in words and colour.
fn ages(app: &App) -> Vec<(bool, Span<'static>)> {
    let mut spans = Vec::new();
    for source in ["keystone", "nova", "placement", "rabbitmq"] {
        let topics: Vec<Topic> = app
            .reading()
            // Their rows have ages of their own, which the pane that shows them knows.
            .filter(|topic| topic.source() == source && !topic.is_of_quotas())
            .collect();
        let (often, seldom): (Vec<_>, Vec<_>) = topics.iter().partition(|topic| topic.stale_after() < SELDOM);
        // Not every cloud's broker is ours to ask: nobody named one, and the pane says how.
        let unnamed = |topic: &Topic| {
            let outage = &app.store.freshness(*topic).outage;
            *topic == Topic::Brokers
                && outage.as_ref().is_some_and(|failing| failing.outage.kind == OutageKind::Missing)
        };
        if source == "rabbitmq" && topics.iter().any(unnamed) {
            continue;
        }
        let standing = |topics: &[Topic]| {
            topics.iter().map(|t| app.store.freshness(*t).standing(*t, app.now)).fold(Standing::Fresh, worse)
        };
        let oldest =
            |topics: &[Topic]| topics.iter().filter_map(|t| app.store.freshness(*t).age(app.now)).max();
        let worst = standing(&topics);
        // Aggregates are five minutes old by design: that must not make hosts look as old.
        let telling = if often.is_empty() || standing(&often) != worst { &seldom } else { &often };
        let oldest = oldest(telling);
        // Keystone is asked seldom: it is named when it is in trouble only.
        if topics.is_empty() || (source == "keystone" && worst == Standing::Fresh) {
            continue;
        }
        // To operators it is rabbit.
        let name = if source == "rabbitmq" { "rabbit" } else { source };
        spans.push(age(app, name, worst, oldest));
    }
    spans
}

/// What the open pane shows of rows that have ages of their own: as old as the oldest of them.
fn age_of_rows(app: &mut App) -> Option<(bool, Span<'static>)> {
    let (name, at) = app.with_pane(|pane, cx| pane.oldest(cx)).flatten()?;
    let reads = app.panes.get(app.focus)?.reads();
    let topics = || reads.iter().filter(|topic| topic.is_of_quotas());
    let oldest = app.now.duration_since(at);
    let is_old = topics().any(|topic| oldest > topic.stale_after());
    let standing = topics().map(|t| app.store.freshness(*t).standing(*t, app.now));
    let worst = standing.fold(if is_old { Standing::Stale } else { Standing::Fresh }, worse);
    Some(age(app, name, worst, Some(oldest)))
}

fn age(app: &App, name: &str, worst: Standing, oldest: Option<SignedDuration>) -> (bool, Span<'static>) {
    let (words, role) = match (worst, oldest) {
        (Standing::Fresh, Some(age)) => (format!("{name} {}", format::duration(age)), Role::Dim),
        (Standing::Stale, Some(age)) => {
            let sign = app.look.sign(crate::theme::Sign::Stale);
            (format!("{sign} {name} {}", format::duration(age)), Role::Warn)
        }
        (Standing::Failed, _) => (format!("{} {name}", app.look.sign(crate::theme::Sign::Crit)), Role::Crit),
        _ => (format!("{name} {}", app.look.sign(crate::theme::Sign::Busy)), Role::Dim),
    };
    (role == Role::Dim, Span::styled(format!("{words}  "), app.theme.style(role)))
}

fn worse(a: Standing, b: Standing) -> Standing {
    let rank = |standing| match standing {
        Standing::Fresh => 0,
        Standing::Waiting => 1,
        Standing::Stale => 2,
        Standing::Failed => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn tabs(app: &App, frame: &mut Frame, area: Rect) {
    let mut spans = vec![Span::raw(" ")];
    for (index, pane) in app.panes.iter().enumerate() {
        let Some((_, digit)) = pane.opens() else { continue };
        let style = app.theme.style(if index == app.focus { Role::TabActive } else { Role::Tab });
        spans.push(Span::styled(format!(" {digit} {} ", pane.title()), style));
        spans.push(Span::raw(" "));
    }
    let right = Line::from(Span::styled("read-only ", app.theme.style(Role::Dim)));
    both(frame, area, Line::from(spans), right);
}

/// The pane whose tab stands at this column.
pub(super) fn tab_at(app: &App, column: u16) -> Option<usize> {
    let mut x = 1u16;
    for (index, pane) in app.panes.iter().enumerate().filter(|(_, pane)| pane.opens().is_some()) {
        let width = text::width(pane.title()) as u16 + 4;
        if (x..x + width).contains(&column) {
            return Some(index);
        }
        x += width + 1;
    }
    None
}

/// What is wrong with the open pane's sources, else what the cursor is on.
fn words(app: &mut App, frame: &mut Frame, area: Rect) {
    let line = source_trouble(app).or_else(|| app.with_pane(|pane, cx| pane.words(cx)).flatten());
    let Some((verdict, words)) = line else { return };
    let style = app.theme.style(parts::role(verdict));
    let sign = app.look.sign(parts::sign(verdict)).to_owned();
    let words = text::cut(&text::sanitise(&words), area.width.saturating_sub(4) as usize).into_owned();
    put(frame, area, Line::from(vec![Span::styled(format!(" {sign} "), style), Span::raw(words)]));
}

/// The first outage among what the open pane reads: cause, age of what is shown, next try.
fn source_trouble(app: &App) -> Option<(Verdict, String)> {
    let pane = app.panes.get(app.focus)?;
    let cx = cx(app);
    for topic in pane.reads().iter().copied().filter(|topic| !app.is_beside(*topic)) {
        let fresh = app.store.freshness(topic);
        let Some(failing) = &fresh.outage else { continue };
        // What was never had is said by the pane, in the place of its rows.
        let Some(age) = fresh.age(app.now) else {
            if topic == pane.reads()[0] {
                continue;
            }
            return Some((Verdict::Unknown, format!("{} unknown: {}", topic.name(), failing.outage.message)));
        };
        // The end of the line may not fit: what it costs to wait goes before why.
        let retry = parts::next_try(&cx, failing).map(|next| format!(", {next}")).unwrap_or_default();
        let mut words = format!(
            "{} as of {} ago{retry}: {}",
            topic.name(),
            format::duration(age),
            failing.outage.message
        );
        if let Some(id) = &failing.outage.request_id {
            words.push_str(&format!(" · {id}"));
        }
        return Some((Verdict::Warning, words));
    }
    pane.reads().iter().find_map(|topic| {
        let limit = app.store.freshness(*topic).limit.as_ref()?;
        Some((Verdict::Info, limit.message.clone()))
    })
}

fn cx(app: &App) -> Cx<'_> {
    Cx {
        store: &app.store,
        now: app.now,
        region: app.region.as_deref().unwrap_or_default(),
        theme: &app.theme,
        look: &app.look,
        clock: &app.clock,
    }
}

fn totals(app: &mut App, frame: &mut Frame, area: Rect) {
    if let Some(line) = app.with_pane(|pane, cx| pane.totals(cx)).flatten() {
        let words = text::cut(&text::sanitise(&line), area.width.saturating_sub(2) as usize).into_owned();
        put(frame, area, Line::styled(format!(" {words}"), app.theme.style(Role::Dim)));
    }
}

fn crumbs(app: &mut App, frame: &mut Frame, area: Rect) {
    let dim = app.theme.style(Role::Dim);
    let mut way: Vec<String> = app
        .came
        .iter()
        .filter_map(|came| app.panes.get(came.pane))
        .map(|pane| pane.title().to_owned())
        .collect();
    let here = app
        .with_pane(|pane, cx| {
            let mut here = vec![pane.title().to_owned()];
            here.extend(pane.crumbs(cx));
            (here, pane.status(cx), pane.filter_text().to_owned())
        })
        .unwrap_or_default();
    way.extend(here.0);
    let mut left = vec![Span::styled(
        format!(" {}", text::sanitise(&way.join(app.look.crumb()))),
        app.theme.style(Role::Header),
    )];
    if !here.2.is_empty() {
        left.push(Span::styled(format!("   /{}", text::sanitise(&here.2)), app.theme.style(Role::Accent)));
    }
    both(frame, area, Line::from(left), Line::styled(format!("{} ", here.1), dim));
}

/// The prompt, a line for the operator, or the keys.
fn footer(app: &mut App, frame: &mut Frame, area: Rect) {
    if let Some((asking, prompt)) = &app.prompt {
        let sign = match asking {
            Asking::Filter => '/',
            Asking::Command => ':',
            Asking::Search => '\\',
        };
        prompt.draw(frame, area, sign, &app.theme);
        return;
    }
    if let Some(toast) = &app.toast {
        let role = if toast.bad { Role::Error } else { Role::Accent };
        let words = text::cut(&text::sanitise(&toast.text), area.width as usize - 2).into_owned();
        put(frame, area, Line::styled(format!(" {words}"), app.theme.style(role)));
        return;
    }
    let hint = |keys: &str, action: Action| {
        [
            Span::styled(format!(" {keys}"), app.theme.style(Role::Accent)),
            Span::styled(format!(" {} ", action.label()), app.theme.style(Role::Dim)),
        ]
    };
    let hints = app.keymap.hints(app.keymap_pane());
    // The way to all other keys stays in its corner, however narrow the terminal is.
    let (help, hints): (Vec<_>, Vec<_>) = hints.into_iter().partition(|(_, action)| *action == Action::Help);
    let right = Line::from_iter(help.iter().flat_map(|(keys, action)| hint(keys, *action)));
    let mut room = (area.width as usize).saturating_sub(right.width());
    let mut left = Line::default();
    for (keys, action) in hints {
        let hint = Line::from_iter(hint(&keys, action));
        if hint.width() > room {
            break;
        }
        room -= hint.width();
        left.extend(hint);
    }
    both(frame, area, left, right);
}

impl App {
    fn title(&self) -> String {
        match &self.region {
            Some(region) => format!("{}/{region}", self.cloud),
            None => self.cloud.clone(),
        }
    }

    /// Every topic that a pane reads.
    fn reading(&self) -> impl Iterator<Item = Topic> {
        let mut topics: Vec<Topic> = self
            .panes
            .iter()
            .flat_map(|pane| pane.reads().iter().copied())
            .chain([Topic::Identity])
            // Polling goes on without them.
            .filter(|topic| !topic.is_optional())
            .collect();
        topics.sort();
        topics.dedup();
        topics.into_iter()
    }

    /// Critical and warning rows of all panes.
    fn trouble_counts(&mut self) -> (usize, usize) {
        let (store, [hypervisors, instances, queues, quotas]) = (&self.store, &mut self.troubles);
        let rows = &store.hypervisors;
        hypervisors.sync(rows, |slot| rows.get(slot).map(|row| health::hypervisor::verdict(store, row)));
        let rows = &store.instances;
        instances.sync(rows, |slot| rows.get(slot).map(health::instance::verdict));
        let rows = &store.queues;
        queues.sync(rows, |slot| rows.get(slot).map(|row| health::queue::verdict(store, row)));
        let rows = &store.quotas;
        quotas.sync(rows, |slot| rows.get(slot).map(|row| health::quota::verdict(store, row)));
        // Of these there is a handful.
        let brokers: Vec<Verdict> =
            store.brokers.iter().map(|(_, row)| health::broker::verdict(store, row)).collect();
        let count = |verdict| {
            let brokers = brokers.iter().filter(|broker| **broker == verdict).count();
            let rows = [&*hypervisors, instances, queues, quotas].map(|tally| tally.count(&verdict));
            rows.iter().sum::<usize>() + brokers
        };
        (count(Verdict::Critical), count(Verdict::Warning))
    }
}
