//! Faults and bad input: each gives the named thing, the cause and the next step, and loses nothing.
//!
//! The real binary, over the stub or over nothing at all. That no secret and no control character comes out
//! is checked by every run.

mod amqp;
mod answers;
mod broker;
mod configuration;
mod discovery;
mod output;
mod refusals;
mod unreachable;

use crate::support::stub::Run;

/// It ended so, and standard error names the source, the cause and the next step.
#[track_caller]
fn fails(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, code, "{run:#?}");
    run.says(parts);
    run.says(&["stackwatch: ", "  next: "]);
}

/// It ended so, and the JSON document has exactly these errors: source, kind, a part of the message. Each has
/// the request id that the cloud's logs know, where anybody answered.
#[track_caller]
fn lists(run: &Run, code: i32, errors: &[(&str, &str, &str)]) {
    assert_eq!(run.code, code, "{run:#?}");
    let listed = run.errors();
    assert_eq!(listed.len(), errors.len(), "{run:#?}");
    for (source, kind, part) in errors {
        let found = listed.iter().any(|(s, k, message)| s == source && k == kind && message.contains(part));
        assert!(found, "({source}, {kind}, {part}) is missing:\n{run:#?}");
    }
    for entry in run.json()["errors"].as_array().unwrap() {
        let id = entry["request_id"].as_str().unwrap_or_default();
        assert!(id.starts_with("req-"), "{entry}");
    }
    assert_eq!(run.json()["schema"], 1);
}

/// The keys of the rows that were printed.
fn keys(run: &Run, key: &str) -> Vec<String> {
    let json = run.json();
    json["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[key].as_str().unwrap_or_default().to_owned())
        .collect()
}

const HOSTS: [&str; 3] = ["cmp02", "cmp01", "cmp03"];
