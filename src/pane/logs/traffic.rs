//! Requests to the APIs: how many, how they ended, how long they took; what fails stands first.

use std::cmp::Reverse;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw::time;
use super::listing::{Listing, Order, Step};
use crate::action::Action;
use crate::health::Verdict;
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::store::logs::Asked;
use crate::theme::Role;
use crate::ui::{format, spark, text};

/// Of so many requests one that fails is an outage of that endpoint, where there were at least as many failures.
const OUTAGE: (u64, u64) = (20, 3);
/// From this width on there is room for all.
const ROOMY: u16 = 140;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Trouble,
    Often,
    Slow,
}

impl Order for By {
    const ALL: &'static [Self] = &[Self::Trouble, Self::Often, Self::Slow];

    fn words(self) -> &'static str {
        match self {
            Self::Trouble => "by trouble",
            Self::Often => "by how often",
            Self::Slow => "the slowest first",
        }
    }
}

pub(super) struct Traffic {
    /// Numbers of endpoints.
    list: Listing<usize, By>,
}

/// What fails by the service's own fault, in the last hour. While logs are stale nobody knows.
fn verdict(cx: &Cx, asked: &Asked) -> Verdict {
    let (all, failed) = (sum(asked.hour(cx.now)), sum(asked.failed(cx.now)));
    match failed {
        _ if parts::is_stale(cx, Topic::Logs) => Verdict::Unknown,
        0 => Verdict::Ok,
        many if many >= OUTAGE.1 && many * OUTAGE.0 >= all => Verdict::Critical,
        _ => Verdict::Warning,
    }
}

fn sum(slices: impl IntoIterator<Item = u64>) -> u64 {
    slices.into_iter().sum()
}

/// What shows all records of an endpoint.
pub(super) fn filter(asked: &Asked) -> String {
    let endpoint = &asked.endpoint;
    format!("endpoint={} service={}", format::quoted(&endpoint.words), format::quoted(&endpoint.service))
}

impl Traffic {
    pub fn new(cx: &Cx) -> Self {
        let mut traffic = Self { list: Listing::new(By::Trouble) };
        traffic.sync(cx);
        traffic
    }

    pub fn sync(&mut self, cx: &Cx) {
        let by = self.list.by();
        let mut all: Vec<_> = cx.store.logs.traffic().asked().iter().enumerate().collect();
        all.sort_by_cached_key(|(number, asked)| {
            let often = Reverse(asked.requests());
            let first = match by {
                By::Trouble => Reverse((verdict(cx, asked) as u64, sum(asked.failed(cx.now)))),
                By::Often => Reverse((0, 0)),
                By::Slow => Reverse((0, u64::from(asked.times().quantile(0.95).unwrap_or(0)))),
            };
            (first, often, *number)
        });
        self.list.set(all.into_iter().map(|(number, _)| number).collect());
    }

    pub fn selected<'a>(&self, cx: &Cx<'a>) -> Option<&'a Asked> {
        cx.store.logs.traffic().asked().get(self.list.cursor()?)
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

    pub fn status(&self, cx: &Cx) -> String {
        let since = cx.store.logs.traffic().since();
        let since = since.map_or(String::new(), |at| format!(" since {}", time(cx, at, false).trim()));
        let own = match cx.store.logs.traffic().own() {
            0 => String::new(),
            own => format!(" · {} of our own left out", number(own)),
        };
        format!("{}{since} · {}{own}", format::count(self.list.len(), "endpoint"), self.list.by().words())
    }

    /// How the requests to it ended, and how long those took.
    pub fn words(&self, cx: &Cx) -> Option<(Verdict, String)> {
        let asked = self.selected(cx)?;
        let statuses = asked.statuses().map(|(status, count, times)| {
            let times = [("p50", 0.5), ("p95", 0.95)].map(|(name, share)| {
                times
                    .quantile(share)
                    .map_or(String::new(), |micros| format!(" {name} {}", took(Some(micros)).trim()))
            });
            format!("{status} × {}{}", number(count), times.concat())
        });
        // What ended worst is read first.
        let mut statuses: Vec<String> = statuses.collect();
        statuses.reverse();
        let words =
            format!("{} of {}: {}", asked.endpoint.words, asked.endpoint.service, statuses.join(" · "));
        Some((verdict(cx, asked), words))
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx) {
        let row = |y: usize| Rect { y: area.y + y as u16, height: 1, ..area };
        let is_roomy = area.width >= ROOMY;
        frame.render_widget(Line::styled(titles(is_roomy), cx.theme.style(Role::Heading)), row(0));
        if self.list.len() == 0 && area.height > 2 {
            let words =
                "   no line tells of a request to an API: the logs of the API services are not followed here";
            frame.render_widget(Line::styled(words, cx.theme.style(Role::Dim)), row(2));
        }
        let height = (area.height as usize).saturating_sub(1);
        for (y, (number, is_under_cursor)) in self.list.visible(height).enumerate() {
            let Some(asked) = cx.store.logs.traffic().asked().get(number) else { continue };
            let line = line(cx, asked, is_roomy);
            frame.render_widget(text::cut_line(line, area.width as usize), row(y + 1));
            if is_under_cursor {
                frame.buffer_mut().set_style(row(y + 1), cx.theme.style(Role::Selection));
            }
        }
    }
}

fn titles(is_roomy: bool) -> String {
    let right = |words: &str, width: usize| text::fit(words, width, true);
    let mut titles = format!("   {} {} {}", right("REQUESTS", 8), right("1H", 6), right("OK", 6));
    if is_roomy {
        titles = format!("{titles} {} {}", right("4XX", 6), right("5XX", 6));
    }
    titles = format!("{titles} {} {}", right("P50", 6), right("P95", 6));
    if is_roomy {
        titles =
            format!("{titles} {} {} {}", right("P99", 6), right("MAX", 6), text::fit("TREND", 12, false));
    }
    format!("{titles} {} ENDPOINT", text::fit("SERVICE", service_width(is_roomy), false))
}

fn service_width(is_roomy: bool) -> usize {
    if is_roomy { 18 } else { 14 }
}

fn number(n: u64) -> String {
    format::number(i64::try_from(n).unwrap_or(i64::MAX))
}

/// `340µs`, `12ms`, `1.30s`; `?` where no line says.
fn took(micros: Option<u32>) -> String {
    let words = match micros {
        None => "?".to_owned(),
        Some(micros @ 0..1_000) => format!("{micros}µs"),
        Some(micros @ 1_000..1_000_000) => format!("{}ms", micros / 1_000),
        Some(micros) => format!("{:.2}s", f64::from(micros) / 1e6),
    };
    text::fit(&words, 6, true)
}

fn line(cx: &Cx, asked: &Asked, is_roomy: bool) -> Line<'static> {
    let bad = verdict(cx, asked);
    let plain = cx.theme.style(Role::Text);
    let style = if bad == Verdict::Ok { plain } else { cx.theme.style(parts::role(bad)) };
    let dim = cx.theme.style(Role::Dim);
    let right = |n: u64, width: usize| text::fit(&number(n), width, true);
    let (all, clients, servers) = (asked.requests(), asked.ended(4), asked.ended(5));
    let well = all.saturating_sub(clients + servers) as f64 * 100.0 / all.max(1) as f64;
    // Not all of many is not all.
    let well = if well > 99.9 && well < 100.0 { 99.9 } else { well };
    let times = asked.times();
    let hour = asked.hour(cx.now);
    let mut spans = vec![
        Span::styled(format!(" {} ", cx.look.sign(parts::sign(bad))), style),
        Span::raw(format!("{} {} ", right(all, 8), right(sum(hour), 6))),
        Span::styled(format!("{} ", text::fit(&format!("{well:.1}%"), 6, true)), style),
    ];
    if is_roomy {
        let of = |n: u64, bad: Role| if n > 0 { cx.theme.style(bad) } else { dim };
        spans.push(Span::styled(format!("{} ", right(clients, 6)), of(clients, Role::Warn)));
        spans.push(Span::styled(format!("{} ", right(servers, 6)), of(servers, Role::Crit)));
    }
    spans.push(Span::raw(format!("{} {} ", took(times.quantile(0.5)), took(times.quantile(0.95)))));
    if is_roomy {
        spans.push(Span::raw(format!("{} {} ", took(times.quantile(0.99)), took(times.longest()))));
        spans.push(Span::styled(format!("{} ", text::fit(&spark::line(hour.into_iter()), 12, false)), dim));
    }
    let service = text::sanitise(&asked.endpoint.service);
    let service =
        text::fit(&text::cut_middle(&service, service_width(is_roomy)), service_width(is_roomy), false);
    spans.push(Span::raw(format!("{service} ")));
    spans.push(Span::styled(text::sanitise(&asked.endpoint.words).into_owned(), style));
    Line::from(spans)
}
