//! Logs as they grow: following and standing still, filters, errors, kinds, and the ways there and from there.

use super::{Cursor, Hear, Lacks, Order, Press, Sees, Timestamp, Wait, all_sources_fail, check, part};
use crate::support::facts;
use crate::support::stage::Stage;
use stackwatch::report::{Delta, Outcome, Report, Topic};

const LAST: &str = "closing AMQP connection";

fn comes(at: Timestamp, first: u64, lines: &[&str]) -> Vec<Report> {
    part(at, Delta::Logs(Box::new(facts::logs::more(first, lines))))
}

/// One that is new, and one that comes late.
fn two_more(at: Timestamp) -> Vec<Report> {
    comes(
        at,
        25,
        &[
            "2026-11-24 03:12:44.000 2900 INFO nova.compute.manager [-] the newest of all",
            "2026-11-24 03:10:41.202 2900 INFO nova.compute.manager [-] comes late",
        ],
    )
}

#[test]
fn what_comes_is_followed_and_late_lines_stand_where_they_belong() {
    check(
        "logs",
        &[
            Sees("FOLLOW"),
            Cursor(LAST),
            Hear(two_more),
            Cursor("the newest of all"),
            Order(&["Got no allocation candidates", "comes late", "Failed to schedule instances"]),
        ],
    );
}

#[test]
fn who_stands_still_stays_where_he_is_while_more_comes() {
    check(
        "logs",
        &[
            Press("<space>"),
            Sees("PAUSED"),
            Hear(two_more),
            Cursor(LAST),
            Sees("PAUSED · 1 below"),
            Press("j"),
            Cursor("the newest of all"),
            Press("G"),
            Sees("FOLLOW"),
            Press("k"),
            Cursor(LAST),
            Sees("PAUSED"),
            Press("<space>"),
            Cursor("the newest of all"),
            Press("gg"),
            Cursor("AMQP server on 10.0.0.11:5672"),
        ],
    );
}

#[test]
fn a_filter_holds_for_what_comes_and_goes_with_the_cursor_left_where_it_was() {
    check(
        "logs",
        &[
            Press("/level>=ERROR host=ctl02<enter>"),
            Sees("1 record in 25 lines"),
            Cursor("Failed to schedule instances"),
            Hear(two_more),
            Sees("1 record in 27 lines"),
            Lacks("the newest of all"),
            // What stands around the line: the filter goes, the cursor stays.
            Press("<space><esc>"),
            Sees("24 records in 27 lines"),
            Cursor("Failed to schedule instances"),
            Order(&[
                "Got no allocation candidates",
                "Failed to schedule instances",
                "Setting instance to ERROR",
            ]),
        ],
    );
}

/// Another's line, and one that a question of our own caused.
fn one_of_ours(at: Timestamp) -> Vec<Report> {
    comes(
        at,
        25,
        &[
            "2026-11-24 03:12:44.000 2900 INFO nova.compute.manager [-] the newest of all",
            "2026-11-24 03:12:45.000 2900 INFO nova.osapi [req-57ac3a7c-8846-4aa2-8a5a-629e8034465f \
             req-a54b595b-8846-4aa2-8a5a-629e8034465f u p - - d d] listed for us",
        ],
    )
}

#[test]
fn what_our_own_questions_caused_is_left_out_and_counted_until_it_is_asked_for() {
    check(
        "logs",
        &[
            Hear(one_of_ours),
            Cursor("the newest of all"),
            Lacks("listed for us"),
            Sees("1 of our own left out (own=yes)"),
            Press("/own=yes<enter>"),
            Sees("1 record in 27 lines"),
            Cursor("listed for us"),
            Lacks("left out"),
            Press("<esc>/own!=no<enter>"),
            Sees("the newest of all"),
            Cursor("listed for us"),
            Lacks("left out"),
        ],
    );
}

#[test]
fn errors_are_found_one_after_the_other_and_the_end_is_said() {
    check(
        "logs",
        &[
            Press("E"),
            Cursor("Failed to schedule instances"),
            Press("E"),
            Cursor("11:10:30.900"),
            Press("e"),
            Cursor("Failed to schedule instances"),
            Press("e"),
            Sees("no error below in what is shown"),
            Cursor("Failed to schedule instances"),
        ],
    );
}

#[test]
fn a_record_is_gone_into_with_its_traceback_and_left() {
    let mut stage = Stage::new("logs", (120, 60), facts::cloud());
    stage.press("N<enter>");
    let text = stage.text();
    for words in ["S1", "The scheduler found no host", "schedule_and_build_instances", "nova-conductor.log"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    stage.press("<esc>");
    assert!(stage.cursor_line().unwrap().contains("Failed to schedule instances"));
}

#[test]
fn the_same_message_is_counted_once_and_leads_to_all_of_its_records() {
    check(
        "logs",
        &[
            Press("f"),
            Sees("5 kinds of warnings and errors · new ones first"),
            Cursor("closing AMQP connection"),
            Press("s"),
            Cursor("12 11:05:00 11:10:30 cmp07"),
            Sees("M1: "),
            Press("<enter>"),
            Sees("12 records in 25 lines"),
            Press("<esc>"),
            Sees("22 records in 25 lines"),
            Press("f<esc>"),
            Sees("FOLLOW"),
        ],
    );
}

#[test]
fn from_a_line_to_its_trace_and_its_host_and_from_rows_to_their_lines() {
    check(
        "logs",
        &[
            Press("/Setting instance<enter>t"),
            Sees("Logs › Trace › web-17"),
            Press("<esc>"),
            Cursor("Setting instance to ERROR"),
            Press("<esc>/cmp07<enter>o"),
            Sees("Logs › Hypervisors"),
            Cursor("cmp07"),
            Press("l"),
            Sees("/host=cmp07"),
            Sees("12 records in 25 lines"),
        ],
    );
    let mut stage = Stage::new("instances", (120, 40), facts::cloud());
    stage.press("/web-17<enter>l");
    let text = stage.text();
    assert!(text.contains("Setting instance to ERROR") && !text.contains("AMQP"), "{text}");
    let mut stage = Stage::new("rabbitmq", (120, 40), facts::cloud());
    stage.press("/compute.cmp07<enter>l");
    let text = stage.text();
    assert!(text.contains("/host=cmp07 amqp") && text.contains("12 records in 25 lines"), "{text}");
}

#[test]
fn a_long_line_is_moved_sideways_or_wrapped() {
    let mut stage = Stage::new("logs", (80, 24), facts::cloud());
    assert!(!stage.text().contains("nova-compute:3107"));
    stage.press("<right><right><right>");
    assert!(stage.text().contains("nova-compute:3107"), "{}", stage.text());
    stage.press("<left><left><left>w");
    assert!(stage.text().contains("nova-compute:3107"), "{}", stage.text());
}

#[test]
fn a_queue_tells_what_the_logs_of_its_host_say_of_the_bus() {
    check(
        "rabbitmq",
        &[
            Press("/compute.cmp07<enter><enter>"),
            Sees("what the logs of cmp07 say of AMQP"),
            Sees("12 times by nova-compute"),
            Press("<esc>/compute.cmp01<enter><enter>"),
            Lacks("say of AMQP"),
        ],
    );
}

#[test]
fn the_palette_leads_to_a_time_of_day_or_filters() {
    check(
        "instances",
        &[
            Press(":logs 11:10<enter>"),
            Cursor("11:10:00.900"),
            Sees("PAUSED"),
            Press(":logs 11:12:45<enter>"),
            Sees("nothing that is shown was written at 11:12:45 or later"),
            Press(":logs level=CRITICAL<enter>"),
            Sees("0 records in 25 lines"),
            Press("<esc>U"),
            Cursor("03:12:42.000 ctl01"),
        ],
    );
}

/// As rsyslog writes a record with its traceback.
fn one_of_rsyslog(at: Timestamp) -> Vec<Report> {
    comes(
        at,
        25,
        &[
            "Nov 24 03:12:44 cmp04 nova-compute[2900]: 2026-11-24 03:12:44.118 2900 ERROR nova.compute.manager [-] Error \
           updating resources for node cmp04.: Boom#012Traceback (most recent call last):#012  File \"x.py\", line 1#012Boom",
        ],
    )
}

#[test]
fn a_record_that_rsyslog_wrote_on_one_line_has_its_lines_again() {
    check(
        "logs",
        &[
            Hear(one_of_rsyslog),
            Cursor("Error updating resources for node cmp04.: Boom ▸ 3"),
            Lacks("#012"),
            Press("<enter>"),
            Sees("Traceback (most recent call last):"),
            Sees("File \"x.py\", line 1"),
            Lacks("#012"),
        ],
    );
}

#[test]
fn requests_to_the_apis_are_counted_and_lead_to_their_lines() {
    check(
        "logs",
        &[
            Press("a"),
            // What fails stands first, said with how its requests ended.
            Cursor("GET /v2.1/servers/detail"),
            Sees("504 × 9 p50 60.00s p95 60.00s · 200 × 1,204"),
            Order(&["GET /v2.1/servers/detail", "PUT /v2.0/ports/{id}", "GET /v2.1/servers/{id}"]),
            Press("s"),
            Sees("by how often"),
            Press("s"),
            Sees("the slowest first"),
            Press("G"),
            Cursor("GET /allocation_candidates"),
            Press("<enter>"),
            Sees("/endpoint=\"GET /allocation_candidates\" service=placement-api"),
            Lacks("P95"),
            Press("<esc>a"),
            Sees("P95"),
            Press("a"),
            Lacks("P95"),
            Press("/took>1h<enter>"),
            Sees("none of the"),
        ],
    );
}

#[test]
fn a_search_goes_from_match_to_match_and_leaves_the_rest_where_it_is() {
    check(
        "logs",
        &[
            // Who looks at the end searches upwards.
            Press("\\Got no allocation<enter>"),
            Cursor("Got no allocation candidates"),
            Sees("closing AMQP connection"),
            Sees("n, N: Got no allocation"),
            Press("n"),
            Sees("nothing below in what is shown matches Got no allocation"),
            Cursor("Got no allocation candidates"),
            Press("\\level>=ERROR<enter>"),
            Cursor("Failed to schedule instances"),
            Press("N"),
            Cursor("AMQP server on 10.0.0.11:5672"),
            Press("n"),
            Cursor("Failed to schedule instances"),
            Press("ggN"),
            Sees("nothing above"),
            // A fault is said where it was typed.
            Press("\\level>=BAD~<enter>"),
            Sees("level"),
            Press("<esc><esc>"),
            Lacks("n, N:"),
            // Without a search it is errors that they lead to.
            Press("ggn"),
            Cursor("11:05:30.900"),
        ],
    );
}

#[test]
fn what_is_marked_is_found_again() {
    check(
        "logs",
        &[
            Press("b"),
            Sees("marked: 1 mark · :write FILE"),
            Press("ggb"),
            Sees("marked: 2 marks"),
            Press("]"),
            Cursor(LAST),
            Press("]"),
            Sees("no mark below"),
            Press("["),
            Press("b"),
            Sees("no longer marked: 1 mark"),
            Press("["),
            Sees("no mark above"),
            Press(":write<enter>"),
            Sees("into which file?"),
            Press(":hypervisors<enter>:write x<enter>"),
            Sees("there is nothing here that could be written"),
        ],
    );
}

#[test]
fn while_logs_are_stale_no_endpoint_looks_well() {
    check(
        "logs",
        &[Press("a"), Sees(" ●"), Hear(all_sources_fail), Sees("STALE"), Cursor(" ? "), Lacks(" ●")],
    );
}

/// A line of which only the start was kept.
fn too_long(at: Timestamp) -> Vec<Report> {
    let line = format!("2026-11-24 03:12:44.000 2900 INFO it's long [-] {}", "x".repeat(300));
    let mut heard = facts::logs::more(25, &[&line]);
    heard.lines[0].length = 10 << 20;
    part(at, Delta::Logs(Box::new(heard)))
}

#[test]
fn a_line_that_is_too_long_is_cut_and_the_command_for_all_of_it_is_there() {
    check(
        "logs",
        &[
            Hear(too_long),
            Press("<enter>"),
            Sees("only its first 348 B are kept"),
            Sees("on cmp03: grep -aFm1 -e '2026-11-24 03:12:44.000 2900 INFO it'\\''s long [-]"),
        ],
    );
}

fn libvirt_is_lost(at: Timestamp) -> Vec<Report> {
    let line =
        "2026-11-24 03:12:44.000 2900 WARNING nova.virt.libvirt.host [-] Connection to libvirt lost: 1";
    comes(at, 25, &[line])
}

fn all_is_quiet(at: Timestamp) -> Vec<Report> {
    vec![facts::report(at, Outcome::Current { topic: Topic::Logs })]
}

#[test]
fn a_host_is_judged_by_what_is_said_in_its_log_until_that_is_old() {
    check(
        "hypervisors",
        &[
            Press("/host=cmp03<enter>"),
            Cursor("● cmp03"),
            Hear(libvirt_is_lost),
            Cursor("✖ cmp03"),
            Sees("nova-compute on cmp03 said in the last 5 min (L1): libvirt went away"),
            Press("<enter>"),
            Sees("libvirt went away"),
            Press("<esc>"),
            Wait(290),
            Hear(all_is_quiet),
            Cursor("✖ cmp03"),
            Wait(120),
            Hear(all_is_quiet),
            Cursor("● cmp03"),
            Lacks("libvirt went away"),
        ],
    );
}

#[test]
fn what_was_said_before_the_logs_fell_silent_is_no_finding() {
    check(
        "hypervisors",
        &[
            Press("/host=cmp03<enter>"),
            Hear(libvirt_is_lost),
            Cursor("✖ cmp03"),
            Hear(all_sources_fail),
            Lacks("libvirt went away"),
        ],
    );
}

#[test]
fn an_instance_has_the_known_messages_that_name_it() {
    fn fails(at: Timestamp) -> Vec<Report> {
        let line = format!(
            "2026-11-24 03:12:44.000 2900 ERROR nova.compute.manager [None req-1 u p - - d d] [instance: {}] Instance \
             failed to spawn: libvirt.libvirtError: no",
            facts::instance("web-01").id
        );
        comes(at, 25, &[&line])
    }
    check(
        "instances",
        &[
            Press("/name=web-01<enter>"),
            Hear(fails),
            Press("<enter>"),
            Sees("its logs say"),
            Sees("nova-compute on cmp03: The hypervisor could not start the instance."),
        ],
    );
}
