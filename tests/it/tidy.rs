//! The shape of the code: which module may know which, and what is absent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module, and those that it may name. Facts flow from `source` to `pane`, wishes the other way through
/// `request`; nothing that holds or shows facts knows a protocol. A new module needs a line here.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("words", &[]),
    ("exit", &[]),
    ("memory", &[]),
    ("model", &[]),
    ("action", &[]),
    ("cli", &[]),
    ("terminal", &["exit"]),
    ("report", &["model", "trace"]),
    ("request", &["model", "report"]),
    ("config", &["cli", "keymap", "theme", "ui", "words"]),
    ("signature", &["model"]),
    ("trace", &["model"]),
    ("history", &["model"]),
    ("source", &["config", "history", "model", "trace"]),
    ("collect", &["config", "history", "model", "report", "request", "signature", "source", "trace"]),
    ("feed", &["collect", "model", "report", "request", "source"]),
    ("table", &["model"]),
    ("store", &["model", "report", "signature", "table", "trace"]),
    ("series", &["model", "report", "store", "table"]),
    ("health", &["model", "report", "signature", "store", "table", "words"]),
    ("tables", &["health", "model", "report", "series", "store", "table", "trace", "ui"]),
    ("filter", &["model", "table", "words"]),
    ("keymap", &["action", "words"]),
    ("theme", &["words"]),
    ("ui", &["action", "filter", "model", "table", "theme", "words"]),
    (
        "pane",
        &[
            "action",
            "filter",
            "health",
            "model",
            "report",
            "request",
            "series",
            "signature",
            "store",
            "table",
            "tables",
            "theme",
            "trace",
            "ui",
        ],
    ),
    (
        "app",
        &[
            "action", "config", "filter", "health", "keymap", "model", "pane", "report", "request", "series",
            "store", "table", "tables", "theme", "ui", "words",
        ],
    ),
    ("run", &["app", "exit", "feed", "report", "request", "source", "terminal"]),
    // It stands apart: what it writes, nothing here reads but over HTTP.
    ("sim", &["words"]),
    (
        "word",
        &[
            "app",
            "cli",
            "collect",
            "config",
            "exit",
            "feed",
            "filter",
            "health",
            "history",
            "keymap",
            "pane",
            "report",
            "model",
            "request",
            "run",
            "series",
            "signature",
            "sim",
            "source",
            "store",
            "table",
            "tables",
            "terminal",
            "trace",
            "ui",
            "words",
        ],
    ),
];

/// What the pure part must not name: I/O, clocks, the terminal, waiting.
const PURE: &[&str] =
    &["model", "report", "request", "table", "store", "health", "filter", "series", "signature", "trace"];
const IMPURE: &[&str] = &[
    "tokio::",
    "reqwest::",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "::now()",
    "ratatui",
    "crossterm",
    ".await",
];

/// A source file: its module, its path below `src`, its lines without tests and comments.
struct File {
    module: String,
    path: PathBuf,
    lines: Vec<(usize, String)>,
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut |path| {
        let short = path.strip_prefix(&root).unwrap().to_owned();
        let first = short.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        let is_tests = short.file_stem().is_some_and(|stem| stem == "tests");
        if matches!(module.as_str(), "main" | "lib") || is_tests {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text
            .lines()
            .enumerate()
            // Tests stand at the end of a file.
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default().to_owned()))
            .collect();
        found.push(File { module, path: short, lines });
    });
    assert!(found.len() > 50, "the walk has lost its way: {} files", found.len());
    found
}

fn walk(dir: &Path, f: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, f);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            f(&path);
        }
    }
}

/// The modules of the crate that a line names: `crate::x`.
fn named(line: &str) -> Vec<String> {
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect())
        .filter(|word: &String| !word.is_empty())
        .collect()
}

#[test]
fn modules_know_only_what_they_may() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in files() {
        let Some((_, may)) = MAY_KNOW.iter().find(|(module, _)| *module == file.module) else {
            wrong.push(format!(
                "src/{}: module `{}` has no line in tests/it/tidy.rs",
                file.path.display(),
                file.module
            ));
            continue;
        };
        for (number, line) in &file.lines {
            for other in named(line) {
                seen.insert((file.module.clone(), other.clone()));
                if other != file.module && !may.contains(&other.as_str()) {
                    wrong.push(format!(
                        "src/{}:{number}: `{}` may not know `{other}`",
                        file.path.display(),
                        file.module
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The check sees what it is about.
    assert!(seen.contains(&("app".to_owned(), "pane".to_owned())), "no `use` lines were found");
}

#[test]
fn what_holds_facts_reads_no_clock_and_does_no_io() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| PURE.contains(&file.module.as_str())) {
        for (number, line) in &file.lines {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!("src/{}:{number}: `{word}`", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_simulated_cloud_and_its_story_read_no_clock_and_do_no_io() {
    let told = |file: &&File| {
        ["cloud", "genesis", "story"].iter().any(|part| file.path.starts_with(format!("sim/{part}")))
    };
    let files = files();
    let told: Vec<&File> = files.iter().filter(told).collect();
    assert!(told.len() > 20, "{} files", told.len());
    let mut wrong = Vec::new();
    for file in told {
        for (number, line) in &file.lines {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                wrong.push(format!("src/{}:{number}: `{word}`", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "one seed must tell one story:\n{}", wrong.join("\n"));
}

#[test]
fn panes_and_app_do_not_wait() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| ["app", "pane", "ui"].contains(&file.module.as_str())) {
        for (number, line) in &file.lines {
            for word in [".await", "async ", "::now()", "std::fs", "tokio::"]
                .iter()
                .filter(|word| line.contains(**word))
            {
                wrong.push(format!("src/{}:{number}: `{word}`", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_apply_writes_facts() {
    // Every field that holds rows may be read by all; `&mut` to the store exists in the app and in one-shot
    // words alone, and both only call `apply` and `reset` on it.
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !["store", "health"].contains(&file.module.as_str())) {
        for (number, line) in &file.lines {
            if line.contains("&mut Store") {
                wrong.push(format!("src/{}:{number}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "somebody else writes facts:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = files()
        .iter()
        .filter(|file| file.lines.len() > 450)
        .map(|file| format!("src/{}: {} lines", file.path.display(), file.lines.len()))
        .collect();
    assert!(long.is_empty(), "split by noun:\n{}", long.join("\n"));
}
