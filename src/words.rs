//! Words about mistakes in files and names (where, and what was meant), and how long things last.

use jiff::SignedDuration;

/// `3s 4m 2h 5d`: one unit, rounded down. What lies in the future is `0s`: clocks differ.
pub fn duration(span: SignedDuration) -> String {
    let s = span.as_secs().max(0);
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m", s / 60),
        3_600..86_400 => format!("{}h", s / 3_600),
        _ => format!("{}d", s / 86_400),
    }
}

/// The name nearest to a mistyped one, if any is near.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 2).clamp(1, 3);
    names
        .map(|name| (distance(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(d, name)| *d <= limit || (word.len() >= 2 && name.starts_with(word)))
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// How many letters must be typed, dropped, changed or swapped (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut rows = vec![(0..width).collect::<Vec<_>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let above = rows[i][j + 1] + 1;
            let left = row[j] + 1;
            let mut best = above.min(left).min(rows[i][j] + usize::from(x != y));
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Line and column, from 1, of a byte of a text.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A TOML error as `file:line:column: what, and what was meant`.
pub fn toml(file: &str, text: &str, error: &toml::de::Error) -> String {
    let (line, column) = place(text, error.span().map_or(0, |span| span.start));
    let message = error.message();
    // "unknown field `x`, expected one of `a`, `b`": what was meant is near.
    let mut quoted = message.split('`').skip(1).step_by(2);
    let near = quoted
        .next()
        .filter(|_| message.starts_with("unknown"))
        .and_then(|wrong| nearest(wrong, quoted))
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    format!("{file}:{line}:{column}: {message}{near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["hypervisors", "instances", "status"];
        for (word, expected) in [
            ("hypervisor", Some("hypervisors")),
            ("instnaces", Some("instances")),
            ("stat", Some("status")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(word, names.into_iter()), expected, "{word}");
        }
    }

    #[test]
    fn durations_have_one_unit() {
        for (seconds, text) in [(-5, "0s"), (3, "3s"), (299, "4m"), (7_300, "2h"), (86_400 * 5 + 1, "5d")] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(place("ab\ncd", 0), (1, 1));
        assert_eq!(place("ab\ncd", 4), (2, 2));
    }
}
