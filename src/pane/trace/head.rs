//! Above the records: what is traced, where it failed, and the steps of a request with their times.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::record;
use crate::health::Verdict;
use crate::pane::{Cx, parts};
use crate::theme::Role;
use crate::trace::story::{End, Request};
use crate::trace::{Account, seconds};
use crate::ui::text;

/// Lines that the answer may take; on a low screen fewer.
const ANSWER: usize = 4;
const LOW: u16 = 22;
/// Cells of a step's name, of its length of time, and of where it was.
const NAME: usize = 18;
const TOOK: usize = 9;
const WHERE: usize = 26;

/// Draws it, and says how many lines it took. `request`: whose steps are shown.
pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    cx: &Cx,
    account: &Account,
    request: Option<&Request>,
) -> u16 {
    let width = area.width as usize;
    // Records are what one comes for: they have half of the screen at least; of a low one a third, else no step of
    // the request had room.
    let is_low = area.height < LOW;
    let most = if is_low { area.height * 2 / 3 } else { area.height / 2 } as usize;
    let mut lines = vec![title(cx, account)];
    let explained = if is_low { 1 } else { 2 };
    let answer = answer(cx, account, width, explained);
    lines.extend(answer.into_iter().take(ANSWER.min(most.saturating_sub(2))));
    let room = most.saturating_sub(lines.len() + 2);
    if let Some(request) = request.filter(|request| request.steps.len() > 1 && room > 1) {
        lines.push(rule(cx, width));
        lines.extend(steps(cx, request, width, room));
    }
    lines.push(rule(cx, width));
    let taken = lines.len() as u16;
    for (at, line) in lines.into_iter().enumerate() {
        frame.render_widget(text::cut_line(line, width), Rect { y: area.y + at as u16, height: 1, ..area });
    }
    taken
}

fn rule(cx: &Cx, width: usize) -> Line<'static> {
    Line::styled(cx.look.rule().repeat(width), cx.theme.style(Role::Rule))
}

fn title(cx: &Cx, account: &Account) -> Line<'static> {
    let mut words = match &account.instance {
        Some(instance) => {
            let on = instance.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
            let gone = if account.belongings.is_deleted { " (deleted)" } else { "" };
            vec![instance.name.to_string(), format!("{}{gone}{on}", instance.status), account.subject.text()]
        }
        None => vec![account.subject.text()],
    };
    words.push(format!(
        "{} of {}",
        crate::ui::format::count(account.entries.len(), "record"),
        crate::ui::format::count(account.files, "file")
    ));
    let title = words.iter().map(|word| text::sanitise(word).into_owned()).collect::<Vec<_>>().join("   ");
    Line::styled(format!(" {title}"), cx.theme.style(Role::Heading))
}

/// Where it failed, in one sentence, and what is known of that.
/// `explained`: lines that this may take.
fn answer(cx: &Cx, account: &Account, width: usize, explained: usize) -> Vec<Line<'static>> {
    let (verdict, words, known) = match account.answer() {
        Some(answer) => {
            let verdict = if answer.is_mended { Verdict::Warning } else { Verdict::Critical };
            (verdict, answer.words, record::known(answer.known_by))
        }
        None => {
            let (verdict, words) = well(account);
            (verdict, words, Vec::new())
        }
    };
    let style = cx.theme.style(parts::role(verdict));
    let sign = cx.look.sign(parts::sign(verdict));
    let mut lines: Vec<Line> = few(cx, &words, width, 2)
        .enumerate()
        .map(|(at, part)| {
            let lead = if at == 0 { format!(" {sign} ") } else { "   ".to_owned() };
            Line::from(vec![Span::styled(lead, style), Span::raw(part)])
        })
        .collect();
    if let Some(known) = known.first() {
        let words = format!("{}: {} Next: {}", known.id, known.meaning, known.next);
        lines.extend(few(cx, &words, width, explained).map(|part| {
            Line::from(vec![Span::raw("   "), Span::styled(part, cx.theme.style(Role::Accent))])
        }));
    }
    lines
}

/// Words on so many lines at most; what is cut off is said to be.
fn few(cx: &Cx, words: &str, width: usize, most: usize) -> impl Iterator<Item = String> {
    let room = width.saturating_sub(4);
    let mut lines = text::wrap(&text::sanitise(words), room);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = text::cut(&format!("{last} {}", cx.look.ellipsis()), room).into_owned();
        }
    }
    lines.into_iter()
}

/// Nothing failed, as far as the records say.
fn well(account: &Account) -> (Verdict, String) {
    if let (Some((done, of)), 1..) = (account.reading, account.waiting)
        && done >= of
    {
        let hosts = crate::ui::format::count(account.waiting, "host");
        return (Verdict::Busy, format!("waiting for the logs of {hosts}"));
    }
    if let Some((done, of)) = account.reading {
        let percent = (done * 100).checked_div(of).unwrap_or(0);
        return (Verdict::Busy, format!("reading the logs: {percent} %"));
    }
    if account.entries.is_empty() {
        let words = "no record of any log belongs to it: its logs are elsewhere, were rotated away, or it never came to be";
        return (Verdict::Unknown, words.to_owned());
    }
    let last = account.story.requests.iter().rfind(|request| account.action(request).is_some());
    match last {
        Some(request) => {
            let (verdict, sum) = summary(account, request);
            (verdict, format!("nothing failed; last: {sum}"))
        }
        None => (Verdict::Ok, "nothing failed".to_owned()),
    }
}

/// `create req-5702dcce: done in 6.70s`.
pub(super) fn summary(account: &Account, request: &Request) -> (Verdict, String) {
    let times = || request.records.iter().filter_map(|at| account.entries.get(*at)?.at);
    let took = times().max().zip(times().min()).map(|(last, first)| last - first);
    let (verdict, end) = match request.end() {
        Some(End::Failed) => (Verdict::Critical, "failed after"),
        Some(End::Done) => (Verdict::Ok, "done in"),
        None => (Verdict::Info, "seen for"),
    };
    let what = match (account.action(request), request.id) {
        (Some(action), Some(id)) => format!("{action} req-{}", &id.to_string()[..8]),
        (None, Some(id)) => format!("looked at, req-{}", &id.to_string()[..8]),
        (_, None) => "without a request".to_owned(),
    };
    let took = took.map(|took| format!(": {end} {}", seconds(took))).unwrap_or_default();
    (verdict, what + &took)
}

/// A request's steps, each with the time since the one before as a bar; where they are too many, those that took
/// longest.
fn steps(cx: &Cx, request: &Request, width: usize, room: usize) -> Vec<Line<'static>> {
    let (Some(first), Some(last)) = (request.steps.first(), request.steps.last()) else { return Vec::new() };
    let whole = (last.at - first.at).max(1);
    let gaps: Vec<i64> = std::iter::once(0)
        .chain(request.steps.iter().zip(request.steps.iter().skip(1)).map(|(a, b)| b.at - a.at))
        .collect();
    let longest = gaps.iter().copied().max().unwrap_or(0);
    let mut shown: Vec<usize> = (0..request.steps.len()).collect();
    let rows = room.saturating_sub(1);
    if shown.len() > rows {
        // The end is always of interest.
        shown.sort_by_key(|at| (request.steps[*at].end.is_none(), std::cmp::Reverse(gaps[*at])));
        shown.truncate(rows);
        shown.sort_unstable();
    }
    let cells = width.saturating_sub(NAME + TOOK + WHERE + 8).min(60);
    let left_out = request.steps.len() - shown.len();
    let more = if left_out > 0 { format!(" ({left_out} shorter ones not shown)") } else { String::new() };
    let at = Timestamp::from_microsecond(first.at).map(|at| cx.clock.time(at)).unwrap_or_default();
    let scale = format!("{at} + {}", seconds(whole));
    let heading = format!(
        "   {}  {}  {}  WHERE{more}",
        text::fit("STEP", NAME, false),
        text::fit(&scale, cells, false),
        text::fit("TOOK", TOOK, true)
    );
    let mut lines = vec![Line::styled(heading, cx.theme.style(Role::Heading))];
    lines.extend(shown.into_iter().map(|at| {
        let (step, gap) = (&request.steps[at], gaps[at]);
        let verdict = if step.end == Some(End::Failed) { Verdict::Critical } else { Verdict::Ok };
        let role = match verdict {
            Verdict::Critical => Role::Crit,
            _ if gap == longest && gap > 0 => Role::Accent,
            _ => Role::Bar,
        };
        let took = if at == 0 { String::new() } else { seconds(gap) };
        Line::from(vec![
            Span::styled(
                format!(" {} ", cx.look.sign(parts::sign(verdict))),
                cx.theme.style(parts::role(verdict)),
            ),
            Span::raw(format!("{}  ", text::fit(&text::sanitise(&step.name), NAME, false))),
            Span::styled(bar(cx, step.at - gap - first.at, gap, whole, cells), cx.theme.style(role)),
            Span::raw(format!("  {}  ", text::fit(&took, TOOK, true))),
            Span::styled(
                text::cut(&text::sanitise(&step.host), WHERE).into_owned(),
                cx.theme.style(Role::Dim),
            ),
        ])
    }));
    lines
}

/// From when to when, of the whole, in so many cells: something is never drawn as nothing.
fn bar(cx: &Cx, from: i64, took: i64, whole: i64, cells: usize) -> String {
    let cell = |micros: i64| (micros as f64 / whole as f64 * cells as f64).round() as usize;
    let begin = cell(from).min(cells.saturating_sub(1));
    let length = (cell(from + took).saturating_sub(begin)).clamp(1, cells.saturating_sub(begin).max(1));
    let full = if cx.look.is_ascii() || cx.look.ambiguous == 2 { "#" } else { "█" };
    let text = format!("{}{}", " ".repeat(begin), full.repeat(length));
    text::fit(&text, cells, false)
}
