//! The `:` palette: panes with a filter, columns to sort by, actions by name, themes.

use super::{App, Request};
use crate::action::Action;
use crate::pane::Go;
use crate::theme::Theme;

/// Words that are not an action's or a pane's name.
const WORDS: &[(&str, Action)] = &[("keys", Action::Help)];
/// They leave the program, wherever one is: to leave a view there is a key.
const LEAVE: [&str; 3] = ["q", "q!", "quit!"];

/// Everything that the palette understands, for completion: behind a pane's name the columns of its filter.
pub(super) fn candidates(app: &App, line: &str) -> Vec<String> {
    let first = line.split_once(char::is_whitespace).map(|(first, _)| first);
    if let Some(pane) = app.panes.iter().find(|pane| Some(pane.name()) == first) {
        return filter_candidates(&pane.columns());
    }
    let panes = app.panes.iter().map(|pane| pane.name().to_owned());
    let themes = Theme::NAMES.iter().map(|name| format!("theme {name}"));
    let actions = Action::ALL.iter().map(|action| action.name().to_owned());
    let words = WORDS.iter().map(|(word, _)| *word).chain(LEAVE).chain(["write"]).map(str::to_owned);
    let columns = app.panes.get(app.focus).map(|pane| pane.columns()).unwrap_or_default();
    let sorts = columns.into_iter().map(|column| format!("sort {column}"));
    panes.chain(themes).chain(sorts).chain(words).chain(actions).collect()
}

/// `write FILE`: what the pane holds.
fn write(app: &mut App, path: &str) -> Vec<Request> {
    if path.is_empty() {
        app.say("into which file? `:write FILE`");
        return Vec::new();
    }
    match app.with_pane(|pane, cx| pane.written(cx)).flatten() {
        Some((what, bytes)) => {
            app.tell(format!("writing {what} to {path}"));
            vec![Request::Write { path: path.into(), bytes }]
        }
        None => {
            app.say("there is nothing here that could be written to a file");
            Vec::new()
        }
    }
}

/// `sort COLUMN`, or `sort -COLUMN` from the greatest down.
fn sort(app: &mut App, rest: &str) {
    let (column, descending) = rest.strip_prefix('-').map_or((rest, false), |column| (column, true));
    let columns = app.panes.get(app.focus).map(|pane| pane.columns()).unwrap_or_default();
    if columns.contains(&column) {
        app.with_pane(|pane, cx| pane.list_mut().map(|list| list.sort(column, descending, cx)));
        return;
    }
    let near = crate::words::nearest(column, columns.iter().copied());
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    app.say(format!("there is no column `{column}`{near}"));
}

/// The beginnings of conditions.
pub(super) fn filter_candidates(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| format!("{column}=")).collect()
}

/// Carries out a line of the palette.
pub(super) fn run(app: &mut App, line: &str) -> Vec<Request> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    if word.is_empty() {
        return Vec::new();
    }
    if let Some(pane) = app.panes.iter().map(|pane| pane.name()).find(|name| *name == word) {
        app.go(Go { pane, ..Go::default() });
        if let Some(Err(error)) = app.with_pane(|pane, cx| pane.called(rest, cx)) {
            app.say(error);
        }
        return Vec::new();
    }
    if word == "compare" && !rest.is_empty() {
        app.go(Go { pane: "trace", ..Go::default() });
        if let Some(Err(error)) = app.with_pane(|pane, cx| pane.called(&format!("against {rest}"), cx)) {
            app.say(error);
        }
        return Vec::new();
    }
    if LEAVE.contains(&word) {
        return vec![Request::Exit];
    }
    if word == "theme" {
        match Theme::shipped(rest) {
            Some(Ok(theme)) => {
                app.theme = theme.at(app.depth);
                app.light = rest == "light";
            }
            Some(Err(error)) => app.say(error.to_string()),
            None => app.say(format!("there is no theme `{rest}`; there are {}", Theme::NAMES.join(", "))),
        }
        return Vec::new();
    }
    if matches!(word, "write" | "w") {
        return write(app, rest);
    }
    if word == "sort" {
        sort(app, rest);
        return Vec::new();
    }
    let known = WORDS.iter().find(|(name, _)| *name == word).map(|(_, action)| *action);
    if let Some(action) = known.or_else(|| Action::from_name(word)) {
        return app.act(action);
    }
    let all = candidates(app, word);
    let near = crate::words::nearest(word, all.iter().map(String::as_str));
    app.say(match near {
        Some(near) => format!("`{word}` is no pane and no command; near it: {near}"),
        None => format!("`{word}` is no pane and no command; `:` and tab show what there is"),
    });
    Vec::new()
}
