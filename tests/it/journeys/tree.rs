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

#[test]
fn the_way_to_a_host_leads_to_its_place_in_the_tree() {
    check(
        "hypervisors",
        &[
            Press("v3/web-02<enter>o"),
            Cursor("cmp08"),
            Sees("Instances › Hypervisors"),
            // Also where the branch was closed.
            Press("hhh<esc>o"),
            Cursor("cmp08"),
        ],
    );
}

#[test]
fn a_host_in_the_tree_has_whole_figures_at_any_width() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::cloud());
    stage.press("v");
    for width in 80..=200 {
        stage.resize(width, 40);
        // Built for a width that was drawn: the next second at the latest.
        stage.wait(1);
        walk(&mut stage, &[Sees("5 VMs  vCPU     62/64  RAM 220.0/380.0 GiB")]);
    }
}
