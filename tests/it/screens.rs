//! A picture of every pane at three sizes, over facts, over none, and with all sources down; and what holds
//! for any frame of any size.

use std::path::Path;

use ratatui::style::Color;
use stackwatch::action::Action;
use stackwatch::pane;
use stackwatch::report::Report;
use stackwatch::theme::{Look, Role, Theme};
use stackwatch::ui::svg::svg;
use unicode_width::UnicodeWidthStr;

use crate::support::facts;
use crate::support::stage::{Stage, looks};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// Holds a frame against its picture in `snapshots/`.
fn picture(name: &str, stage: &Stage) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, stage.text());
    });
}

/// Every pane there is, at every size: a new one gets its pictures by itself.
fn walk(state: &str, reports: fn() -> Vec<Report>) {
    for pane in pane::names() {
        for size in SIZES {
            let stage = Stage::new(pane, size, reports());
            picture(&format!("{pane}-{state}-{}x{}", size.0, size.1), &stage);
        }
    }
}

#[test]
fn every_pane_over_facts() {
    walk("facts", facts::cloud);
}

#[test]
fn every_pane_before_anything_was_heard() {
    walk("silence", facts::silence);
}

#[test]
fn every_pane_with_all_sources_down() {
    walk("all-down", facts::all_down);
}

#[test]
fn every_pane_over_sources_that_never_answered() {
    walk("never-had", facts::never_had);
}

#[test]
fn nothing_known_is_not_counted_as_nothing() {
    for pane in pane::names() {
        for reports in [facts::silence(), facts::never_had()] {
            let text = Stage::new(pane, (120, 40), reports).text();
            assert!(text.contains("nothing is known yet"), "{text}");
            for word in ["0 of 0", " 0 hosts", " 0 instances", "there are no"] {
                assert!(!text.contains(word), "{word:?} in\n{text}");
            }
        }
    }
}

/// Views inside panes and over them: the picture's name, the pane, the keys that lead there.
const VIEWS: &[(&str, &str, &str)] = &[
    ("hypervisors-details", "hypervisors", "<enter>"),
    ("hypervisors-details-unread", "hypervisors", "/host=cmp05<enter><enter>"),
    ("hypervisors-tree", "hypervisors", "v"),
    ("hypervisors-tree-closed", "hypervisors", "v<space>"),
    ("hypervisors-none-match", "hypervisors", "/nowhere<enter>"),
    ("instances-details", "instances", "<enter>"),
    ("instances-details-addresses", "instances", "/lb-01<enter><enter>"),
    ("instances-details-hostile", "instances", "/evil<enter><enter>"),
    ("instances-details-partial", "instances", "/status=UNKNOWN<enter><enter>"),
    ("instances-events", "instances", "e"),
    ("instances-events-under-way", "instances", "/lb-01<enter>e"),
    ("instances-console", "instances", "/lb-01<enter>c"),
    ("instances-of-a-host", "hypervisors", "/cmp01<enter>i"),
    ("trace", "instances", "/web-17<enter>t"),
    ("trace-by-time", "instances", "/web-17<enter>tv"),
    ("trace-record", "instances", "/web-17<enter>td"),
    ("trace-around", "instances", "/web-17<enter>t<enter>"),
    ("trace-filtered", "instances", "/web-17<enter>t/placement<enter>"),
    ("trace-of-a-request", "instances", "/web-17<enter>tggj"),
    ("trace-compared", "instances", ":compare lb-01 web-17<enter>"),
    ("trace-known", "instances", "/web-17<enter>tgg<enter>j"),
    ("trace-nothing-found", "instances", "/lb-01<enter>t"),
    ("trace-nobody-named", "instances", ":trace<enter>"),
    ("quotas-details", "quotas", "<enter>"),
    ("quotas-details-users", "quotas", "<enter>G<ctrl-u>"),
    ("quotas-details-swift", "quotas", "<enter><ctrl-f><ctrl-f>"),
    ("quotas-details-refused", "quotas", "/ci<enter><enter>"),
    ("quotas-of-an-instance", "instances", "/erp-db<enter>Q"),
    ("quotas-instances", "quotas", "/analytics<enter>i"),
    ("rabbitmq-details", "rabbitmq", "<enter>"),
    ("rabbitmq-details-well", "rabbitmq", "/compute.cmp01<enter><enter>"),
    ("rabbitmq-cluster", "rabbitmq", "n"),
    ("rabbitmq-tree", "rabbitmq", "v"),
    ("rabbitmq-tree-folded", "rabbitmq", "vGk<space>"),
    ("rabbitmq-queue-of-a-host", "hypervisors", "/cmp07<enter>Q"),
    ("logs-paused", "logs", "<space>kkk"),
    ("logs-record", "logs", "N<enter>"),
    ("logs-traceback", "logs", "/level=ERROR host=ctl02<enter>N<enter>"),
    ("logs-filtered", "logs", "/level>=WARNING<enter>"),
    ("logs-none-match", "logs", "/nowhere<enter>"),
    ("logs-kinds", "logs", "f"),
    ("logs-traffic", "logs", "a"),
    ("logs-of-a-kind", "logs", "fs<enter>"),
    ("logs-wrapped", "logs", "w"),
    ("logs-of-a-host", "hypervisors", "/cmp07<enter>l"),
    ("filter-typed", "instances", "/status=ERR"),
    ("filter-error", "instances", "/statsu=ERROR"),
    ("palette-completion", "instances", ":th<tab>"),
    ("palette-unknown", "instances", ":hypervisros<enter>"),
    ("help", "instances", "?"),
    ("sources", "instances", "!"),
];

#[test]
fn every_view_at_eighty_columns() {
    for (name, pane, keys) in VIEWS {
        let mut stage = Stage::new(pane, (80, 24), facts::cloud());
        stage.press(keys);
        picture(&format!("view-{name}"), &stage);
    }
}

/// What a terminal may be short of: UTF-8, or cells for characters of ambiguous width.
#[test]
fn every_pane_on_terminals_that_draw_less() {
    for (name, look) in [("ascii", Look::new(true, 1)), ("ambiguous-wide", Look::new(false, 2))] {
        for pane in pane::names() {
            let stage = Stage::with(looks("mono", "default", look), pane, (80, 24), facts::cloud());
            picture(&format!("{pane}-{name}"), &stage);
        }
    }
}

#[test]
fn several_clouds_to_choose_from() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::silence());
    stage.app.choose(["prod/RegionOne", "prod/RegionTwo", "staging"].map(str::to_owned).to_vec());
    stage.press("j");
    picture("view-chooser", &stage);
}

#[test]
fn the_sources_with_all_of_them_down() {
    let mut stage = Stage::new("hypervisors", (80, 24), facts::all_down());
    stage.press("!");
    picture("view-sources-all-down", &stage);
}

/// The pictures of the README are frames. `INSTA_UPDATE=always` writes them anew, as it does the snapshots.
#[test]
fn screenshots_are_what_the_dashboard_draws() {
    for (name, pane, keys) in [
        ("hypervisors", "hypervisors", ""),
        ("instances", "instances", ""),
        ("quotas", "quotas", ""),
        ("rabbitmq", "rabbitmq", ""),
        ("trace", "instances", "t"),
        ("logs", "logs", ""),
    ] {
        let mut stage = Stage::with(
            looks("dark", "default", Look::new(false, 1)),
            pane,
            (120, 34),
            facts::without("evil", facts::cloud()),
        );
        stage.press(keys);
        let svg = svg(stage.buffer(), false);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots").join(format!("{name}.svg"));
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &svg).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == svg, "{} shows another frame than\n{}", path.display(), stage.text());
    }
}

#[test]
fn a_pane_has_a_section_for_its_keys() {
    for pane in pane::names() {
        assert!(stackwatch::keymap::SECTIONS.contains(&pane), "{pane}");
    }
}

/// Keys that open each view there is.
const WAYS: [&str; 20] = [
    "",
    "<enter>",
    "v",
    "e",
    "c",
    "?",
    "!",
    ":th<tab>",
    "/statsu=1",
    "/nothing<enter>",
    "i",
    "n",
    "Q",
    "t",
    "tv",
    "t<enter>",
    ":trace<enter>",
    "f",
    "w",
    "l",
];

/// Holds a frame against what holds for any frame: wide characters whole and inside, nothing that a terminal
/// would obey, no remains of an escape sequence that was not taken out as one.
fn sound(stage: &Stage, when: &str) {
    let buffer = stage.buffer();
    let area = buffer.area;
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            let width = symbol.width().max(1) as u16;
            assert!(x + width <= area.width, "{when}: {symbol:?} is cut at the right edge of line {y}");
            for behind in x + 1..x + width {
                assert_eq!(buffer[(behind, y)].symbol(), " ", "{when}: {symbol:?} is overdrawn in line {y}");
            }
            assert!(!symbol.chars().any(obeyed), "{when}: {symbol:?} in line {y}");
            x += width;
        }
    }
    let text = stage.text();
    for remains in ["[31m", "[2J", "]52;", "aGFja2Vk", "]0;"] {
        assert!(!text.contains(remains), "{when}: {remains} in\n{text}");
    }
}

/// Control characters, and those that turn text around or hide.
fn obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

#[test]
fn no_frame_of_any_size_is_torn_or_obeyed() {
    for pane in pane::names() {
        for keys in WAYS {
            let mut stage = Stage::new(pane, (80, 24), facts::hostile()).hostile();
            stage.press(keys);
            // Every width for the list; a few for the views inside.
            let step = if keys.is_empty() { 1 } else { 23 };
            for width in (60..=200).step_by(step) {
                let height = [16, 24, 30, 60][width as usize % 4];
                stage.resize(width, height);
                sound(&stage, &format!("{pane} {keys} {width}x{height}"));
            }
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_is_told_so_in_its_own_width() {
    for (width, height) in [(20, 5), (59, 16), (60, 15), (1, 1)] {
        let stage = Stage::new("hypervisors", (width, height), facts::cloud());
        sound(&stage, &format!("{width}x{height}"));
        if width >= 20 {
            let words = stage.text().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                words.contains(&format!("needs 60x16 cells; this terminal has {width}x{height}")),
                "{words}"
            );
        }
    }
}

/// ASCII alone where the locale has no more; where characters of ambiguous width are wide, none of those.
#[test]
fn terminals_that_draw_less_get_nothing_that_they_cannot_draw() {
    for pane in pane::names() {
        for keys in WAYS {
            for (ascii, ambiguous) in [(true, 1), (false, 2)] {
                let looks = looks("mono", "default", Look::new(ascii, ambiguous));
                let mut stage = Stage::with(looks, pane, (140, 30), facts::hostile()).hostile();
                stage.press(keys);
                for cell in &stage.buffer().content {
                    let symbol = cell.symbol();
                    let fine = if ascii { symbol.is_ascii() } else { symbol.width_cjk() == symbol.width() };
                    assert!(fine, "{pane} {keys}: {symbol:?} in\n{}", stage.text());
                }
            }
        }
    }
}

#[test]
fn the_header_names_the_cloud_and_the_age_of_what_is_asked_often() {
    for (state, reports) in [("facts", facts::cloud()), ("all-down", facts::all_down())] {
        let mut stage = Stage::new("hypervisors", (80, 24), reports);
        for width in 80..=200 {
            stage.resize(width, 24);
            let text = stage.text();
            let header = text.lines().next().unwrap_or_default();
            assert!(header.contains("prod/RegionOne"), "{state} {width}: {header}");
            // Aggregates are five minutes old, hosts eight seconds.
            assert!(state != "facts" || header.contains("nova 8s"), "{width}: {header}");
        }
    }
}

/// Names of wide and of joined characters leave every column where its heading is.
#[test]
fn columns_stay_under_their_headings() {
    const LEFT: [&str; 8] = ["NAME", "ID", "STATUS", "TASK", "PROJECT", "HOST", "FLAVOR", "IP"];
    let mut stage = Stage::new("instances", (60, 40), facts::cloud());
    for width in 60..=139 {
        stage.resize(width, 40);
        let buffer = stage.buffer();
        let symbol = |x: u16, y: u16| buffer[(x, y)].symbol();
        let heading: String = (0..width).map(|x| symbol(x, 3)).collect();
        for title in LEFT {
            let Some(x) = heading.find(&format!(" {title} ")).map(|at| at as u16 + 1) else { continue };
            for y in 4..4 + facts::cloud_size() {
                assert_eq!(symbol(x - 1, y), " ", "{title} at {width}, line {y}:\n{}", stage.text());
                assert_ne!(symbol(x, y), " ", "{title} at {width}, line {y}:\n{}", stage.text());
            }
        }
        assert!(heading.contains(" NAME ") && heading.contains(" STATUS "), "{heading}");
    }
}

#[test]
fn a_footer_ends_with_a_whole_word() {
    for pane in pane::names() {
        let mut stage = Stage::new(pane, (60, 24), facts::cloud());
        for width in 60..=200 {
            stage.resize(width, 24);
            let footer = stage.text().lines().last().unwrap_or_default().to_owned();
            let hints = footer.split("  ").map(str::trim).filter(|hint| !hint.is_empty());
            for hint in hints {
                let label = hint.split_once(' ').map(|(_, label)| label);
                assert!(Action::ALL.iter().any(|action| label == Some(action.label())), "{width}: {hint:?}");
            }
            for needed in ["/ filter", ": command", "? keys"] {
                assert!(footer.contains(needed), "{width}: {footer}");
            }
        }
    }
}

/// Colour goes with the sign: on a row that is in trouble its name and its state wear it, and nothing else.
#[test]
fn trouble_is_coloured_where_it_is_named() {
    let stage =
        Stage::with(looks("dark", "default", Look::new(false, 1)), "hypervisors", (120, 40), facts::cloud());
    let theme = Theme::shipped("dark").unwrap().unwrap();
    let buffer = stage.buffer();
    let heading: String = (0..120).map(|x| buffer[(x, 3)].symbol()).collect();
    let at = |title: &str| heading.find(title).unwrap() as u16;
    // cmp07 is down, cmp04 forced down, cmp02 disabled, cmp01 well.
    for (y, name, state) in [
        (4, Role::Crit, Role::Crit),
        (5, Role::Warn, Role::Warn),
        (8, Role::Dim, Role::Dim),
        (9, Role::Text, Role::Ok),
    ] {
        for (x, role) in [(at("HOST"), name), (at("STATE"), state), (at("ZONE"), Role::Text)] {
            let fg = theme.style(role).fg.unwrap_or(Color::Reset);
            assert_eq!(buffer[(x, y)].fg, fg, "line {y}, cell {x}:\n{}", stage.text());
        }
    }
}
