//! What several panes need: how stale facts look, what stands in the place of rows that were never had.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use crate::health::Verdict;
use crate::model::{Event, Text};
use crate::pane::Cx;
use crate::report::Topic;
use crate::store::{Failing, Standing};
use crate::theme::{Role, Sign};
use crate::ui::details::{Details, Section};
use crate::ui::grid::RowLook;
use crate::ui::{format, text};

/// From this width on the details stand beside the list.
const WIDE: u16 = 140;

/// Everything about the row under the cursor, beside the list of a wide screen.
#[derive(Default)]
pub struct Beside(Option<(Text, Details)>);

impl Beside {
    /// The list's part of the area, and what is left for the details.
    pub fn split(frame: &mut Frame, area: Rect, cx: &Cx) -> (Rect, Option<Rect>) {
        if area.width < WIDE {
            return (area, None);
        }
        let [list, gap, side] =
            Layout::horizontal([Constraint::Fill(3), Constraint::Length(1), Constraint::Fill(2)]).areas(area);
        for y in gap.y..gap.y + gap.height {
            let rule = Line::styled("│", cx.theme.style(Role::Rule));
            frame.render_widget(rule, Rect { y, height: 1, ..gap });
        }
        (list, Some(side))
    }

    pub fn draw(
        &mut self,
        frame: &mut Frame,
        side: Rect,
        cx: &Cx,
        id: &Text,
        sections: Vec<Section>,
        stale: bool,
    ) {
        match &mut self.0 {
            Some((known, details)) if known == id => details.set(sections),
            beside => *beside = Some((id.clone(), Details::new(sections))),
        }
        if let Some((_, details)) = &mut self.0 {
            details.fade(stale);
            details.draw_quietly(frame, side, cx.theme);
        }
    }
}

/// A row's sign and colour for a verdict; stale facts keep their sign and fade.
pub fn row_look(verdict: Verdict, stale: bool) -> RowLook {
    RowLook { sign: sign(verdict), role: if stale { Role::Stale } else { role(verdict) }, faded: stale }
}

/// The colour role of a verdict.
pub fn role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::Ok => Role::Ok,
        Verdict::Info | Verdict::Busy => Role::Accent,
        Verdict::Disabled => Role::Dim,
        Verdict::Unknown => Role::Unknown,
        Verdict::Warning => Role::Warn,
        Verdict::Critical => Role::Crit,
    }
}

/// The sign of a verdict.
pub fn sign(verdict: Verdict) -> Sign {
    match verdict {
        Verdict::Ok => Sign::Ok,
        Verdict::Info => Sign::Info,
        Verdict::Busy => Sign::Busy,
        Verdict::Disabled => Sign::Disabled,
        Verdict::Unknown => Sign::Unknown,
        Verdict::Warning => Sign::Warn,
        Verdict::Critical => Sign::Crit,
    }
}

/// In the place of counts: a zero would pass for a fact.
pub const NOTHING_KNOWN: &str = "? rows: nothing is known yet";

/// Why there are no rows: never had, or not yet.
pub fn absence(cx: &Cx, topic: Topic) -> Option<(Verdict, Vec<String>)> {
    let fresh = cx.store.freshness(topic);
    match fresh.standing(topic, cx.now) {
        // Pages that are in already are shown while the rest arrives.
        Standing::Waiting => match fresh.progress {
            Some(progress) if progress.seen > 0 => None,
            Some(_) => Some((Verdict::Busy, vec![format!("reading {} …", topic.name())])),
            None => Some((Verdict::Busy, vec![format!("asking {} for {} …", topic.source(), topic.name())])),
        },
        Standing::Failed => {
            let failing = fresh.outage.as_ref()?;
            let mut lines = vec![
                format!("{} could not be had", topic.name()),
                failing.outage.message.clone(),
                format!("next: {}", failing.outage.next_step),
            ];
            lines.extend(retry_words(cx, failing));
            Some((Verdict::Unknown, lines))
        }
        Standing::Fresh | Standing::Stale => None,
    }
}

pub fn draw_absence(frame: &mut Frame, area: Rect, cx: &Cx, verdict: Verdict, lines: &[String]) {
    let style = cx.theme.style(role(verdict));
    let mut y = area.y + 1;
    for (i, line) in lines.iter().enumerate() {
        for part in text::wrap(&text::sanitise(line), (area.width as usize).saturating_sub(6)) {
            if y >= area.y + area.height {
                return;
            }
            let lead = if i == 0 { format!("  {} ", cx.look.sign(sign(verdict))) } else { "    ".to_owned() };
            let line = Line::from(vec![Span::styled(lead, style), Span::raw(part)]);
            frame.render_widget(line, Rect { y, height: 1, ..area });
            y += 1;
        }
    }
}

/// When it is tried again.
pub fn next_try(cx: &Cx, failing: &Failing) -> Option<String> {
    let left = (failing.last + failing.outage.retry_in?).duration_since(cx.now);
    Some(if left.as_secs() > 0 {
        format!("next try in {}", format::duration(left))
    } else {
        "trying again".to_owned()
    })
}

/// When it is tried again, and under which request id the cloud's logs know the failure.
pub fn retry_words(cx: &Cx, failing: &Failing) -> Option<String> {
    let words: Vec<String> =
        next_try(cx, failing).into_iter().chain(failing.outage.request_id.clone()).collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

/// Whether what a topic's rows show is old.
pub fn is_stale(cx: &Cx, topic: Topic) -> bool {
    cx.store.freshness(topic).standing(topic, cx.now) == Standing::Stale
}

/// How far a read of the topic is, behind these words; nothing when none is under way.
pub fn progress_words(cx: &Cx, topic: Topic, before: &str) -> String {
    match cx.store.freshness(topic).progress {
        None => String::new(),
        Some(progress) => match progress.expected {
            Some(all) => {
                format!("{before}{} of {}", format::number(progress.seen as i64), format::number(all as i64))
            }
            None => format!("{before}{} …", format::number(progress.seen as i64)),
        },
    }
}

/// A moment with its age; unknown is `?`.
pub fn moment(cx: &Cx, at: Option<Timestamp>) -> String {
    match at {
        None => "?".to_owned(),
        Some(at) => {
            format!("{}, {} ago", cx.clock.date_time(at), format::duration(cx.now.duration_since(at)))
        }
    }
}

/// What a service has said over the bus: how bad, when, and
/// `14:27:17  instance.create.end  web-17  active on cmp02  req-…`.
pub fn event(cx: &Cx, event: &Event) -> (Role, String, String) {
    let role = match &*event.priority {
        "ERROR" | "CRITICAL" => Role::Crit,
        "WARN" | "WARNING" => Role::Warn,
        _ => Role::Text,
    };
    let mut words = vec![event.kind.to_string()];
    if let Some(news) = &event.instance {
        words.push(news.name.as_ref().unwrap_or(&news.id).to_string());
        let task = news.task_state.as_ref().and_then(Option::as_deref);
        words.extend(news.vm_state.as_deref().map(|state| match task {
            Some(task) => format!("{state}, {task}"),
            None => state.to_owned(),
        }));
    }
    words.push(match &event.host {
        Some(host) => format!("by {} on {host}", event.publisher),
        None => format!("by {}", event.publisher),
    });
    words.extend(event.message.as_ref().map(ToString::to_string));
    words.extend(event.request_id.as_ref().map(ToString::to_string));
    let time = event.at.map_or_else(|| "?".to_owned(), |at| cx.clock.time(at));
    (role, time, words.join("  "))
}
