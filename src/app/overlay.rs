//! What lies over a pane: the keys, the sources, the choice of a cloud.

use jiff::SignedDuration;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::chrome::{both, put};
use super::{App, Overlay};
use crate::report::Topic;
use crate::store::Standing;
use crate::theme::Role;
use crate::ui::{format, text};

pub(super) fn draw(app: &mut App, frame: &mut Frame, area: Rect) {
    let (title, lines, cursor) = match &app.overlay {
        Overlay::None => return,
        Overlay::Help { scroll } => ("keys", help_lines(app), Err(*scroll)),
        Overlay::Sources { scroll } => ("sources", source_lines(app), Err(*scroll)),
        Overlay::Chooser { titles, cursor } => {
            ("choose a cloud", titles.iter().map(|t| format!("  {t}")).collect(), Ok(*cursor))
        }
    };
    frame.render_widget(ratatui::widgets::Clear, area);
    frame.buffer_mut().set_style(area, app.theme.style(Role::Text));
    let lines: Vec<String> = match cursor {
        Ok(_) => lines,
        // Words that somebody needs to act on are not cut off.
        Err(_) => lines.iter().flat_map(|line| wrapped(line, area.width as usize)).collect(),
    };
    let room = area.height.saturating_sub(2) as usize;
    let last = lines.len().saturating_sub(room);
    let first = match cursor {
        Ok(cursor) => cursor.saturating_sub(room / 2).min(last),
        Err(scroll) => scroll.min(last),
    };
    if let Overlay::Help { scroll } | Overlay::Sources { scroll } = &mut app.overlay {
        *scroll = first;
    }
    let left = Line::styled(format!(" {title}"), app.theme.style(Role::Accent));
    let part = if last == 0 {
        String::new()
    } else {
        format!("{}–{} of {} ", first + 1, first + room, lines.len())
    };
    both(frame, Rect { height: 1, ..area }, left, Line::styled(part, app.theme.style(Role::Dim)));
    for (i, line) in lines.iter().enumerate().skip(first).take(room) {
        let y = area.y + 2 + (i - first) as u16;
        let style = if cursor == Ok(i) { app.theme.style(Role::Selection) } else { Style::default() };
        let words = text::cut(&text::sanitise(line), area.width as usize).into_owned();
        let row = Rect { y, height: 1, ..area };
        frame.buffer_mut().set_style(row, style);
        put(frame, row, Line::styled(words, style));
    }
}

/// A line in so many cells, what does not fit below it under its first word.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let line = text::sanitise(line);
    let bare = line.trim_start();
    let indent = " ".repeat(line.len() - bare.len());
    text::wrap(bare, width.saturating_sub(indent.len()))
        .iter()
        .map(|part| format!("{indent}{part}"))
        .collect()
}

fn help_lines(app: &App) -> Vec<String> {
    let pane = app.keymap_pane();
    app.keymap
        .help(pane)
        .into_iter()
        .map(|(keys, action)| format!("  {:<16} {}", keys, action.help()))
        .chain([
            String::new(),
            "  filter: words are all required; column=value  column!=value  column~regex  column>n  !not  \"with spaces\"".to_owned(),
            "  palette: a pane's name with a filter, sort COLUMN, theme NAME, or the name of any action; tab completes".to_owned(),
        ])
        .collect()
}

/// Where every number comes from, how old it is, what it costs.
fn source_lines(app: &App) -> Vec<String> {
    let mut lines: Vec<String> = app
        .store
        .identity
        .iter()
        .map(|who| {
            let project = who.project.as_deref().unwrap_or("no project");
            let until = who.expires_at.map_or_else(|| "no end".to_owned(), |at| app.clock.date_time(at));
            format!("  {}@{project}, roles {}, token until {until}", who.user, who.roles.join(", "))
        })
        .collect();
    lines.push(String::new());
    for topic in Topic::ALL {
        let fresh = app.store.freshness(topic);
        if !fresh.settled() && (topic.is_optional() || topic.is_asked_for()) {
            continue;
        }
        let state = match fresh.standing(topic, app.now) {
            Standing::Waiting => "not read".to_owned(),
            Standing::Failed => "never had".to_owned(),
            Standing::Fresh | Standing::Stale => {
                fresh.age(app.now).map(|age| format!("{} ago", format::duration(age))).unwrap_or_default()
            }
        };
        let progress = fresh.progress.map(|p| match p.expected {
            Some(all) => format!("  reading {} of {all}", p.seen),
            None => format!("  reading {}", p.seen),
        });
        lines.push(format!(
            "  {:<10} {:<17} {:<12}{}",
            topic.source(),
            topic.name(),
            state,
            progress.unwrap_or_default()
        ));
        for outage in fresh.outage.as_ref().map(|f| &f.outage).into_iter().chain(fresh.limit.as_ref()) {
            lines.push(format!("             {}", outage.message));
            lines.push(format!("             next: {}", outage.next_step));
            lines.extend(outage.request_id.iter().map(|id| format!("             {id}")));
        }
    }
    lines.push(String::new());
    for traffic in &app.traffic {
        lines.push(format!("  {traffic}"));
    }
    if let Some(offset) = app.store.identity.as_ref().and_then(|i| i.clock_offset)
        && offset.abs() > SignedDuration::from_secs(2)
    {
        lines.push(format!("  this machine's clock is {}s off the cloud's", offset.as_secs()));
    }
    let slowest = app.slowest.as_secs_f64() * 1_000.0;
    lines.push(format!("  {} frames drawn, the slowest in {slowest:.1} ms", app.frames));
    lines
}
