//! To the cause of a failure, and from there to its neighbours.

use crate::support::facts;
use crate::support::stage::Stage;

const WHY: &str = "Failed to schedule instances";

fn stage() -> Stage {
    Stage::new("instances", (120, 40), facts::cloud())
}

#[test]
fn from_a_failed_instance_to_its_cause_in_one_key_and_back() {
    let mut stage = stage();
    assert!(stage.cursor_line().unwrap().contains("web-17"), "trouble comes first");
    stage.press("t");
    let text = stage.text();
    assert!(
        text.contains(
            "failed after “no candidates”: no valid host: Placement has no candidate for MEMORY_MB 16384"
        ),
        "{text}"
    );
    assert!(text.contains("S4: Placement knows no host"), "{text}");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{text}");
    assert!(text.contains("Instances › Trace › web-17"), "{text}");
    stage.press("d");
    assert!(stage.text().contains("schedule_and_build_instances"), "{}", stage.text());
    stage.press("<esc><esc>");
    assert!(stage.cursor_line().unwrap().contains("web-17"));
}

#[test]
fn the_palette_traces_a_uuid_a_request_and_a_name() {
    for subject in [facts::instance("web-17").id.to_string(), "web-17".to_owned()] {
        let mut stage = stage();
        stage.press(&format!(":trace {subject}<enter>"));
        assert!(stage.text().contains(WHY), "{}", stage.text());
    }
    let mut stage = stage();
    stage.press(":trace req-5702dcce-8846-4aa2-8a5a-629e8034465f<enter>");
    let wanted = stage.app.wanted().trace;
    assert_eq!(wanted.as_deref(), Some("req-5702dcce-8846-4aa2-8a5a-629e8034465f"));
    stage.press(":trace nobody<enter>");
    assert!(stage.text().contains("no instance is called nobody"), "{}", stage.text());
}

#[test]
fn the_order_of_time_and_a_filter_leave_the_cursor_on_its_record() {
    let mut stage = stage();
    stage.press("tv");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{}", stage.text());
    assert!(stage.text().contains("8 of 8 records shown · by time"), "{}", stage.text());
    stage.press("/placement candidates<enter>");
    assert!(stage.text().contains("2 of 8 records shown"), "{}", stage.text());
    // What stands around it comes back, and the cursor stays where it is.
    let here = stage.cursor_line().unwrap();
    stage.press("<esc>");
    assert!(stage.text().contains("8 of 8 records shown"), "{}", stage.text());
    assert_eq!(stage.cursor_line().unwrap(), here);
    stage.press("v<esc>");
    assert!(stage.cursor_line().unwrap().contains("web-17"), "{}", stage.text());
}

#[test]
fn the_filter_is_that_of_the_logs() {
    let mut stage = stage();
    stage.press("tv/level>=WARNING service=nova-conductor<enter>");
    assert!(stage.text().contains("3 of 8 records shown"), "{}", stage.text());
    stage.press("<esc>/step=accepted<enter>");
    assert!(stage.text().contains("1 of 8 records shown"), "{}", stage.text());
    stage.press("<esc>/nonsense=1<enter>");
    assert!(stage.text().contains("nonsense"), "{}", stage.text());
}

#[test]
fn errors_are_gone_to_also_in_branches_that_are_closed() {
    let mut stage = stage();
    stage.press("tggj<space>");
    assert!(!stage.text().contains(WHY), "the branch is closed: {}", stage.text());
    stage.press("n");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{}", stage.text());
    stage.press("n");
    assert!(stage.text().contains("no error below in what is shown"), "{}", stage.text());
    stage.press("G");
    assert!(!stage.cursor_line().unwrap().contains(WHY));
    stage.press("N");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{}", stage.text());
    stage.press("N");
    assert!(stage.text().contains("no error above in what is shown"), "{}", stage.text());
}

#[test]
fn the_log_around_a_record_has_more_at_both_ends_and_leads_back() {
    let mut stage = stage();
    stage.press("t");
    let here = stage.cursor_line().unwrap();
    stage.press("<enter>");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{}", stage.text());
    for words in
        ["web-17 › log around it", "/var/log/remote/ctl02/nova-conductor.log", "before 1", "behind 1"]
    {
        assert!(stage.text().contains(words), "{words}: {}", stage.text());
    }
    assert!(!stage.text().contains("before 70"), "{}", stage.text());
    stage.press("gg");
    stage.press("<pageup>");
    assert!(stage.text().contains("before 70"), "more was asked for: {}", stage.text());
    stage.press("n");
    assert!(stage.cursor_line().unwrap().contains("before 30"), "{}", stage.text());
    stage.press("n");
    assert!(stage.cursor_line().unwrap().contains(WHY), "{}", stage.text());
    // All of it, down to the file's end.
    for _ in 0..3 {
        stage.press("G");
    }
    assert!(stage.text().contains("to its end"), "{}", stage.text());
    stage.press("w");
    assert!(stage.cursor_line().unwrap().contains("behind"), "{}", stage.text());
    stage.press("<esc>");
    assert_eq!(stage.cursor_line().unwrap(), here);
    stage.press("<esc>");
    assert!(stage.cursor_line().unwrap().contains("web-17"));
}

#[test]
fn whoever_looked_at_it_stays_folded_until_asked_for() {
    let mut stage = stage();
    stage.press("t");
    assert!(stage.text().contains("looked at, req-33333333"), "{}", stage.text());
    assert!(!stage.text().contains("GET /v2.1/servers/"), "{}", stage.text());
    stage.press("G<enter>j<enter>");
    assert!(stage.text().contains("GET /v2.1/servers/"), "{}", stage.text());
}

#[test]
fn nothing_is_asked_for_once_the_trace_is_left() {
    let mut stage = stage();
    stage.press("t");
    assert!(stage.app.wanted().trace.is_some());
    stage.press("<esc>");
    assert_eq!(stage.app.wanted().trace, None);
}

#[test]
fn what_the_apis_know_is_a_branch_whose_leaves_are_gone_into() {
    let mut stage = stage();
    stage.press("tgg");
    assert!(stage.cursor_line().unwrap().contains("known to the APIs  1 port, 1 image"), "{}", stage.text());
    stage.press("<enter>j");
    assert!(stage.cursor_line().unwrap().contains("10.0.0.17 fa:16:3e:1b:af:4e: DOWN"), "{}", stage.text());
    stage.press("o");
    assert!(stage.text().contains("no host is known of this port"), "{}", stage.text());
    stage.press("<enter>");
    assert!(stage.text().contains("1baf4e7d-a18e-41b0-a143-60c0b7847dba"), "{}", stage.text());
    stage.press("<esc>");
    assert!(stage.cursor_line().unwrap().contains("10.0.0.17"), "{}", stage.text());
}

#[test]
fn a_marked_trace_stands_beside_the_next_until_the_mark_is_taken_away() {
    let mut stage = stage();
    stage.press("t");
    stage.press("c");
    assert!(stage.text().contains("web-17 is marked: trace another one to see both"), "{}", stage.text());
    stage.press("<esc>/lb-01<enter>t");
    assert!(stage.text().contains("Trace › lb-01 › against web-17"), "{}", stage.text());
    assert!(
        stage.text().contains("nothing to compare: the logs have no step of a create of lb-01"),
        "{}",
        stage.text()
    );
    assert!(stage.text().contains("no candidates"), "{}", stage.text());
    // To the trace itself, and back to both.
    stage.press("<esc>");
    assert!(stage.text().contains("no record of any log belongs to it"), "{}", stage.text());
    stage.press("c");
    assert!(stage.text().contains("against web-17"), "{}", stage.text());
    stage.press("c");
    assert!(stage.text().contains("no trace is marked any more"), "{}", stage.text());
    stage.press("<esc><esc>");
    stage.press(":compare web-17<enter>");
    assert!(stage.text().contains("two are compared: write :compare A B"), "{}", stage.text());
    stage.press(":compare lb-01 web-17<enter>");
    assert!(stage.text().contains("Trace › web-17 › against lb-01"), "{}", stage.text());
}
