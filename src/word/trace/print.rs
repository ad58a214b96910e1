//! A trace on standard output: as a timeline for people, as JSON, or as the lines stand in their files.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::Told;
use crate::cli::Traced;
use crate::signature::{Signature, Signatures};
use crate::trace::story::{End, Request};
use crate::trace::{Entry, Fact, Subject, seconds};
use crate::ui::text::sanitise;
use crate::word::error_json;
use crate::word::show::write_json;

type Out = BufWriter<StdoutLock<'static>>;

/// Characters of a message that a line of the timeline holds.
const WORDS: usize = 400;

impl Told<'_> {
    pub fn print(&self, output: Traced) -> io::Result<()> {
        match output {
            Traced::Json => write_json(&self.json()),
            Traced::Raw => self.raw(&mut BufWriter::new(io::stdout().lock())),
            Traced::Timeline => self.timeline(&mut BufWriter::new(io::stdout().lock())),
        }
    }

    /// Exactly what the files hold, where no terminal would obey it.
    fn raw(&self, out: &mut Out) -> io::Result<()> {
        let harmless = io::stdout().is_terminal();
        for entry in &self.account.entries {
            for bytes in [&entry.head, &entry.rest] {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    match harmless {
                        true => {
                            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
                            writeln!(out, "{}", sanitise(&text))?;
                        }
                        false => {
                            out.write_all(line)?;
                            if !line.ends_with(b"\n") {
                                out.write_all(b"\n")?;
                            }
                        }
                    }
                }
            }
        }
        out.flush()
    }

    fn timeline(&self, out: &mut Out) -> io::Result<()> {
        writeln!(out, "{}", self.title())?;
        if let Some(answer) = self.answer() {
            writeln!(out, "{answer}")?;
        }
        let facts = self.account.facts();
        if !facts.is_empty() {
            writeln!(out, "\nknown to the APIs")?;
        }
        for fact in &facts {
            let at = fact.at.map(|at| clock(at.as_microsecond(), "  %Y-%m-%d %H:%M:%S")).unwrap_or_default();
            writeln!(out, "  {:<10} {}{at}", fact.what, sanitise(&fact.words))?;
        }
        for request in &self.account.story.requests {
            writeln!(out)?;
            self.request(out, request)?;
        }
        let left = self.account.left_out();
        if !left.is_empty() {
            writeln!(out, "\nleft out: {left}")?;
        }
        let skews = self.account.skews();
        if !skews.is_empty() {
            writeln!(out, "\nclocks: {}", sanitise(&skews))?;
        }
        out.flush()
    }

    fn title(&self) -> String {
        let (id, prefix) = match self.account.subject {
            Subject::Instance(id) => (id, "instance "),
            Subject::Request(id) => (id, "request req-"),
        };
        let mut words = vec![format!("{prefix}{id}")];
        if let Some(instance) = &self.account.instance {
            words.push(instance.name.to_string());
            words.push(instance.status.to_string());
            words.extend(self.account.belongings.is_deleted.then(|| "deleted".to_owned()));
            words.extend(instance.host.as_ref().map(|host| format!("on {host}")));
        }
        words.extend(self.cloud.map(ToString::to_string));
        words.push(format!("{} records of {} files", self.account.entries.len(), self.account.files));
        sanitise(&words.join("  ")).into_owned()
    }

    /// Where it failed, in one line, and what is known of that.
    fn answer(&self) -> Option<String> {
        let answer = self.account.answer()?;
        let known_by = answer.known_by;
        let mut answer = sanitise(&answer.words).into_owned();
        for signature in self.signatures(known_by) {
            answer
                .push_str(&format!("\n  {}: {}; next: {}", signature.id, signature.meaning, signature.next));
        }
        Some(answer)
    }

    fn signatures(&self, entry: &Entry) -> Vec<&Signature> {
        let known = Signatures::known().map(|known| known.of(entry.message(), entry.parsed.level));
        known.map(|found| found.into_vec()).unwrap_or_default()
    }

    fn request(&self, out: &mut Out, request: &Request) -> io::Result<()> {
        let records = || request.records.iter().filter_map(|at| Some((*at, self.account.entries.get(*at)?)));
        let times = || records().filter_map(|(_, entry)| entry.at);
        let mut words = match request.id {
            Some(id) => {
                vec![self.account.action(request).unwrap_or("looked at").to_owned(), format!("req-{id}")]
            }
            None => vec!["without a request".to_owned()],
        };
        if let (Some(first), Some(last)) = (times().min(), times().max()) {
            words.push(clock(first, "%Y-%m-%d %H:%M:%S"));
            words.push(seconds(last - first));
        }
        if let Some((step, gap)) = request.longest_gap() {
            words.push(format!("longest until “{}”: {}", step.name, seconds(gap)));
        }
        match request.end() {
            Some(End::Failed) => words.push("failed".to_owned()),
            Some(End::Done) => words.push("done".to_owned()),
            None => {}
        }
        writeln!(out, "{}", sanitise(&words.join("  ")))?;
        let mut before = None;
        for (at, entry) in records() {
            let step = request.steps.iter().find(|step| step.record == at);
            self.record(out, entry, step.map_or("", |step| &step.name), before)?;
            before = entry.at.or(before);
        }
        Ok(())
    }

    fn record(&self, out: &mut Out, entry: &Entry, step: &str, before: Option<i64>) -> io::Result<()> {
        let Entry { host, service, .. } = entry;
        let time = entry.at.map_or_else(|| "?".to_owned(), |at| clock(at, "%H:%M:%S%.3f"));
        let gap = match (entry.at, before) {
            (Some(at), Some(before)) if at - before >= 1_000 => format!("+{}", seconds(at - before)),
            _ => String::new(),
        };
        let more = match entry.more() {
            0 => String::new(),
            1 => "  (and 1 line)".to_owned(),
            n => format!("  (and {n} lines)"),
        };
        let dimmed = if entry.reason.is_of_another() { "~" } else { " " };
        let level = entry.parsed.level.as_str();
        let words = format!(
            " {dimmed}{time}  {gap:>9}  {host:<8} {service:<16} {level:<8} {step:<17} {}{more}",
            words(entry)
        );
        writeln!(out, "{}", sanitise(words.trim_end()))
    }

    fn json(&self) -> Json {
        let account = self.account;
        let rows: Vec<Json> = account.entries.iter().map(|entry| row(entry)).collect();
        let requests: Vec<Json> = account
            .story
            .requests
            .iter()
            .map(|request| {
                let steps = request.steps.iter().map(|step| {
                    json!({"name": step.name, "at": instant(step.at), "host": step.host, "row": step.record})
                });
                json!({
                    "request_id": request.id.map(|id| format!("req-{id}")),
                    "action": account.action(request),
                    "steps": steps.collect::<Vec<_>>(),
                    "rows": request.records,
                    "end": match request.end() {
                        Some(End::Done) => Some("done"),
                        Some(End::Failed) => Some("failed"),
                        None => None,
                    },
                })
            })
            .collect();
        let no_host = account.story.no_host.as_ref().map(|no_host| {
            let filters =
                no_host.filters.iter().map(|filter| json!({"name": filter.name, "left": filter.left}));
            json!({
                "row": no_host.record,
                "start": no_host.start,
                "filters": filters.collect::<Vec<_>>(),
                "asked": (!no_host.asked.is_empty()).then_some(&no_host.asked),
                "words": sanitise(&no_host.words()),
            })
        });
        let failure = account.story.failure.as_ref().map(|failure| {
            let entry = account.entries.get(failure.record).map(|entry| &**entry);
            let signatures = entry.map(|entry| self.signatures(entry)).unwrap_or_default();
            json!({
                "row": failure.record,
                "request_id": failure.request.map(|id| format!("req-{id}")),
                "after": failure.after,
                "mended": failure.mended,
                "words": entry.map(words),
                "no_host": no_host,
                "signatures": signatures.iter().map(|known| json!({
                    "id": known.id, "meaning": known.meaning, "next": known.next,
                })).collect::<Vec<_>>(),
            })
        });
        let errors: Vec<Json> = account.troubles.iter().map(error_json).collect();
        let omitted = account.omitted;
        json!({
            "schema": 1,
            "cloud": self.cloud.map(|cloud| &cloud.cloud),
            "region": self.cloud.and_then(|cloud| cloud.region.as_ref()),
            "sources": [{"name": "logs", "as_of": self.now.to_string(), "complete": errors.is_empty()}],
            "errors": errors,
            "subject": match self.account.subject {
                Subject::Instance(id) => id.to_string(),
                Subject::Request(id) => format!("req-{id}"),
            },
            "clocks": account.clocks.iter().map(|clock| json!({
                "host": &*clock.host,
                "ahead_seconds": clock.ahead as f64 / 1e6,
                "doubt_seconds": clock.doubt as f64 / 1e6,
            })).collect::<Vec<_>>(),
            "known": account.facts().iter().map(known).collect::<Vec<_>>(),
            "deleted": account.instance.as_ref().map(|_| account.belongings.is_deleted),
            "failure": failure,
            "requests": requests,
            "left_out": {"lookers": omitted.lookers, "ours": omitted.ours, "crowd": omitted.crowd},
            "rows": rows,
        })
    }
}

/// What the APIs know: the parts by their names, `vif_type` and so on; null where nobody told.
fn known(fact: &Fact) -> Json {
    let parts = fact.parts.iter().map(|(name, value)| {
        let value = if value.is_empty() { Json::Null } else { Json::from(sanitise(value)) };
        (name.replace(' ', "_"), value)
    });
    let mut row: serde_json::Map<String, Json> = parts.collect();
    row.insert("what".to_owned(), fact.what.into());
    row.insert("words".to_owned(), sanitise(&fact.words).into());
    row.insert("at".to_owned(), fact.at.map(|at| at.to_string()).into());
    row.into()
}

fn row(entry: &Entry) -> Json {
    let part = |span: crate::model::Span| {
        let text = String::from_utf8_lossy(span.of(&entry.head)).into_owned();
        (!text.is_empty()).then_some(text)
    };
    let parsed = &entry.parsed;
    json!({
        "at": entry.at.map(instant),
        "host": &*entry.host,
        "service": &*entry.service,
        "file": &*entry.path,
        "offset": entry.offset,
        "lines": entry.lines,
        "level": parsed.level.as_str(),
        "logger": part(parsed.logger),
        "request_id": part(parsed.request_id),
        "global_request_id": part(parsed.global_request_id),
        "reason": entry.reason.words(),
        "message": part(parsed.message),
        "rest": String::from_utf8_lossy(&entry.rest),
    })
}

/// A message's first line, as far as it is read at a glance.
fn words(entry: &Entry) -> String {
    sanitise(&crate::trace::words(entry.message(), WORDS)).into_owned()
}

fn clock(at: i64, format: &str) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::system().to_datetime(at).strftime(format).to_string()
}

fn instant(at: i64) -> String {
    Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default()
}
