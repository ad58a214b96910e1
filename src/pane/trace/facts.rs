//! What the APIs know of an instance beside its row: a branch of the tree, each thing a line.

use ratatui::text::{Line, Span};

use crate::health::Verdict;
use crate::pane::{Cx, parts};
use crate::theme::Role;
use crate::trace::Fact;
use crate::ui::details::Section;
use crate::ui::{format, text};

fn verdict(fact: &Fact) -> Verdict {
    if fact.is_bad { Verdict::Warning } else { Verdict::Ok }
}

/// The branch: how many of which things there are.
pub(super) fn branch(cx: &Cx, facts: &[Fact], is_deleted: bool) -> Line<'static> {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for fact in facts {
        match kinds.iter_mut().find(|(kind, _)| *kind == fact.what) {
            Some((_, count)) => *count += 1,
            None => kinds.push((fact.what, 1)),
        }
    }
    let mut words: Vec<String> = kinds.into_iter().map(|(kind, n)| format::count(n, kind)).collect();
    if is_deleted {
        words.insert(0, "deleted".to_owned());
    }
    let worst = facts.iter().map(verdict).max().unwrap_or(Verdict::Ok);
    Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(parts::sign(worst))), cx.theme.style(parts::role(worst))),
        Span::styled("known to the APIs", cx.theme.style(Role::Accent)),
        Span::styled(format!("  {}", words.join(", ")), cx.theme.style(Role::Dim)),
    ])
}

pub(super) fn line(cx: &Cx, fact: &Fact) -> Line<'static> {
    let role = parts::role(verdict(fact));
    let at = fact.at.map(|at| format!("  {}", cx.clock.date_time(at))).unwrap_or_default();
    let style = if fact.is_bad { role } else { Role::Text };
    Line::from(vec![
        Span::styled(format!("{} ", cx.look.sign(parts::sign(verdict(fact)))), cx.theme.style(role)),
        Span::styled(format!("{} ", text::fit(fact.what, 9, false)), cx.theme.style(Role::Dim)),
        Span::styled(text::sanitise(&fact.words).into_owned(), cx.theme.style(style)),
        Span::styled(at, cx.theme.style(Role::Dim)),
    ])
}

pub(super) fn words(fact: &Fact) -> (Verdict, String) {
    let host = fact.host.as_ref().map(|host| format!("; o goes to {host}")).unwrap_or_default();
    (verdict(fact), format!("{} {}{host}", fact.what, fact.words))
}

pub(super) fn sections(fact: &Fact) -> Vec<Section> {
    let mut section = Section::new(fact.what);
    for (label, words) in fact.parts.iter().filter(|(_, words)| !words.is_empty()) {
        section.add(*label, words.clone());
    }
    vec![section]
}
