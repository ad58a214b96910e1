//! Hosts as a tree.

use super::*;

#[test]
fn hosts_as_a_tree_of_zones_and_aggregates() {
    check(
        "hypervisors",
        &[
            Press("v"),
            Order(&[
                "RegionOne",
                "az-a",
                "gpu",
                "cmp03",
                "rack-a",
                "cmp04",
                "az-b",
                "rack-b",
                "cmp07",
                "ssd",
                "cmp11",
            ]),
            // cmp03 stands under both of its aggregates, and counts once in its zone; cmp12 stands in none.
            Sees("5 of 6 up"),
            Order(&["gpu", "● cmp03", "rack-a", "● cmp01", "● cmp03"]),
            Order(&["▾ ● nova", "(no aggregate)", "cmp12"]),
            Cursor("RegionOne"),
            Press("<space>"),
            Lacks("az-a"),
            Press("<space>"),
            Press("jjj"),
            Cursor("cmp03"),
            Press("<enter>"),
            Sees("Hypervisors › cmp03"),
            Press("<esc>"),
            Cursor("cmp03"),
            Press("i"),
            Sees("/host=cmp03"),
            Press("<esc>"),
            Cursor("cmp03"),
            // Left goes up, then closes; right and `enter` open.
            Press("h"),
            Cursor("gpu"),
            Press("hh"),
            Cursor("▾ ▲ az-a"),
            Press("h"),
            Cursor("▸ ▲ az-a"),
            Press("<enter>"),
            Cursor("▾ ▲ az-a"),
            Press("v"),
            Sees("VMS"),
        ],
    );
}

#[test]
fn the_tree_keeps_its_cursor_while_hosts_change() {
    check(
        "hypervisors",
        &[
            Press("vjjjjjjj"),
            Cursor("cmp02"),
            Hear(|at| goes_down("cmp03", at)),
            Order(&["rack-a", "✖ cmp03", "cmp02"]),
            Cursor("cmp02"),
        ],
    );
}

#[test]
fn the_tree_shows_what_the_filter_leaves() {
    check(
        "hypervisors",
        &[
            Press("v/cmp03<enter>"),
            Order(&["az-a", "gpu", "cmp03", "rack-a"]),
            Lacks("az-b"),
            Lacks("cmp04"),
            Press("/<ctrl-u><enter>"),
            Sees("az-b"),
        ],
    );
}
