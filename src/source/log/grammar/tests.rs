use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::zone::Zone;
use super::*;
use crate::model::Span;

fn grammar() -> Grammar {
    Grammar::shipped().unwrap()
}

/// When a sample's file was written, by a host in UTC.
fn zone() -> Zone {
    Zone::new(TimeZone::UTC, "2026-12-01T00:00:00Z".parse().unwrap())
}

/// A part by the name that samples give it.
fn part(line: &str, parsed: &Line, name: &str) -> String {
    let text = |span: Span| String::from_utf8_lossy(span.of(line.as_bytes())).into_owned();
    let access = || parsed.access.unwrap_or_else(|| panic!("{line}: no access line"));
    match name {
        "time" => {
            let at = zone().instant(parsed.time, None).unwrap_or_else(|| panic!("{line}: no time"));
            Timestamp::from_microsecond(at).unwrap().to_string()
        }
        "level" => parsed.level.as_str().to_owned(),
        "host" => text(parsed.host),
        "program" => text(parsed.program),
        "pid" => text(parsed.pid),
        "logger" => text(parsed.logger),
        "request_id" => text(parsed.request_id),
        "global_request_id" => text(parsed.global_request_id),
        "user" => text(parsed.user),
        "project" => text(parsed.project),
        "instance" => text(parsed.instance),
        "message" => text(parsed.message),
        "method" => text(access().method),
        "path" => text(access().path),
        "status" => access().status.to_string(),
        "took_ms" => (access().took.unwrap() / 1000).to_string(),
        other => panic!("samples have no `{other}`"),
    }
}

#[test]
fn every_sample_is_read_by_its_own_format_as_it_says() {
    let grammar = grammar();
    let mut samples = 0;
    for (file, text) in SHIPPED {
        let sheet: Sheet = toml::from_str(text).unwrap();
        for entry in &sheet.format {
            assert!(!entry.sample.is_empty(), "{file}: {} has no sample", entry.name);
            for sample in &entry.sample {
                let line = &sample.line;
                let own = Format::new(entry).unwrap();
                let is_behind_a_prefix =
                    grammar.name(line.as_bytes()).is_some_and(|n| n.starts_with("syslog"));
                let name = grammar.name(line.as_bytes());
                assert!(name == Some(&own.name) || is_behind_a_prefix, "{line}: read as {name:?}");
                let parsed = grammar.parse(line.as_bytes());
                assert!(!sample.parts.is_empty(), "{line}: says nothing");
                for (name, expected) in &sample.parts {
                    let found = part(line, &parsed, name);
                    let same = if name == "time" {
                        found.parse::<Timestamp>().unwrap() == expected.parse::<Timestamp>().unwrap()
                    } else {
                        found == *expected
                    };
                    assert!(same, "{file}: {}: {name} is {found}, not {expected}: {line}", entry.name);
                }
                samples += 1;
            }
        }
    }
    assert!(samples > 25, "{samples}");
}

#[test]
fn a_users_format_comes_first_and_a_bad_one_names_itself() {
    let own = r#"[[format]]
name = "mine"
regex = '^(?<time>\d{4}-\d\d-\d\dT\S+Z)\|\d+\|(?<message>.*)'
time = ["iso"]
level = "ERROR""#;
    let grammar = Grammar::with(&[("mine.toml".to_owned(), own.to_owned())]).unwrap();
    let line = b"2026-11-23T18:00:01.123Z|00012|bridge|WARN|could not open";
    assert_eq!((grammar.name(line), grammar.parse(line).level), (Some("mine"), crate::model::Level::Error));
    for (text, words) in [
        ("[[format]]\nname = 'x'\nregex = 'a'", "must begin with ^"),
        ("[[format]]\nname = 'x'\nregex = '^(?<colour>a)'", "nobody knows a group `colour`"),
        ("[[format]]\nname = 'x'\nregex = '^('", "unclosed group"),
        ("[[format]]\nname = 'x'", "either `regex` or `json`"),
        ("[[format]]\nname = 'x'\nregex = '^a'\nlevel = 'LOUD'", "`LOUD` is no level"),
        ("[[format]]\nname = 'x'\nregexp = '^a'", "unknown field"),
    ] {
        let error = Grammar::with(&[("bad.toml".to_owned(), text.to_owned())]).err().unwrap().to_string();
        assert!(error.contains(words) && error.contains("bad.toml"), "{error}");
    }
}

#[test]
fn what_nobody_knows_is_a_message_without_a_time() {
    let parsed = grammar().parse(b"  File \"/usr/lib/python3/x.py\", line 244, in inner\r\n");
    assert!(!parsed.is_head());
    assert_eq!(parsed.message, Span::new(0, 50));
}

proptest! {
    #[test]
    fn no_bytes_are_too_much_for_a_format(line in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(grammar_once().parse(&line).message.end() <= line.len());
    }

    #[test]
    fn a_sample_may_be_cut_and_spoilt_anywhere(which in 0usize..64, cut in 0usize..600, at in 0usize..600, byte: u8) {
        let lines = sample_lines();
        let mut line = lines[which % lines.len()].clone().into_bytes();
        line.truncate(cut);
        if let Some(place) = line.get_mut(at) {
            *place = byte;
        }
        prop_assert!(grammar_once().parse(&line).message.end() <= line.len());
    }
}

fn grammar_once() -> &'static Grammar {
    static ONCE: std::sync::LazyLock<Grammar> = std::sync::LazyLock::new(grammar);
    &ONCE
}

fn sample_lines() -> &'static [String] {
    static ONCE: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let sheets = SHIPPED.iter().map(|(_, text)| toml::from_str::<Sheet>(text).unwrap());
        sheets
            .flat_map(|sheet| sheet.format)
            .flat_map(|entry| entry.sample)
            .map(|sample| sample.line)
            .collect()
    });
    &ONCE
}
