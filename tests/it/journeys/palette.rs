//! The `:` palette.

use super::*;

#[test]
fn the_palette_opens_a_pane_with_a_filter_and_esc_leads_back() {
    check(
        "hypervisors",
        &[
            Press(":instances host=cmp07 status=ACTIVE<enter>"),
            Sees("2 of 25 shown"),
            Sees("Hypervisors › Instances"),
            Press("<esc>"),
            Sees("12 of 12 shown"),
            Press("3"),
            Sees("25 of 25 shown"),
            // Of a filter that is wrong the pane says what.
            Press(":instances hots=cmp07<enter>"),
            Sees("there is no column `hots`; did you mean `host`?"),
        ],
    );
}

#[test]
fn the_palette_names_what_is_near_and_completes() {
    check(
        "hypervisors",
        &[
            Press(":instnaces<enter>"),
            Sees("`instnaces` is no pane and no command; near it: instances"),
            Press(":xyzzy<enter>"),
            Sees("`xyzzy` is no pane and no command; `:` and tab show what there is"),
            Press(":inst<tab>"),
            Sees(":instances"),
            Press("<enter>"),
            Sees("25 of 25 shown"),
            Press(":theme m<tab><enter>:theme nosuch<enter>"),
            Sees("there is no theme `nosuch`; there are dark, light, mono, colorblind"),
            // Any action by its name.
            Press(":sources<enter>"),
            Sees("keystone"),
            Press("<esc>:<esc>"),
            Lacks("keystone  "),
            Press(":q<enter>"),
        ],
    );
}

#[test]
fn the_palette_remembers_its_lines() {
    check(
        "hypervisors",
        &[
            Press(":instances status=ERROR<enter>"),
            Sees("1 of 25 shown"),
            Press("2:<up><enter>"),
            Sees("1 of 25 shown"),
        ],
    );
}

#[test]
fn a_theme_changes_at_once() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::cloud());
    for name in ["dark", "light", "colorblind"] {
        stage.press(&format!(":theme {name}<enter>"));
        let theme = Theme::shipped(name).unwrap().unwrap();
        // The sign of cmp07, which is down.
        let sign = &stage.buffer()[(1, 4)];
        assert_eq!((sign.symbol(), Some(sign.fg)), ("✖", theme.style(Role::Crit).fg), "{name}");
        assert_eq!(stage.app.is_light(), name == "light");
    }
}

#[test]
fn q_in_the_palette_leaves_wherever_one_is() {
    for way in [":q<enter>", ":instances<enter>:q<enter>", "<enter>:q<enter>", "v3<enter>:q!<enter>"] {
        let mut stage = Stage::new("hypervisors", (120, 40), facts::cloud());
        assert_eq!(stage.press(way), [Request::Exit], "{way}");
    }
}

#[test]
fn behind_a_pane_the_palette_completes_its_columns() {
    check(
        "hypervisors",
        &[
            Press(":instances proj<tab>"),
            Sees(":instances project="),
            Press("shop sta<tab>"),
            Sees(":instances project=shop status="),
            Press("ERROR<enter>"),
            Sees("1 of 25 shown"),
        ],
    );
}

#[test]
fn a_theme_of_the_palette_is_one_that_the_terminal_can_show() {
    let mut looks = looks("mono", "default", Look::new(false, 1));
    looks.depth = Depth::Basic;
    let mut stage = Stage::with(looks, "hypervisors", (80, 24), facts::cloud());
    stage.press(":theme dark<enter>");
    let full = |color| matches!(color, Color::Rgb(..) | Color::Indexed(_));
    assert!(stage.buffer().content.iter().all(|cell| !full(cell.fg) && !full(cell.bg)));
}
