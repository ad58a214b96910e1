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
    stage.press("<enter>");
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
    stage.press("/<esc>v");
    stage.press("/<backspace><enter>");
    assert!(stage.text().contains("GET /allocation_candidates"), "{}", stage.text());
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
