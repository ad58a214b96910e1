//! Filters: typed, mistyped, recalled, and in force while rows change.

use super::*;

#[test]
fn filters_as_the_language_has_them() {
    for (filter, count) in [
        ("web", 3),
        ("web shop", 3),
        ("!web", 22),
        ("status=ERROR", 1),
        ("status=ACTIVE host=cmp07", 2),
        ("status!=ACTIVE", 9),
        ("host=cmp1*", 9),
        ("name~^hpc-[12]$", 2),
        ("~^hpc-[12]$", 2),
        ("vcpus>8", 2),
        ("ram>=64GiB", 6),
        ("disk>=200GiB", 1),
        ("created<10m", 2),
        ("\"not enough hosts\"", 1),
        ("project=展示", 1),
        ("floating_ips=203.0.113.182", 1),
        ("locked=yes", 1),
        ("name=?", 1),
        ("verdict=warning", 3),
    ] {
        let mut stage = Stage::new("instances", (120, 40), facts::cloud());
        stage.press(&format!("/{}<enter>", filter.replace('<', "<lt>")));
        let expected = format!("{count} of 25 shown");
        assert!(stage.text().contains(&expected), "{filter}: not {expected}\n{}", stage.text());
    }
}

#[test]
fn a_filter_narrows_with_each_letter_and_esc_takes_it_back() {
    check(
        "instances",
        &[
            Press("/web"),
            Sees("3 of 25 shown"),
            Press("-17"),
            Sees("1 of 25 shown"),
            Press("<backspace>"),
            Sees("1 of 25 shown"),
            Press("<esc>"),
            Sees("25 of 25 shown"),
            // One that is in force comes back when another is given up.
            Press("/status=ACTIVE<enter>"),
            Sees("16 of 25 shown"),
            Press("/ hpc"),
            Sees("5 of 25 shown"),
            Press("<esc>"),
            Sees("16 of 25 shown"),
            Sees("/status=ACTIVE"),
        ],
    );
}

#[test]
fn a_wrong_column_is_named_while_it_is_typed() {
    check(
        "instances",
        &[
            Press("/statsu=ERROR"),
            Sees("there is no column `statsu`; did you mean `status`?"),
            // `enter` does not accept it, and it can be put right.
            Press("<enter>"),
            Sees("there is no column `statsu`"),
            Press("<home><right><right><right><right><right><backspace><right><backspace>us"),
            Press("<esc>"),
            Sees("25 of 25 shown"),
            Lacks("there is no column"),
        ],
    );
}

#[test]
fn filters_are_recalled_and_completed() {
    check(
        "instances",
        &[
            Press("/web<enter>/<ctrl-u>hpc<enter>/<ctrl-u><enter>"),
            Sees("25 of 25 shown"),
            Press("/<up>"),
            Sees("5 of 25 shown"),
            Press("<up>"),
            Sees("3 of 25 shown"),
            Press("<down><enter>"),
            Sees("5 of 25 shown"),
            Press("/<ctrl-u>stat<tab>"),
            Sees("/status="),
            Press("ERROR<enter>"),
            Sees("1 of 25 shown"),
        ],
    );
}

#[test]
fn a_filter_holds_for_what_comes_later() {
    check(
        "instances",
        &[
            Press("/status=ERROR<enter>"),
            Sees("1 of 25 shown"),
            Hear(|at| becomes_error("web-01", at)),
            Sees("2 of 25 shown"),
            Hear(|at| is_deleted("web-17", at)),
            Sees("1 of 24 shown"),
        ],
    );
}

#[test]
fn rows_grow_out_of_a_filter_over_ages() {
    check(
        "instances",
        &[Press("/created<lt>10m<enter>"), Sees("2 of 25 shown"), Wait(240), Sees("1 of 25 shown")],
    );
}

#[test]
fn a_row_that_a_filter_hid_gets_the_cursor_back() {
    check(
        "instances",
        &[Press("G"), Cursor("前端-01"), Press("/web"), Cursor("web-17"), Press("<esc>"), Cursor("前端-01")],
    );
}

#[test]
fn pasted_text_goes_into_a_prompt_and_nowhere_else() {
    let mut stage = Stage::new("instances", (120, 40), facts::cloud());
    let now = stage.now();
    assert!(stage.app.on_paste("q", now).is_empty());
    stage.press("/");
    stage.app.on_paste("web\n\x1b[31m-17", now);
    walk(&mut stage, &[Press("<enter>"), Sees("/web -17"), Sees("1 of 25 shown")]);
}
