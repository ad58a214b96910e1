//! What the cloud does while somebody looks.

use super::*;

#[test]
fn a_row_becomes_error_and_rises_with_the_cursor_on_it() {
    check(
        "instances",
        &[
            Press("G"),
            Press("kk"),
            Cursor("web-01"),
            Order(&["web-17", "bastion", "web-01"]),
            Hear(|at| becomes_error("web-01", at)),
            Order(&["web-01", "web-17", "bastion"]),
            Cursor("web-01"),
            Sees("✖ web-01: ERROR without a fault"),
        ],
    );
}

#[test]
fn rows_come_and_go_and_the_cursor_keeps_its_own() {
    check(
        "instances",
        &[
            Press("jjjjj"),
            Cursor("batch-07"),
            Hear(|at| becomes_error("hpc-3", at)),
            Hear(|at| is_deleted("web-17", at)),
            Hear(|at| becomes_error("build-88", at)),
            Cursor("batch-07"),
            Order(&["build-88", "hpc-3", "batch-07"]),
            Lacks("web-17"),
        ],
    );
}

#[test]
fn what_matters_most_is_on_top_until_the_cursor_is_moved() {
    check("instances", &[Cursor("web-17"), Hear(|at| becomes_error("build-88", at)), Cursor("build-88")]);
}

#[test]
fn an_instance_that_is_deleted_leaves_its_own_view() {
    for view in ["<enter>", "e", "c"] {
        let mut stage = Stage::new("instances", (120, 40), facts::cloud());
        stage.press("/build-88<enter>");
        stage.press(view);
        walk(
            &mut stage,
            &[
                Sees("Instances › build-88"),
                Hear(|at| is_deleted("build-88", at)),
                Lacks("Instances ›"),
                Sees("0 of 24 shown"),
                Press("/<ctrl-u><enter>"),
                Lacks("build-88"),
            ],
        );
    }
}

#[test]
fn a_host_that_is_lost_rises_and_says_what_to_do() {
    check(
        "hypervisors",
        &[
            Press("/cmp01<enter>"),
            Sees("● cmp01"),
            Hear(|at| goes_down("cmp01", at)),
            Sees("✖ cmp01"),
            Sees("nova calls nova-compute on cmp01 down; its 3 instances may well be running"),
            Press("/<ctrl-u><enter>"),
            Order(&["cmp01", "cmp07", "cmp04"]),
        ],
    );
}

#[test]
fn sources_that_fail_leave_the_rows_there_grey_with_the_reason() {
    let mut stage =
        Stage::with(looks("dark", "default", Look::new(false, 1)), "hypervisors", (120, 40), facts::cloud());
    let grey = Theme::shipped("dark").unwrap().unwrap().style(Role::Stale).fg;
    let greyed = |stage: &Stage| {
        (1..115).all(|x| {
            let cell = &stage.buffer()[(x, 5)];
            cell.symbol() == " " || Some(cell.fg) == grey
        })
    };
    assert!(!greyed(&stage));
    walk(
        &mut stage,
        &[
            Wait(60),
            Hear(all_sources_fail),
            Sees(
                "hypervisors as of 1m ago, next try in 30s: nova at 10.0.0.10:8774 cannot be reached: Connection",
            ),
            Sees("cmp07"),
            Sees("12 of 12 shown"),
            Sees("◌ nova 1m"),
        ],
    );
    assert!(greyed(&stage), "{}", stage.text());
    walk(&mut stage, &[Press("3"), Sees("instances as of 1m ago"), Sees("25 of 25 shown"), Press("2")]);
    // Views inside are as old.
    for keys in ["<enter>", "v"] {
        stage.press(keys);
        assert!(greyed(&stage), "{}", stage.text());
        stage.press(if keys == "v" { "v" } else { "<esc>" });
    }
    // The first answer makes it news again.
    walk(&mut stage, &[Hear(facts::again), Lacks("as of"), Lacks("◌ nova")]);
    assert!(!greyed(&stage));
}

#[test]
fn what_nobody_reports_on_grows_stale_by_itself() {
    check("instances", &[Lacks("◌ nova"), Wait(300), Sees("◌ nova")]);
}

#[test]
fn no_frame_is_due_when_nothing_that_is_shown_has_changed() {
    let mut stage = Stage::new("instances", (120, 40), facts::cloud());
    let frames = stage.app.frames();
    assert!(!stage.app.is_dirty());
    let now = stage.now();
    stage.app.on_tick(now);
    assert!(!stage.app.is_dirty(), "the same second");
    for name in ["web-01", "web-17"] {
        let row = facts::instance(name);
        part(now, Delta::Instances(vec![row])).into_iter().for_each(|report| stage.app.on_report(report));
    }
    assert!(!stage.app.is_dirty(), "an answer that says what is known");
    becomes_error("web-01", now).into_iter().for_each(|report| stage.app.on_report(report));
    assert!(stage.app.is_dirty());
    assert_eq!(stage.app.frames(), frames);
}
