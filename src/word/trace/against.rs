//! Two traces side by side on standard output.

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::cli::Traced;
use crate::trace::compare::{Comparison, Difference, Took};
use crate::trace::{Account, seconds};
use crate::ui::text::{fit, sanitise};
use crate::word::error_json;
use crate::word::show::write_json;

/// Cells of a step's name, and of a side.
const NAME: usize = 18;
const SIDE: usize = 32;

/// Prints the steps of both. `Raw` has nothing to stand side by side.
pub fn print(left: &Account, right: &Account, output: Traced, now: Timestamp) -> io::Result<()> {
    let comparison = Comparison::new(left, right);
    let names = [left, right].map(name);
    if output == Traced::Json {
        return write_json(&document(&comparison, [left, right], &names, now));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", sanitise(&comparison.words(&names[0], &names[1])))?;
    let titles = [left, right].map(|account| {
        let status = account.instance.as_ref().map(|instance| format!(" {}", instance.status));
        sanitise(&format!("{}{}", name(account), status.unwrap_or_default())).into_owned()
    });
    let heading =
        format!("\n   {}  {}  {}", fit("STEP", NAME, false), fit(&titles[0], SIDE, false), titles[1]);
    writeln!(out, "{}", heading.trim_end())?;
    for pair in &comparison.pairs {
        let mark = match pair.difference() {
            Difference::None => ' ',
            Difference::OnlyLeft | Difference::LeftIsSlower => '<',
            Difference::OnlyRight | Difference::RightIsSlower => '>',
        };
        let [left, right] = [&pair.left, &pair.right].map(|took| side(took.as_ref()));
        let name = fit(&sanitise(&pair.name), NAME, false);
        let line = format!(" {mark} {name}  {}  {right}", fit(&left, SIDE, false));
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

fn name(account: &Account) -> String {
    account.instance.as_ref().map_or_else(|| account.subject.text(), |instance| instance.name.to_string())
}

fn side(took: Option<&Took>) -> String {
    let Some(took) = took else { return format!("{}  not taken", fit("–", 8, true)) };
    let time = took.micros.map(seconds).unwrap_or_default();
    let failed = if took.has_failed { "  failed" } else { "" };
    format!("{}  {}{failed}", fit(&time, 8, true), sanitise(&took.host))
}

fn document(comparison: &Comparison, both: [&Account; 2], names: &[String; 2], now: Timestamp) -> Json {
    let took = |took: &Option<Took>| {
        took.as_ref().map(|took| {
            json!({
                "seconds": took.micros.map(|micros| micros as f64 / 1e6),
                "host": sanitise(&took.host),
                "failed": took.has_failed,
            })
        })
    };
    let steps = comparison.pairs.iter().map(|pair| {
        json!({
            "name": pair.name,
            "left": took(&pair.left),
            "right": took(&pair.right),
            "differs": pair.difference() != Difference::None,
        })
    });
    let errors: Vec<Json> = both.iter().flat_map(|account| &account.troubles).map(error_json).collect();
    json!({
        "schema": 1,
        "sources": [{"name": "logs", "as_of": now.to_string(), "complete": errors.is_empty()}],
        "errors": errors,
        "left": both[0].subject.text(),
        "right": both[1].subject.text(),
        "action": comparison.action,
        "words": sanitise(&comparison.words(&names[0], &names[1])),
        "first_difference": comparison.first().map(|pair| &pair.name),
        "steps": steps.collect::<Vec<_>>(),
    })
}
