//! Where a straight line leads: when something that grows will be full.

use jiff::SignedDuration;

use crate::model::Point;

/// Fewer points tell nothing.
const POINTS: usize = 12;
/// The share of what is seen that the line must explain: of less it is not said.
const FIT: f64 = 0.8;
/// What was seen must be so much of what is foretold: a day says nothing of next month.
const SHARE: f64 = 1.0 / 3.0;
/// Nobody plans by a line for longer than this.
const FARTHEST: f64 = 366.0 * 86_400.0;

/// How long until `limit` is reached, where a straight line through the points says so; `None` where it does not: too
/// few, too scattered, too short a time, no growth, or there already. `now` in seconds since 1970.
pub fn full_in(points: &[Point], limit: f64, now: i64) -> Option<SignedDuration> {
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < POINTS || last.value >= limit {
        return None;
    }
    let count = points.len() as f64;
    // By the first point, so that seconds since 1970 do not eat the digits.
    let x = |point: &Point| (point.at - first.at) as f64;
    let mean = |of: &dyn Fn(&Point) -> f64| points.iter().map(|point| of(point) / count).sum::<f64>();
    let (mx, my) = (mean(&x), mean(&|point| point.value));
    let sum = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
    let xx = sum(&|point| (x(point) - mx).powi(2));
    let yy = sum(&|point| (point.value - my).powi(2));
    let xy = sum(&|point| (x(point) - mx) * (point.value - my));
    let (slope, fit) = (xy / xx, xy * xy / (xx * yy));
    // What is no number is no line either.
    if !(slope > 0.0 && fit >= FIT) {
        return None;
    }
    let full = mx + (limit - my) / slope;
    let left = full - (now - first.at) as f64;
    let is_seen = (last.at - first.at) as f64 >= left * SHARE;
    (is_seen && left > 0.0 && left <= FARTHEST).then(|| SignedDuration::from_secs(left as i64))
}

/// `full in about 9 days`.
pub fn words(left: SignedDuration) -> String {
    let hours = left.as_hours();
    let (count, unit) = match hours {
        ..1 => return "full within the hour".to_owned(),
        1..48 => (hours, "hour"),
        _ => ((hours + 12) / 24, "day"),
    };
    format!("full in about {count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 1_790_035_200;

    /// A point an hour over so many days, up to now.
    fn points(days: i64, value: impl Fn(f64) -> f64) -> Vec<Point> {
        let hours = 0..days * 24;
        hours
            .map(|hour| Point { at: NOW - days * DAY + hour * 3_600, value: value(hour as f64 / 24.0) })
            .collect()
    }

    fn days(points: &[Point], limit: f64) -> Option<i64> {
        full_in(points, limit, NOW).map(|left| (left.as_secs() + DAY / 2) / DAY)
    }

    #[test]
    fn a_line_says_when_it_is_full_and_what_is_none_says_nothing() {
        let steady = points(10, |day| 100.0 + 10.0 * day);
        // Ten days up to 200, ten a day.
        assert_eq!(days(&steady, 290.0), Some(9));
        assert_eq!(days(&steady, 400.0), Some(20));
        assert_eq!(days(&steady, 700.0), None, "ten days do not tell of fifty");
        assert_eq!(days(&steady, 150.0), None, "it is full");
        let noisy = points(10, |day| 100.0 + 10.0 * day + 15.0 * (day * 40.0).sin());
        assert_eq!(days(&noisy, 290.0), Some(9), "it swings, and grows");
        for (why, points) in [
            ("it shrinks", points(10, |day| 200.0 - 10.0 * day)),
            ("it stays", points(10, |_| 100.0)),
            ("it swings", points(10, |day| 100.0 + 10.0 * (day * 3.0).sin())),
            ("it stepped once", points(10, |day| if day < 9.5 { 100.0 } else { 110.0 })),
            ("too few", steady.iter().step_by(24).copied().collect()),
            ("none", Vec::new()),
            ("one moment", vec![Point { at: NOW, value: 1.0 }; 20]),
        ] {
            assert_eq!(days(&points, 290.0), None, "{why}");
        }
    }

    #[test]
    fn what_it_said_before_a_long_silence_is_over_by_now() {
        let steady = points(10, |day| 100.0 + 10.0 * day);
        assert_eq!(full_in(&steady, 290.0, NOW + 30 * DAY), None);
    }

    #[test]
    fn words_round() {
        for (hours, expected) in [
            (0, "full within the hour"),
            (1, "full in about 1 hour"),
            (47, "full in about 47 hours"),
            (48, "full in about 2 days"),
            (9 * 24 - 11, "full in about 9 days"),
        ] {
            assert_eq!(words(SignedDuration::from_hours(hours)), expected);
        }
    }
}
