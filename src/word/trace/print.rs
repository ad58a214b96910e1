//! A trace on standard output: as a timeline for people, as JSON, or as the lines stand in their files.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::Account;
use crate::cli::Traced;
use crate::signature::Signature;
use crate::source::log::scan::Kept;
use crate::trace::Subject;
use crate::trace::story::{End, Request};
use crate::ui::text::sanitise;
use crate::word::show::write_json;

type Out = BufWriter<StdoutLock<'static>>;

/// Characters of a message that a line of the timeline holds.
const WORDS: usize = 400;

impl Account<'_> {
    pub fn print(&self, output: Traced) -> io::Result<()> {
        match output {
            Traced::Json => write_json(&self.json()),
            Traced::Raw => self.raw(&mut BufWriter::new(io::stdout().lock())),
            Traced::Timeline => self.timeline(&mut BufWriter::new(io::stdout().lock())),
        }
    }

    /// What keeps it from being whole, and what to do about it.
    pub fn troubles(&self) -> Vec<(String, String)> {
        let mut troubles = self.known.notes.clone();
        for (path, why) in &self.told.trouble {
            troubles.push((format!("{}: {why}", path.display()), String::new()));
        }
        if self.told.dropped > 0 {
            troubles.push((
                format!("{} more records belong to it than are kept", self.told.dropped),
                "trace one of its requests (req-…)".to_owned(),
            ));
        }
        if self.told.unfinished > 0 {
            let n = self.told.unfinished;
            troubles.push((format!("{n} request ids were not looked for"), String::new()));
        }
        troubles
    }

    /// Exactly what the files hold, where no terminal would obey it.
    fn raw(&self, out: &mut Out) -> io::Result<()> {
        let harmless = io::stdout().is_terminal();
        for kept in &self.told.records {
            let record = &kept.record;
            for bytes in [&record.head, &record.rest] {
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
        for request in &self.story.requests {
            writeln!(out)?;
            self.request(out, request)?;
        }
        let left = self.left_out();
        if !left.is_empty() {
            writeln!(out, "\nleft out: {left}")?;
        }
        out.flush()
    }

    fn title(&self) -> String {
        let (id, prefix) = match self.subject {
            Subject::Instance(id) => (id, "instance "),
            Subject::Request(id) => (id, "request req-"),
        };
        let mut words = vec![format!("{prefix}{id}")];
        if let Some(instance) = &self.known.instance {
            words.push(instance.name.to_string());
            words.push(instance.status.to_string());
            words.extend(instance.host.as_ref().map(|host| format!("on {host}")));
        }
        words.extend(self.known.cloud.clone());
        words.push(format!("{} records of {} files", self.told.records.len(), self.files.len()));
        sanitise(&words.join("  ")).into_owned()
    }

    /// Where it failed, in one line, and what is known of that.
    fn answer(&self) -> Option<String> {
        let failure = self.story.failure.as_ref()?;
        let kept = self.told.records.get(failure.record)?;
        let (host, service) = self.place(kept);
        let after = failure.after.as_ref().map(|step| format!(" after “{step}”")).unwrap_or_default();
        let mut answer = format!("failed{after}: {service} on {host}: {}", words(kept));
        for signature in self.signatures(kept) {
            answer
                .push_str(&format!("\n  {}: {}; next: {}", signature.id, signature.meaning, signature.next));
        }
        Some(answer)
    }

    fn signatures(&self, kept: &Kept) -> Vec<&Signature> {
        let parsed = &kept.record.parsed;
        self.signatures.of(parsed.message.of(&kept.record.head), parsed.level).into_vec()
    }

    fn place(&self, kept: &Kept) -> (&str, &str) {
        self.places.get(kept.file).map_or(("?", "?"), |(host, service)| (host, service))
    }

    /// `create`, as nova's API calls it, else as its log says it.
    fn action<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        let is_its = |id: &str| {
            [request.id, request.local].into_iter().flatten().any(|own| id.ends_with(&own.to_string()))
        };
        let known = self.known.actions.iter().find(|action| is_its(&action.request_id));
        known.map(|action| &*action.action).or(request.action())
    }

    fn request(&self, out: &mut Out, request: &Request) -> io::Result<()> {
        let records = || request.records.iter().filter_map(|at| Some((*at, self.told.records.get(*at)?)));
        let times = || records().filter_map(|(_, kept)| kept.at);
        let mut words = match request.id {
            Some(id) => vec![self.action(request).unwrap_or("looked at").to_owned(), format!("req-{id}")],
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
        for (at, kept) in records() {
            let step = request.steps.iter().find(|step| step.record == at);
            self.record(out, kept, step.map_or("", |step| &step.name), before)?;
            before = kept.at.or(before);
        }
        Ok(())
    }

    fn record(&self, out: &mut Out, kept: &Kept, step: &str, before: Option<i64>) -> io::Result<()> {
        let (host, service) = self.place(kept);
        let time = kept.at.map_or_else(|| "?".to_owned(), |at| clock(at, "%H:%M:%S%.3f"));
        let gap = match (kept.at, before) {
            (Some(at), Some(before)) if at - before >= 1_000 => format!("+{}", seconds(at - before)),
            _ => String::new(),
        };
        let more = match kept.record.lines.len().saturating_sub(1) {
            0 => String::new(),
            1 => "  (and 1 line)".to_owned(),
            n => format!("  (and {n} lines)"),
        };
        let dimmed = if kept.reason.is_of_another() { "~" } else { " " };
        let level = kept.record.parsed.level.as_str();
        let words = format!(
            " {dimmed}{time}  {gap:>9}  {host:<8} {service:<16} {level:<8} {step:<17} {}{more}",
            words(kept)
        );
        writeln!(out, "{}", sanitise(words.trim_end()))
    }

    fn left_out(&self) -> String {
        let omitted = self.trace.omitted();
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
        [
            count(omitted.lookers, "records of somebody who looked at many"),
            count(omitted.ours, "of our own questions"),
            count(omitted.crowd, "of requests that brought too many"),
            count(omitted.ids, "request ids that were too many to follow"),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
    }

    fn json(&self) -> Json {
        let rows: Vec<Json> = self.told.records.iter().map(|kept| self.row(kept)).collect();
        let requests: Vec<Json> = self
            .story
            .requests
            .iter()
            .map(|request| {
                let steps = request.steps.iter().map(|step| {
                    json!({"name": step.name, "at": instant(step.at), "host": step.host, "row": step.record})
                });
                json!({
                    "request_id": request.id.map(|id| format!("req-{id}")),
                    "action": self.action(request),
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
        let failure = self.story.failure.as_ref().map(|failure| {
            let kept = self.told.records.get(failure.record);
            let signatures = kept.map(|kept| self.signatures(kept)).unwrap_or_default();
            json!({
                "row": failure.record,
                "request_id": failure.request.map(|id| format!("req-{id}")),
                "after": failure.after,
                "words": kept.map(words),
                "signatures": signatures.iter().map(|known| json!({
                    "id": known.id, "meaning": known.meaning, "next": known.next,
                })).collect::<Vec<_>>(),
            })
        });
        let errors: Vec<Json> = self
            .troubles()
            .into_iter()
            .map(|(message, _)| json!({"source": "logs", "kind": "missing", "message": message, "request_id": null}))
            .collect();
        let omitted = self.trace.omitted();
        json!({
            "schema": 1,
            "cloud": self.known.cloud,
            "sources": [{"name": "logs", "as_of": self.now.to_string(), "complete": errors.is_empty()}],
            "errors": errors,
            "subject": match self.subject {
                Subject::Instance(id) => id.to_string(),
                Subject::Request(id) => format!("req-{id}"),
            },
            "failure": failure,
            "requests": requests,
            "left_out": {"lookers": omitted.lookers, "ours": omitted.ours, "crowd": omitted.crowd},
            "rows": rows,
        })
    }

    fn row(&self, kept: &Kept) -> Json {
        let record = &kept.record;
        let part = |span: crate::model::Span| {
            let text = String::from_utf8_lossy(span.of(&record.head)).into_owned();
            (!text.is_empty()).then_some(text)
        };
        let (host, service) = self.place(kept);
        json!({
            "at": kept.at.map(instant),
            "host": host,
            "service": service,
            "file": self.files.get(kept.file).map(|file| file.path.display().to_string()),
            "offset": record.offset(),
            "lines": record.lines.len(),
            "level": record.parsed.level.as_str(),
            "logger": part(record.parsed.logger),
            "request_id": part(record.parsed.request_id),
            "global_request_id": part(record.parsed.global_request_id),
            "reason": kept.reason.words(),
            "message": part(record.parsed.message),
            "rest": String::from_utf8_lossy(&record.rest),
        })
    }
}

/// A message's first line, as far as it is read at a glance.
fn words(kept: &Kept) -> String {
    let message = kept.record.parsed.message.of(&kept.record.head);
    let text = String::from_utf8_lossy(message);
    let mut words: String = text.chars().take(WORDS).collect();
    if words.len() < text.len() {
        words.push('…');
    }
    sanitise(words.trim_end()).into_owned()
}

fn clock(at: i64, format: &str) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::system().to_datetime(at).strftime(format).to_string()
}

fn instant(at: i64) -> String {
    Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default()
}

/// `0.067s`, `6.70s`, `4m12s`.
fn seconds(micros: i64) -> String {
    let seconds = micros as f64 / 1e6;
    match seconds {
        s if s < 1.0 => format!("{s:.3}s"),
        s if s < 60.0 => format!("{s:.2}s"),
        s => format!("{}m{:02}s", s as i64 / 60, s as i64 % 60),
    }
}
