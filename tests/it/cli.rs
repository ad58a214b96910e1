//! The words of the command line: what they print, and the exit code that says what happened.

use std::collections::BTreeSet;

use serde_json::Value;
use stackwatch::{pane, tables};

use crate::support::stub::{Answer, Run, Stub, command, run};

fn alone(args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    run(command(dir.path(), args))
}

fn tables() -> Vec<&'static str> {
    tables::TABLES.iter().map(|listed| listed.table.name).collect()
}

fn columns(table: &str) -> Vec<&'static str> {
    tables::by_name(table).unwrap().table.columns.iter().map(|column| column.name).collect()
}

/// Mistakes in the command itself: nothing is asked for, not even a cloud's name.
#[test]
fn usage_errors_name_the_nearest() {
    for (args, parts) in [
        (&["show", "hypervisor"][..], &["no table `hypervisor`; did you mean `hypervisors`?"][..]),
        (&["show", "invoices"], &["no table `invoices`", "take one of hypervisors, instances"]),
        (&["screen", "instnaces"], &["no pane `instnaces`; did you mean `instances`?"]),
        (&["screen", "services"], &["no pane `services`", "take one of hypervisors, instances"]),
        (
            &["show", "instances", "--sort", "stat"],
            &["--sort: instances has no column `stat`; did you mean `status`?"],
        ),
        (
            &["show", "instances", "--sort", "-creatd"],
            &["no column `creatd`; did you mean `created`?", "vm_state"],
        ),
        (
            &["show", "instances", "--filter", "hots=cmp01"],
            &["--filter: ", "no column `hots`; did you mean `host`?"],
        ),
        (&["show", "instances", "--filter", "name~["], &["--filter: ", "not a regular expression"]),
        (&["show", "instances", "--filter", "vcpus>many"], &["--filter: ", "`many` is no number"]),
        (&["show", "instances", "--filter", "\"web"], &["--filter: ", "never closed"]),
        (&["screen", "instances", "--keys", "<entr>"], &["--keys: ", "entr"]),
        (&["screen", "instances", "--size", "80"], &["`80` is not WIDTHxHEIGHT"]),
        (&["screen", "instances", "--size", "0x0"], &["between 1x1 and 1000x1000"]),
        (&["screen", "instances", "--clock", "noon"], &["--clock"]),
        (&["show", "instances", "--timeout", "soon"], &["`soon` is not a number of seconds"]),
        (&["show", "instances", "--timeout", "0"], &["between 0.1 and 86400 seconds"]),
        (&["show", "instances", "-o", "yaml"], &["table, json, csv"]),
        (&["screen", "instances", "-o", "png"], &["text, ansi, svg"]),
        (&["show"], &["<TABLE>"]),
        (&["shwo", "instances"], &["similar subcommand exists: 'show'"]),
        (&["--pain", "instances"], &["similar argument exists: '--pane'"]),
        (&["doctor", "--config", "gone.toml"], &["gone.toml: cannot be read"]),
    ] {
        let run = alone(args);
        assert_eq!(
            (run.code, run.out.lines().filter(|line| !line.starts_with("i ")).count()),
            (2, 0),
            "{run:#?}"
        );
        run.says(parts);
    }
}

#[test]
fn help_lists_the_words_tables_and_panes_that_there_are() {
    let help = alone(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for word in [
        "show",
        "screen",
        "doctor",
        "--cloud",
        "--region",
        "--config",
        "--timeout",
        "--no-color",
        "--log-file",
        "--pane",
    ] {
        assert!(help.out.contains(word), "{word}:\n{}", help.out);
    }
    // The line of the argument names them all, and nothing else.
    for (word, argument, names) in [
        ("show", "<TABLE>", [tables(), vec!["usage", "trend"]].concat()),
        ("screen", "<PANE>", pane::names()),
    ] {
        let help = alone(&[word, "--help"]);
        let line = help.out.lines().find(|line| line.trim_start().starts_with(argument)).unwrap_or_default();
        let listed: Vec<&str> = line.trim().trim_start_matches(argument).split(',').map(str::trim).collect();
        assert_eq!(listed, names, "{}", help.out);
        assert_eq!(help.code, 0);
    }
}

#[test]
fn version_is_the_crates() {
    let run = alone(&["--version"]);
    assert_eq!((run.code, run.out.trim()), (0, concat!("stackwatch ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_table_is_shown_with_every_column_and_exit_code_0() {
    let cloud = Stub::new().with_broker();
    for table in tables() {
        let run = cloud.run(&["show", table, "-o", "json"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:#?}");
        let json = run.json();
        let keys: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["schema", "cloud", "region", "sources", "errors", "rows"]));
        assert_eq!(
            (&json["schema"], &json["cloud"], &json["region"]),
            (&1.into(), &"stub".into(), &"RegionOne".into())
        );
        let rows = json["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{table}");
        let expected: BTreeSet<&str> = columns(table).into_iter().collect();
        for row in rows {
            let keys: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, expected, "{table}");
        }
        for source in json["sources"].as_array().unwrap() {
            assert_eq!(source["complete"], true, "{source}");
            let as_of = source["as_of"].as_str().unwrap_or_default();
            assert!(as_of.parse::<jiff::Timestamp>().is_ok() && as_of.ends_with('Z'), "{source}");
        }
    }
}

#[test]
fn json_says_what_is_unknown_by_null_and_keeps_numbers_numbers() {
    let cloud = Stub::new();
    let json = cloud.run(&["show", "hypervisors", "-o", "json", "--filter", "host=cmp03"]).json();
    let row = &json["rows"][0];
    // 16:1 of 10 threads, 1.5:1 of 8192 less 512 MiB, and 1028 GiB.
    for (column, expected) in [
        ("vcpus", 10.0),
        ("vcpus_used", 17.0),
        ("vcpu_limit", 160.0),
        ("vcpu_allocation_ratio", 16.0),
        ("memory_limit_mb", 11_520.0),
        ("memory_allocation_ratio", 1.5),
        ("disk_limit_gb", 1_028.0),
        ("placement_vcpus_used", 17.0),
    ] {
        assert_eq!(row[column].as_f64(), Some(expected), "{column}");
    }
    assert_eq!(row["aggregates"], serde_json::json!(["rack-b"]));
    assert_eq!((&row["disabled_reason"], &row["forced_down"]), (&Value::Null, &false.into()));
}

#[test]
fn sorting_by_any_column_both_ways_is_each_others_reverse() {
    let cloud = Stub::new();
    let names = |sort: &str| -> Vec<String> {
        let json = cloud.run(&["show", "instances", "-o", "json", "--sort", sort]).json();
        json["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut ascending = names("name");
    assert_eq!(ascending, ["too-big", "web-01", "web-03", "web-04", "web-07", "web-08"]);
    ascending.reverse();
    assert_eq!(names("-name"), ascending);
    assert_eq!(names("ram").last().map(String::as_str), Some("too-big"), "numbers, not text");
    assert_eq!(names("created").first().map(String::as_str), Some("web-01"));
    // Worst first where nothing is said.
    let json = cloud.run(&["show", "instances", "-o", "json"]).json();
    assert_eq!(json["rows"][0]["name"], "too-big");
}

#[test]
fn a_filter_leaves_what_matches_and_an_empty_result_is_no_failure() {
    let cloud = Stub::new();
    for (filter, expected) in [
        ("", 6),
        ("web", 5),
        ("status=ERROR", 1),
        ("status!=ACTIVE", 4),
        ("host=cmp02 status=SHUTOFF", 1),
        ("name~^web-0[134]$", 3),
        ("!web", 1),
        ("ram>100", 2),
        ("locked=yes", 1),
        ("ip=x", 0),
        ("name=nobody", 0),
    ] {
        let filter = filter.replace("ip=", "addresses=");
        let run = cloud.run(&["show", "instances", "-o", "json", "--filter", &filter]);
        let rows = run.json()["rows"].as_array().map(Vec::len);
        assert_eq!((run.code, rows), (0, Some(expected)), "{filter}");
    }
}

/// A reader of RFC 4180, as short as it can be.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => row.last_mut().unwrap().push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\r' if !quoted => {}
            '\n' if !quoted => rows.push(vec![String::new()]),
            c => row.last_mut().unwrap().push(c),
        }
    }
    rows.pop();
    rows
}

#[test]
fn csv_has_a_header_every_column_and_quotes_where_they_must_be() {
    let cloud = Stub::new();
    let server = serde_json::json!({ "id": "1", "name": "a,\"b\"\nc", "status": "ACTIVE", "tenant_id": "t" });
    cloud.script(
        "GET /compute/v2.1/servers/detail",
        [Answer::json(serde_json::json!({ "servers": [server] }))],
    );
    let run = cloud.run(&["show", "instances", "-o", "csv"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let rows = parse_csv(&run.out);
    assert_eq!(rows[0], columns("instances"));
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{}", run.out);
    let name = columns("instances").iter().position(|column| *column == "name").unwrap();
    assert_eq!(rows[1][name], "a,\"b\" c");
    assert_eq!(
        run.out.matches("\r\n").count(),
        run.out.matches('\n').count(),
        "lines end as RFC 4180 has it"
    );
}

#[test]
fn a_table_has_aligned_columns_and_no_trailing_blanks() {
    let cloud = Stub::new();
    let run = cloud.run(&["show", "services", "--sort", "host"]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), 6, "a heading and five services:\n{}", run.out);
    let at = lines[0].find("HOST").unwrap();
    for (line, host) in lines[1..].iter().zip(["cmp01", "cmp02", "cmp03", "ctl01", "ctl01"]) {
        assert!(line[at..].starts_with(host), "{}", run.out);
        assert_eq!(line.trim_end(), *line);
    }
}

#[test]
fn a_screen_has_the_size_that_was_asked_for() {
    let cloud = Stub::new().with_broker().with_logs();
    for pane in pane::names() {
        for (width, height) in [(80, 24), (120, 40), (200, 60), (60, 16), (20, 5), (1, 1), (300, 100)] {
            let run = cloud.run(&["screen", pane, "--size", &format!("{width}x{height}")]);
            assert_eq!((run.code, run.err.as_str()), (0, ""), "{pane} {width}x{height}: {run:#?}");
            assert_eq!(run.out.lines().count(), height, "{pane} {width}x{height}:\n{}", run.out);
            let widest = run.out.lines().map(unicode_width::UnicodeWidthStr::width).max();
            assert!(widest <= Some(width), "{pane} {width}x{height}: {widest:?}\n{}", run.out);
        }
    }
}

#[test]
fn a_screen_shows_the_panes_rows_after_its_keys() {
    let cloud = Stub::new();
    let plain = cloud.run(&["screen", "instances"]).out;
    assert!(plain.contains("web-01") && plain.contains("too-big"), "{plain}");
    let filtered = cloud.run(&["screen", "instances", "--keys", "/too<enter>"]).out;
    assert!(filtered.contains("too-big") && !filtered.contains("web-01"), "{filtered}");
    assert!(filtered.contains("1 of 6"), "{filtered}");
}

#[test]
fn a_frozen_clock_makes_frames_that_can_be_repeated() {
    let cloud = Stub::new();
    let args = ["screen", "instances", "--clock", "2026-11-24T18:50:00Z"];
    let (one, two) = (cloud.run(&args).out, cloud.run(&args).out);
    assert_eq!(one, two);
    assert!(one.contains("18:50:00"), "{one}");
}

#[test]
fn an_svg_is_well_formed_and_holds_the_text() {
    let cloud = Stub::new().with_broker().with_logs();
    for pane in pane::names() {
        let run = cloud.run(&["screen", pane, "-o", "svg", "--size", "100x30"]);
        assert_eq!(run.code, 0);
        let document =
            roxmltree::Document::parse(&run.out).unwrap_or_else(|error| panic!("{error}:\n{}", run.out));
        let root = document.root_element();
        assert_eq!(
            (root.tag_name().name(), root.tag_name().namespace()),
            ("svg", Some("http://www.w3.org/2000/svg"))
        );
        for name in ["width", "height"] {
            assert!(root.attribute(name).or(root.attribute("viewBox")).is_some(), "{name}");
        }
        let text: String = document.descendants().filter_map(|node| node.text()).collect();
        for word in ["Hypervisors", "Instances", "RegionOne"] {
            assert!(text.contains(word), "{pane}: {word} is missing:\n{text}");
        }
        assert!(!document.descendants().any(|node| node.has_tag_name("script")), "{pane}");
    }
}

/// Whether any sequence sets a colour, of whichever palette.
fn is_coloured(text: &str) -> bool {
    let sequences = text.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
    let mut codes =
        sequences.flat_map(|(codes, _)| codes.split(';')).filter_map(|code| code.parse::<u8>().ok());
    codes.any(|code| matches!(code, 30..=38 | 40..=48 | 90..=97 | 100..=107))
}

#[test]
fn colours_are_for_ansi_and_no_color_keeps_them_out() {
    let cloud = Stub::new();
    let args = ["screen", "instances", "-o", "ansi"];
    assert!(is_coloured(&cloud.run(&args).out));
    assert!(!is_coloured(&cloud.run(&args[..2]).out));
    let flag = cloud.run(&["screen", "instances", "-o", "ansi", "--no-color"]).out;
    let mut command = cloud.command(&args);
    command.env("NO_COLOR", "1");
    for plain in [flag, run(command).out] {
        assert!(!is_coloured(&plain) && plain.contains("web-01"), "{plain:?}");
    }
}

#[test]
fn a_log_file_is_json_for_the_operators_eyes_only_and_holds_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let cloud = Stub::new();
    cloud.script("GET /compute/v2.1/os-services", [Answer::status(500)]);
    let run = cloud.run(&["show", "services", "--log-file", "run.log", "-vv"]);
    assert_eq!(run.code, 3);
    let path = cloud.dir().join("run.log");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.lines().count() > 2);
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    for secret in [crate::support::stub::PASSWORD, crate::support::stub::TOKEN] {
        assert!(!log.contains(secret), "a secret stands in the log");
    }
    assert!(log.contains("answered 500"), "{log}");
}

#[test]
fn the_cloud_and_region_that_were_named_are_taken() {
    let cloud = Stub::new();
    let entry = cloud.entry().replace(", region_name: RegionOne", "");
    let clouds = cloud.clouds(&entry)
        + &cloud
            .clouds(&format!("{entry}, regions: [RegionOne, RegionTwo]"))
            .replace("clouds:\n  stub:", "  other:");
    cloud.write("clouds.yaml", &clouds);
    let json =
        cloud.run(&["show", "services", "-o", "json", "--cloud", "other", "--region", "RegionOne"]).json();
    assert_eq!((&json["cloud"], &json["region"]), (&"other".into(), &"RegionOne".into()));
    let run = cloud.run(&["show", "services", "--cloud", "other"]);
    assert_eq!(run.code, 2);
    run.says(&["several clouds to choose from: other/RegionOne, other/RegionTwo", "--region"]);
    let run = cloud.run(&["show", "services", "--cloud", "other", "--region", "RegionTwo"]);
    assert_eq!(run.code, 3, "known, but the catalog has nothing there");
    run.says(&["no public endpoint in region RegionTwo"]);
}

#[test]
fn doctor_says_what_was_found_where_and_all_that_answers() {
    let cloud = Stub::new();
    let run = cloud.run(&["doctor"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for line in [
        "i settings                         built-in defaults",
        "i cloud                            stub/RegionOne from ./clouds.yaml",
        "o keystone login                   admin@admin, roles member,reader,admin",
        "microversion 2.93",
        "o nova services                    5 in ",
        "o nova hypervisors                 first page has 3",
        "o nova aggregates                  2 in ",
        "o placement providers              3 in ",
        "o keystone projects                3 in ",
        "o neutron agents                   5 in ",
        "i requests                         nova            6 requests     0 failed",
    ] {
        assert!(run.out.contains(line), "{line}:\n{}", run.out);
    }
    assert!(!run.out.lines().any(|line| line.starts_with('x')), "{}", run.out);
}

#[test]
fn an_old_nova_gives_rows_without_what_it_cannot_tell() {
    for highest in [Some("2.1"), None] {
        let cloud = Stub::new();
        cloud.set(|cloud| cloud.nova = highest);
        let run = cloud.run(&["show", "instances", "-o", "json", "--sort", "name"]);
        assert_eq!(run.code, 0, "{run:#?}");
        let row = &run.json()["rows"][1];
        assert_eq!((row["name"].as_str(), row["host"].as_str()), (Some("web-01"), Some("cmp02")));
        assert!(row["vcpus"].is_null() && row["ram"].is_null() && row["host_status"].is_null(), "{row}");
        let hypervisors = cloud.run(&["show", "hypervisors", "-o", "json"]);
        assert_eq!((hypervisors.code, hypervisors.json()["rows"].as_array().map(Vec::len)), (0, Some(3)));
        assert_eq!(hypervisors.json()["rows"][0]["vcpu_limit"], 160, "joined to Placement by name");
        let doctor = cloud.run(&["doctor"]);
        assert!(doctor.out.contains("nova is too old to tell"), "{}", doctor.out);
        assert!(doctor.out.contains("a flavor's name and size"), "{}", doctor.out);
    }
}

#[test]
fn show_asks_for_no_more_than_its_table_needs() {
    let cloud = Stub::new();
    cloud.run(&["show", "services"]);
    let asked: Vec<String> =
        cloud.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    assert_eq!(
        asked,
        ["POST /identity/v3/auth/tokens", "GET /compute/v2.1/", "GET /compute/v2.1/os-services"]
    );
}
