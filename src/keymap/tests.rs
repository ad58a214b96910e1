use super::*;

fn press(map: &Keymap, pane: &str, keys: &str) -> Vec<Step> {
    let mut pending = Pending::default();
    parse_keys(keys).unwrap().into_iter().map(|key| map.feed(&mut pending, pane, key)).collect()
}

#[test]
fn shipped_keymaps_load() {
    for name in Keymap::NAMES {
        let map = Keymap::shipped(name).unwrap();
        assert!(map.is_ok(), "{name}: {}", map.unwrap_err());
    }
}

#[test]
fn sequences_and_what_breaks_them() {
    let map = Keymap::shipped("default").unwrap().unwrap();
    let top = [Step::Pending, Step::Action(Action::Top)];
    assert_eq!(press(&map, "instances", "gg"), top);
    // `j` ends the sequence that `g` began, and still moves.
    assert_eq!(press(&map, "instances", "gj"), [Step::Pending, Step::Action(Action::Down)]);
    assert_eq!(press(&map, "instances", "<ctrl-d>"), [Step::Action(Action::HalfPageDown)]);
    assert_eq!(press(&map, "instances", "G"), [Step::Action(Action::Bottom)]);
    // `esc` takes the beginning back, and does not leave the view as well.
    assert_eq!(press(&map, "instances", "g<esc>"), [Step::Pending, Step::None]);
    assert_eq!(press(&map, "instances", "<esc>"), [Step::Action(Action::Back)]);
}

/// A pane's key may hide a global one, and then the global one is nowhere shown there.
#[test]
fn a_pane_lies_over_global() {
    // The pane's binding, keys pressed there, what they do there, and in another pane; the global action that
    // loses its key.
    for (binding, keys, here, elsewhere, lost) in [
        ("r = \"copy\"", "r", &[Action::Copy][..], &[Action::Refresh][..], Some(Action::Refresh)),
        // Shorter than the global one …
        ("g = \"copy\"", "g", &[Action::Copy], &[], None),
        // … and longer.
        (
            "\"r r\" = \"copy\"",
            "rr",
            &[Action::Copy],
            &[Action::Refresh, Action::Refresh],
            Some(Action::Refresh),
        ),
        ("\"g x\" = \"copy\"", "gx", &[Action::Copy], &[], None),
    ] {
        let map = Keymap::with_file(&format!("[instances]\n{binding}\n"), "k.toml").unwrap();
        let actions = |pane| -> Vec<Action> {
            let done = press(&map, pane, keys).into_iter();
            done.filter_map(|step| if let Step::Action(action) = step { Some(action) } else { None })
                .collect()
        };
        assert_eq!(actions("instances"), here, "{binding}");
        assert_eq!(actions("hypervisors"), elsewhere, "{binding}");
        let help = map.help("instances");
        let copies = help.iter().find(|(_, action)| *action == Action::Copy).unwrap();
        assert_eq!(copies.0, format!("{keys} y"), "{binding}");
        if let Some(lost) = lost {
            assert!(help.iter().all(|(_, action)| *action != lost), "{binding}: {help:?}");
            assert!(map.help("hypervisors").iter().any(|(_, action)| *action == lost), "{binding}");
        }
    }
    // `gg` cannot be pressed where `g` alone does something; `home` still can.
    let map = Keymap::with_file("[instances]\ng = \"copy\"\n", "k.toml").unwrap();
    let top = map.help("instances").into_iter().find(|(_, action)| *action == Action::Top);
    assert_eq!(top, Some(("home".to_owned(), Action::Top)));
}

#[test]
fn what_help_shows_is_what_the_keys_do() {
    for name in Keymap::NAMES {
        let map = Keymap::shipped(name).unwrap().unwrap();
        for pane in SECTIONS.iter().filter(|section| **section != "global") {
            for (keys, action) in map.help(pane) {
                for sequence in keys.split(' ') {
                    // A named key stands alone; `gt` is a sequence, though `gt` names a key as well.
                    let named = Chord::parse(sequence).filter(|chord| chord.to_string() == sequence);
                    let named = named.filter(|_| sequence.chars().count() > 1);
                    let typed = named.map_or(sequence.to_owned(), |chord| format!("<{chord}>"));
                    let last = press(&map, pane, &typed).pop();
                    assert_eq!(last, Some(Step::Action(action)), "{name}, {pane}: {sequence}");
                }
            }
        }
    }
}

#[test]
fn the_footer_begins_with_what_is_needed_most() {
    let map = Keymap::shipped("default").unwrap().unwrap();
    for (pane, expected) in [
        (
            "hypervisors",
            "/ filter  : command  ? keys  enter open  i instances  Q queue  l logs  v tree  space fold  s sort",
        ),
        (
            "instances",
            "/ filter  : command  ? keys  enter open  e events  c console  t trace  l logs  o host  p project",
        ),
    ] {
        let hints = map.hints(pane).into_iter().map(|(keys, action)| format!("{keys} {}", action.label()));
        let line = hints.collect::<Vec<_>>().join("  ");
        assert!(line.starts_with(expected), "{line}");
        assert!(line.ends_with("esc back  q quit"), "{line}");
    }
}

/// vim's own meanings are not bent: its fingers press these without looking.
#[test]
fn vim_fingers_find_what_they_know_and_nothing_else() {
    let map = Keymap::shipped("vim").unwrap().unwrap();
    for (keys, expected) in [
        ("ZZ", Some(Action::Quit)),
        ("gg", Some(Action::Top)),
        ("gt", Some(Action::NextPane)),
        ("yy", Some(Action::Copy)),
        ("za", Some(Action::ToggleNode)),
        ("<ctrl-o>", Some(Action::Back)),
        // A filter leaves matches only: the next one is `j`. Without a filter there is none to go to.
        ("n", None),
        ("N", None),
        // To the first and last line of the screen, which is no page up or down.
        ("H", None),
        ("L", None),
    ] {
        let last = press(&map, "hypervisors", keys).pop();
        assert_eq!(last, Some(expected.map_or(Step::None, Step::Action)), "{keys}");
    }
}

#[test]
fn mistakes_have_a_place_and_a_neighbour() {
    for (text, parts) in [
        ("[global]\nr = \"refersh\"\n", ["k.toml:2:5", "`refresh`"]),
        ("[instnaces]\nr = \"refresh\"\n", ["k.toml:1:2", "`instances`"]),
        ("[global]\nctrl-hyper-x = \"refresh\"\n", ["k.toml:2:1", "no key"]),
        ("[global]\nentr = \"refresh\"\n", ["k.toml:2:1", "did you mean `enter`?"]),
        ("[global]\n\"g ctrl-hoem\" = \"top\"\n", ["k.toml:2:1", "did you mean `ctrl-home`?"]),
        ("[global]\n\"\" = \"refresh\"\n", ["k.toml:2:1", "no key"]),
        ("[global]\ng = \"top\"\n\"g g\" = \"bottom\"\n", ["k.toml:3:1", "begin alike"]),
        ("[global]\nr = \"refresh\"\nr = \"copy\"\n", ["k.toml:3:1", "duplicate"]),
        // The same key in two spellings.
        ("[global]\nR = \"refresh\"\n\"shift-r\" = \"copy\"\n", ["k.toml:3:1", "bound twice"]),
        ("[global\n", ["k.toml:1:", ""]),
    ] {
        let error = Keymap::with_file(text, "k.toml").unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}

#[test]
fn every_key_of_a_keymap_reads_back() {
    for word in [
        "j",
        "G",
        "ctrl-d",
        "alt-b",
        "ctrl-alt-x",
        "ctrl--",
        "enter",
        "f5",
        "space",
        "backtab",
        "/",
        ":",
        "?",
    ] {
        let chord = Chord::parse(word).unwrap();
        assert_eq!(chord.to_string(), word);
        assert_eq!(Chord::from_event(chord.event()), Some(chord));
    }
}
