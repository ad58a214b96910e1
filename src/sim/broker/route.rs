//! Which keys a binding lets through: a topic exchange's patterns, in which `*` is one word and `#` any number.

/// Whether a binding's pattern lets a message with this key through. A pattern without either is the key itself.
pub fn fits(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), key.split('.').collect());
    // Which prefixes of the key the pattern so far can stand for: no pattern takes long, whatever is in it.
    let mut reached = vec![false; key.len() + 1];
    reached[0] = true;
    for word in pattern {
        let mut next = vec![false; key.len() + 1];
        for at in 0..=key.len() {
            match word {
                "#" => next[at] = reached[..=at].contains(&true),
                "*" => next[at] = at > 0 && reached[at - 1],
                _ => next[at] = at > 0 && reached[at - 1] && key[at - 1] == word,
            }
        }
        reached = next;
    }
    reached[key.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_let_through_what_rabbitmq_lets_through() {
        for (pattern, key, expected) in [
            ("notifications.info", "notifications.info", true),
            ("notifications.info", "notifications.error", false),
            ("notifications.*", "notifications.error", true),
            ("notifications.*", "notifications", false),
            ("notifications.*", "notifications.a.b", false),
            ("*", "notifications.info", false),
            ("#", "notifications.info", true),
            ("#", "", true),
            ("*", "", true),
            ("notifications.#", "notifications", true),
            ("#.info", "versioned_notifications.info", true),
            ("#.#.#.info", "info", true),
            ("a.#.b.#.c", "a.x.b.y.z.c", true),
            ("a.#.b.#.c", "a.x.c", false),
        ] {
            assert_eq!(fits(pattern, key), expected, "{pattern} {key}");
        }
    }
}
