//! Views inside a pane and over it, and what leaves the dashboard.

use super::*;

#[test]
fn going_into_a_queue_asks_who_takes_from_it() {
    check(
        "rabbitmq",
        &[
            Press("/compute.cmp01<enter>"),
            Sees("1 of 44 shown"),
            // The stage answers at once.
            Press("<enter>"),
            Sees("consumers (1)"),
            Sees("nova-compute 21299"),
            Sees("RabbitMQ › compute.cmp01"),
            Press("<esc>n"),
            Sees("RabbitMQ › cluster"),
            Sees("node rabbit@ctl01"),
            Press("<esc>v"),
            Sees("▾ ● nova-compute"),
        ],
    );
}

#[test]
fn everything_about_an_instance_with_its_events_and_console_log() {
    check(
        "instances",
        &[
            Press("/lb-01<enter><enter>"),
            Sees("Instances › lb-01"),
            Sees("203.0.113.182  front"),
            Press("e"),
            Sees("Instances › lb-01 › events"),
            Sees("compute_live_migration under way"),
            Sees("req-"),
            Press("c"),
            Sees("Instances › lb-01 › console log"),
            // Its tail, cleaned.
            Cursor("web login:"),
            Sees("[FAILED] Failed to start postgresql@15-main.service."),
            Press("<esc>"),
            Sees("1 of 25 shown"),
            // From the list as well.
            Press("e"),
            Sees("› events"),
            Press("<esc>c"),
            Sees("› console log"),
        ],
    );
}

#[test]
fn whole_ids_are_copied() {
    let id = |name: &str| facts::instance(name).id.to_string();
    check(
        "instances",
        &[
            Press("/lb-01<enter>y"),
            Asks(Request::Copy(id("lb-01"))),
            Sees(Box::leak(format!("copied {}", id("lb-01")).into_boxed_str())),
            // In the details it is the line under the cursor.
            Press("<enter>"),
            Press("jjjjjjj"),
            Cursor(Box::leak(id("lb-01").into_boxed_str())),
            Press("y"),
            Asks(Request::Copy(id("lb-01"))),
        ],
    );
    let host = facts::hypervisor_id("cmp07").to_string();
    check("hypervisors", &[Press("y"), Asks(Request::Copy(host))]);
}

#[test]
fn a_refresh_makes_everything_on_the_pane_worth_asking_again() {
    let mut stage = Stage::new("hypervisors", (120, 40), facts::cloud());
    assert!(stage.app.wanted().refresh.is_empty());
    stage.press("rr");
    walk(&mut stage, &[Sees("reading anew")]);
    let refresh = stage.app.wanted().refresh;
    for topic in [Topic::Hypervisors, Topic::Services, Topic::Aggregates, Topic::Providers] {
        assert_eq!(refresh.get(&topic), Some(&2), "{topic:?}");
    }
    assert_eq!(refresh.get(&Topic::Projects), None);
    // Within a view it is the view's own question.
    let mut stage = Stage::new("instances", (120, 40), facts::cloud());
    stage.press("/lb-01<enter>c");
    stage.wait(60);
    walk(&mut stage, &[Sees("read 1m ago"), Press("r"), Sees("read 0s ago")]);
}

#[test]
fn help_and_sources_lie_over_the_pane_until_they_are_left() {
    for close in ["<esc>", "q", "<enter>", "?", "!"] {
        for (open, words) in [("?", "go into what the cursor is on"), ("!", "placement  providers")] {
            check(
                "hypervisors",
                &[
                    Press(open),
                    Sees(words),
                    Lacks("cmp11"),
                    Press(close),
                    Lacks(words),
                    Sees("cmp11"),
                    AsksNothing,
                ],
            );
        }
    }
}

#[test]
fn the_help_scrolls_and_names_the_keys_of_its_own_pane() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::cloud());
    walk(
        &mut stage,
        &[
            Press("?"),
            Sees("table or tree"),
            Lacks("the console log's tail"),
            Lacks("stop to the shell"),
            Press("jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj"),
            Sees("stop to the shell"),
            Press("gg"),
            Sees("table or tree"),
        ],
    );
}

#[test]
fn times_in_utc_and_back() {
    check(
        "hypervisors",
        &[
            Sees(" 11:12:45\n"),
            Press("U"),
            Sees("03:12:45Z"),
            Press("<enter>"),
            Sees("2026-11-24 03:05:33Z"),
            Press("U"),
            Sees("2026-11-24 11:05:33,"),
        ],
    );
}

#[test]
fn what_leaves_the_dashboard() {
    check(
        "hypervisors",
        &[
            Press("<ctrl-c>"),
            Asks(Request::Interrupt),
            Press("<ctrl-z>"),
            Asks(Request::Suspend),
            Press("<ctrl-l>"),
            Asks(Request::Redraw),
            Press("m"),
            Asks(Request::Mouse(false)),
            Press("m"),
            Asks(Request::Mouse(true)),
            // In a prompt `ctrl-c` gives the prompt up and no more.
            Press("/web<ctrl-c>"),
            AsksNothing,
            Sees("12 of 12 shown"),
        ],
    );
}

#[test]
fn one_of_several_clouds_is_chosen() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::silence());
    stage.app.choose(["prod", "staging", "lab"].map(str::to_owned).to_vec());
    walk(
        &mut stage,
        &[
            Press("jjjjk"),
            Cursor("staging"),
            Press("<enter>"),
            Asks(Request::Connect(1)),
            // It may turn out to be broken: then another can be chosen.
            Sees("choose a cloud"),
        ],
    );
    stage.app.open("staging", None);
    walk(
        &mut stage,
        &[Wait(0), Sees("stackwatch  staging"), Sees("asking nova for hypervisors"), Lacks("choose a cloud")],
    );
    stage.app.choose(vec!["prod".to_owned()]);
    walk(&mut stage, &[Press("<esc>"), Asks(Request::Exit)]);
}

#[test]
fn of_a_down_cell_nothing_passes_for_known() {
    check(
        "instances",
        &[
            Press("/status=UNKNOWN<enter><enter>"),
            Sees("Instances › 8ff34785"),
            Sees("? 8ff34785's cell does not answer"),
            Sees("host          ?"),
            Lacks("never placed"),
            Lacks("–"),
        ],
    );
}

#[test]
fn an_overlay_cuts_nothing_off_and_says_how_much_there_is() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::all_down());
    let mut seen = String::new();
    stage.press("!");
    walk(&mut stage, &[Sees("1–15 of ")]);
    for _ in 0..160 {
        stage.press("j");
        stage.text().lines().skip(3).take(17).for_each(|line| seen.push_str(line));
    }
    // The ends of the longest lines, and of all of them.
    let words: Vec<&str> = seen.split_whitespace().collect();
    for word in ["111)", "drawn,", "console"] {
        assert!(words.contains(&word), "{word}");
    }
    assert!(!seen.contains('…'), "{seen}");
}
