use super::*;

fn texts(words: &str) -> Vec<Text> {
    words.split_whitespace().map(Into::into).collect()
}

#[tokio::test(start_paused = true)]
async fn who_is_on_screen_goes_first_then_the_largest_then_who_was_asked_longest_ago() {
    let all = texts("large mid small tiny");
    let started = Instant::now();
    tokio::time::advance(EVERY * 2).await;
    let now = Instant::now();
    // On screen; when each was asked, in seconds before now; in which order they are due.
    for (visible, asked, expected) in [
        ("", &[][..], "large mid small tiny"),
        ("tiny small", &[], "small tiny large mid"),
        ("", &[("large", 1)], "mid small tiny"),
        ("", &[("large", 1_000), ("mid", 1_500), ("small", 1)], "tiny mid large"),
        ("large", &[("large", 119), ("mid", 119), ("small", 1), ("tiny", 1)], ""),
        ("large", &[("large", 120), ("mid", 1_000), ("small", 1), ("tiny", 1)], "large mid"),
        ("gone", &[("large", 1), ("mid", 1), ("small", 1)], "tiny"),
    ] {
        let at = |id: &Text| {
            let seconds = asked.iter().find(|(name, _)| *name == &**id)?.1;
            Some(now - Duration::from_secs(seconds))
        };
        let due: Vec<Text> = due(&all, &texts(visible), VISIBLE_EVERY, at).into();
        assert_eq!(due, texts(expected), "{visible:?} {asked:?}");
    }
    assert!(started < now);
}

#[test]
fn limits_of_a_projects_own_lie_over_the_defaults() {
    let limits = |of: &[(&str, i64)]| -> Vec<Allowance> {
        of.iter().map(|(name, limit)| Allowance::limit((*name).into(), *limit)).collect()
    };
    let defaults = limits(&[("network", 100), ("port", 500)]);
    for (own, expected) in [
        (&[][..], &[("network", 100), ("port", 500)][..]),
        (&[("port", 1_000)], &[("network", 100), ("port", 1_000)]),
        (&[("floatingip", -1)], &[("floatingip", -1), ("network", 100), ("port", 500)]),
    ] {
        assert_eq!(&*over(&defaults, &limits(own)), limits(expected), "{own:?}");
    }
}

#[tokio::test]
async fn while_others_wait_for_their_first_answer_those_on_screen_take_a_twentieth_for_their_second() {
    for (per_second, visible, whole, seconds) in [
        // Forty of each of four services, twenty times that in all, at four a second.
        (4.0, 40, false, 800),
        (4.0, 40, true, 120),
        (4.0, 2, false, 120),
        (1.0, 40, false, 900),
        (0.0, 40, false, 120),
    ] {
        let every = visible_every(&Pace::new(per_second), visible, whole);
        assert_eq!(every, Duration::from_secs(seconds), "{per_second} {visible} {whole}");
    }
}
