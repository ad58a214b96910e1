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
}

#[test]
fn a_pane_lies_over_global() {
    let map = Keymap::with_file("[instances]\nr = \"copy\"\n", "k.toml").unwrap();
    assert_eq!(press(&map, "instances", "r"), [Step::Action(Action::Copy)]);
    assert_eq!(press(&map, "hypervisors", "r"), [Step::Action(Action::Refresh)]);
}

#[test]
fn mistakes_have_a_place_and_a_neighbour() {
    for (text, parts) in [
        ("[global]\nr = \"refersh\"\n", ["k.toml:2:5", "`refresh`"]),
        ("[instnaces]\nr = \"refresh\"\n", ["k.toml:1:2", "`instances`"]),
        ("[global]\nctrl-hyper-x = \"refresh\"\n", ["k.toml:2:1", "no key"]),
        ("[global]\ng = \"top\"\n\"g g\" = \"bottom\"\n", ["k.toml:3:1", "begin alike"]),
        ("[global]\nr = \"refresh\"\nr = \"copy\"\n", ["k.toml:3:1", "duplicate"]),
        ("[global\n", ["k.toml:1:", ""]),
    ] {
        let error = Keymap::with_file(text, "k.toml").unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}

#[test]
fn every_key_of_a_keymap_reads_back() {
    for word in ["j", "G", "ctrl-d", "alt-b", "enter", "f5", "space", "backtab", "/", ":", "?"] {
        let chord = Chord::parse(word).unwrap();
        assert_eq!(chord.to_string(), word);
        assert_eq!(Chord::from_event(chord.event()), Some(chord));
    }
}
