//! oslo.log's own lines, old and new, by hand: nearly all lines of a cloud are of this kind, and a regex costs
//! ten times as much.
//!
//! `2026-11-23 18:48:30.066 21292 INFO logger [GLOBAL REQUEST user project domain system_scope user_domain
//! project_domain] [instance: UUID] message` (oslo.log, `_options.py`, `logging_context_format_string`). Before
//! 2020 there is no global id, before 2021 no system scope, before Kilo only user and project. Without a context
//! stands `[-]`; the lines of a traceback have neither (`logging_exception_prefix`), at most the instance.

use crate::model::{Access, Context, Level, Line, Span};

use super::stamp::{digits, iso};

/// Tokens between the brackets that are looked at. A message may begin with a bracket, too.
const TOKENS: usize = 12;
/// Bytes of such a token, and fewer.
const TOKEN: usize = 256;

/// The line in parts; `None` when it is not of this kind.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    let (time, length) = iso(line)?;
    if line.get(length) != Some(&b' ') {
        return None;
    }
    after_time(line, length + 1).map(|parsed| Line { time, ..parsed })
}

/// What follows the time: also all that is left where syslog has written the time already.
pub(super) fn after_time(line: &[u8], at: usize) -> Option<Line> {
    let mut parsed = Line::default();
    let mut at = blanks(line, at);
    let (_, count) = digits(line.get(at..)?, 10);
    if count > 0 && line.get(at + count) == Some(&b' ') {
        parsed.pid = Span::new(at, at + count);
        at = blanks(line, at + count);
    }
    let word = word_end(line, at);
    parsed.level = Level::parse(line.get(at..word)?)?;
    let logger = blanks(line, word);
    if logger == word {
        return None;
    }
    at = word_end(line, logger);
    parsed.logger = Span::new(logger, at);
    at = context(line, one_blank(line, at), &mut parsed);
    let (instance, length) = instance(line.get(at..).unwrap_or_default());
    parsed.instance = instance.shifted(at);
    at += length;
    parsed.message = Span::new(at, trimmed(line).max(at));
    parsed.access = access(parsed.message.of(line)).map(|access| Access {
        method: access.method.shifted(at),
        path: access.path.shifted(at),
        ..access
    });
    Some(parsed)
}

/// The end of the line without its line break.
pub(super) fn trimmed(line: &[u8]) -> usize {
    let mut end = line.len();
    while end > 0 && matches!(line[end - 1], b'\n' | b'\r') {
        end -= 1;
    }
    end
}

/// Past spaces and colours: DevStack writes its levels in colour.
fn blanks(line: &[u8], mut at: usize) -> usize {
    loop {
        match line.get(at) {
            Some(b' ') => at += 1,
            Some(0x1b) if line.get(at + 1) == Some(&b'[') => {
                let rest = line.get(at..).unwrap_or_default();
                let Some(end) = rest.iter().take(16).position(|byte| *byte == b'm') else { return at };
                at += end + 1;
            }
            _ => return at,
        }
    }
}

/// Past one space: those after it belong to the message (a traceback is indented).
fn one_blank(line: &[u8], at: usize) -> usize {
    at + usize::from(line.get(at) == Some(&b' '))
}

fn word_end(line: &[u8], at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| matches!(byte, b' ' | 0x1b | b'\n' | b'\r')).unwrap_or(rest.len())
}

/// Takes the context in its brackets apart, if that is what stands there. Returns where the rest begins.
fn context(line: &[u8], at: usize, parsed: &mut Line) -> usize {
    let begin = blanks(line, at);
    if line.get(begin) != Some(&b'[') {
        return at;
    }
    let mut tokens = [Span::default(); TOKENS];
    let Some((count, end)) = tokens_of(line, begin + 1, &mut tokens) else { return at };
    let tokens = &tokens[..count];
    let is_id = |span: &Span| span.of(line).starts_with(b"req-");
    let is_unset = |span: &Span| matches!(span.of(line), b"-" | b"None");
    let ids = match tokens {
        [only] if only.of(line) == b"-" => {
            parsed.context = Context::Empty;
            return one_blank(line, end);
        }
        [first, second, ..] if is_id(second) && (is_id(first) || is_unset(first)) => 2,
        [first, second, ..] if is_id(first) && second.of(line) == b"None" => 2,
        [first, ..] if is_id(first) => 1,
        // Neither id: told by the number of fields behind them.
        [first, ..] if is_unset(first) && count >= 8 => 2,
        [first, ..] if is_unset(first) && count >= 2 => 1,
        _ => return at,
    };
    parsed.context = Context::Given;
    let set = |span: Option<&Span>| span.copied().filter(|span| !is_unset(span)).unwrap_or_default();
    if ids == 2 {
        parsed.global_request_id = set(tokens.first());
    }
    parsed.request_id = set(tokens.get(ids - 1));
    let fields = tokens.get(ids..).unwrap_or_default();
    parsed.user = set(fields.first());
    parsed.project = set(fields.get(1));
    parsed.domain = set(fields.get(2));
    // The system scope came in between in 2021.
    let domains = if fields.len() >= 6 { 4 } else { 3 };
    if domains == 4 {
        parsed.system_scope = set(fields.get(3));
    }
    parsed.user_domain = set(fields.get(domains));
    parsed.project_domain = set(fields.get(domains + 1));
    one_blank(line, end)
}

/// The words up to the closing bracket: how many, and where what follows begins. `None`: these are not the brackets of
/// a context, which hold a dozen words at most.
fn tokens_of(line: &[u8], from: usize, tokens: &mut [Span; TOKENS]) -> Option<(usize, usize)> {
    let rest = line.get(from..)?;
    let close = memchr::memchr(b']', rest.get(..TOKENS * TOKEN).unwrap_or(rest))?;
    let inside = rest.get(..close)?;
    if memchr::memchr2(0x1b, b'\n', inside).is_some() {
        return coloured_tokens_of(line, from, tokens);
    }
    let (mut count, mut begin) = (0, 0);
    for end in memchr::memchr_iter(b' ', inside).chain([close]) {
        if end - begin >= TOKEN {
            return None;
        }
        if end > begin {
            *tokens.get_mut(count)? = Span::new(from + begin, from + end);
            count += 1;
        }
        begin = end + 1;
    }
    Some((count, from + close + 1))
}

/// The same where the terminal's colours stand in between.
fn coloured_tokens_of(line: &[u8], mut from: usize, tokens: &mut [Span; TOKENS]) -> Option<(usize, usize)> {
    let mut count = 0;
    loop {
        let rest = line.get(from..)?;
        let is_end = |byte: &u8| matches!(byte, b' ' | b']' | 0x1b | b'\n');
        let length = rest.iter().take(TOKEN).position(is_end)?;
        if length > 0 {
            *tokens.get_mut(count)? = Span::new(from, from + length);
            count += 1;
        }
        match rest.get(length)? {
            b']' => return Some((count, from + length + 1)),
            b'\n' => return None,
            0x1b => from = blanks(line, from + length).max(from + length + 1),
            _ => from += length + 1,
        }
    }
}

/// `[instance: UUID] `: the UUID's place, and how long the whole is.
fn instance(bytes: &[u8]) -> (Span, usize) {
    const OPEN: &[u8] = b"[instance: ";
    let uuid = Span::new(OPEN.len(), OPEN.len() + 36);
    if bytes.starts_with(OPEN) && bytes.get(uuid.end()) == Some(&b']') {
        (uuid, one_blank(bytes, uuid.end() + 1))
    } else {
        (Span::default(), 0)
    }
}

/// `10.0.0.5 "GET /v2.1/servers HTTP/1.1" status: 200 len: 15 microversion: 2.1 time: 0.01`: what nova, neutron
/// and placement write of a request, under eventlet and under uwsgi.
fn access(message: &[u8]) -> Option<Access> {
    let head = message.get(..message.len().min(120))?;
    let quote = head.iter().position(|byte| *byte == b'"')?;
    let methods: &[&[u8]] = &[b"GET ", b"POST ", b"PUT ", b"DELETE ", b"PATCH ", b"HEAD ", b"OPTIONS "];
    let begin = quote + 1;
    let method = methods.iter().find(|method| message.get(begin..).is_some_and(|m| m.starts_with(method)))?;
    let path = begin + method.len();
    let rest = message.get(path..)?;
    let path_end = path + rest.iter().position(|byte| matches!(byte, b' ' | b'"'))?;
    let after = message.get(path_end..)?;
    let closed = path_end + after.iter().position(|byte| *byte == b'"')? + 1;
    let tail = message.get(closed..)?;
    let status = tail.strip_prefix(b" status: ")?;
    let (status, count) = digits(status, 3);
    if count != 3 {
        return None;
    }
    let took = memchr::memmem::find(tail, b"time: ").and_then(|at| seconds(tail.get(at + 6..)?));
    Some(Access {
        method: Span::new(begin, begin + method.len() - 1),
        path: Span::new(path, path_end),
        status: u16::try_from(status).ok()?,
        took,
    })
}

/// `0.2134567` seconds, in microseconds.
fn seconds(bytes: &[u8]) -> Option<u64> {
    let (whole, count) = digits(bytes, 9);
    let whole = u64::try_from(whole).ok().filter(|_| count > 0)? * 1_000_000;
    if bytes.get(count) != Some(&b'.') {
        return Some(whole);
    }
    let (mut fraction, places) = digits(bytes.get(count + 1..)?, 6);
    for _ in places..6 {
        fraction *= 10;
    }
    Some(whole + u64::try_from(fraction).ok()?)
}

#[cfg(test)]
#[path = "oslo/tests.rs"]
mod tests;
