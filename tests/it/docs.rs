//! What the documents say, held against the code.
//!
//! Tables that are derived stand between `<!-- NAME -->` and `<!-- end -->`. With `INSTA_UPDATE=always`
//! the tests write them anew; a review then sees what changed.

use std::fmt::Write;
use std::path::Path;

use stackwatch::keymap::Keymap;
use stackwatch::table::Table;
use stackwatch::tables::TABLES;
use stackwatch::tables::trend::POINTS;
use stackwatch::tables::usage;

/// Holds the part of a document that is derived against what the code says now.
fn holds(file: &str, name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let (begin, end) = (format!("<!-- {name} -->\n"), "<!-- end -->");
    let start = text.find(&begin).unwrap_or_else(|| panic!("{file} has no `{}`", begin.trim())) + begin.len();
    let stop =
        start + text[start..].find(end).unwrap_or_else(|| panic!("{file}: `{}` never ends", begin.trim()));
    if text[start..stop] == *expected {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, format!("{}{expected}{}", &text[..start], &text[stop..])).unwrap();
        return;
    }
    panic!(
        "{file}: the part `{name}` is out of date; `INSTA_UPDATE=always cargo test docs` writes it anew. Expected:\n{expected}"
    );
}

fn columns<C: ?Sized>(table: &Table<C>) -> String {
    let mut text = String::from("| column | unit | origin |\n|---|---|---|\n");
    for column in table.columns {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "| `{}` | {} | {} |", column.name, column.unit, column.origin.replace('|', "\\|"));
    }
    text
}

#[test]
fn json_md_names_every_column_with_unit_and_origin() {
    for listed in TABLES {
        holds("docs/json.md", listed.table.name, &columns(listed.table));
    }
    holds("docs/json.md", "trend", &columns(&POINTS));
    holds("docs/json.md", usage::TABLE.name, &columns(&usage::TABLE));
    holds("docs/json.md", usage::SERVERS.name, &columns(&usage::SERVERS));
}

#[test]
fn every_column_says_where_it_comes_from() {
    for listed in TABLES {
        says_where_it_comes_from(listed.table);
    }
    says_where_it_comes_from(&usage::TABLE);
    says_where_it_comes_from(&usage::SERVERS);
}

fn says_where_it_comes_from<C: ?Sized>(table: &Table<C>) {
    for column in table.columns {
        let known =
            ["nova ", "keystone ", "placement ", "neutron ", "cinder ", "glance ", "rabbitmq ", "derived: "];
        assert!(
            known.iter().any(|source| column.origin.starts_with(source)),
            "{}.{}: origin `{}`",
            table.name,
            column.name,
            column.origin
        );
    }
    let sort = table.sort.0;
    assert!(table.column(sort).is_some(), "{} is sorted by `{sort}`, which it has not", table.name);
}

#[test]
fn the_readme_s_key_table_is_the_keymap_s() {
    holds("README.md", "keys", &Keymap::shipped("default").unwrap().unwrap().markdown());
}

#[test]
fn the_readme_names_both_commands() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for command in ["tests/run", "cargo run"] {
        assert!(readme.contains(command), "README.md does not name `{command}`");
    }
    let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    assert!(ci.contains("tests/run"), ".ci/run does not call the README's test command");
}

#[test]
fn documents_name_no_file_that_is_not_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/json.md", "tests/cloud/README.md"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        // `src/x.rs`, `tests/run`, `assets/y.toml` in backquotes; patterns with a star or a brace are no names.
        for word in text.split('`').skip(1).step_by(2) {
            let is_path =
                ["src/", "tests/", "assets/", "keymaps/", "docs/", "benches/", "screenshots/", ".ci/"]
                    .iter()
                    .any(|dir| word.starts_with(dir));
            let path = word.split(' ').next().unwrap_or_default();
            if is_path && !path.contains(['*', '{', '<', '…']) {
                checked += 1;
                assert!(root.join(path).exists(), "{file} names `{path}`, which is not there");
            }
        }
        // Links to files beside the document.
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.contains("://") && !target.starts_with('#') {
                checked += 1;
                let here =
                    root.join(file).parent().unwrap().join(target.split('#').next().unwrap_or_default());
                assert!(here.exists(), "{file} links to `{target}`, which is not there");
            }
        }
    }
    assert!(checked > 20, "only {checked} names were found in the documents");
}
