//! Many points into few.

use crate::model::{Point, Rollup};

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;

/// One point for each so many seconds that have any, where those begin. A time without a point stays without.
pub(super) fn roll(points: &[Point], seconds: i64, by: Rollup) -> Vec<Point> {
    let begin = |point: &Point| point.at.div_euclid(seconds) * seconds;
    let one = |points: &[Point]| {
        let first = points.first()?;
        Some(Point { at: begin(first), value: value(points, by)? })
    };
    points.chunk_by(|a, b| begin(a) == begin(b)).filter_map(one).collect()
}

fn value(points: &[Point], by: Rollup) -> Option<f64> {
    let values = || points.iter().map(|point| point.value);
    match by {
        // Each takes its share before they are added: the sum of two may be more than a float can hold.
        Rollup::Mean => Some(thousandths(values().map(|value| value / points.len() as f64).sum())),
        Rollup::Greatest => values().max_by(f64::total_cmp),
        Rollup::Last => values().next_back(),
    }
}

/// What is finer than this nobody sees, and every point would cost nine bytes for it.
fn thousandths(value: f64) -> f64 {
    let rounded = (value * 1_000.0).round() / 1_000.0;
    if rounded.is_finite() { rounded } else { value }
}

/// Both in the order of time; of two at the same moment that of `newer`.
pub(super) fn merge(older: Vec<Point>, newer: Vec<Point>) -> Vec<Point> {
    if older.last().zip(newer.first()).is_none_or(|(last, first)| last.at < first.at) {
        return [older, newer].concat();
    }
    // A stable sort: the newer of two stands first.
    let mut all = [newer, older].concat();
    all.sort_by_key(|point| point.at);
    all.dedup_by_key(|point| point.at);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: &[(i64, f64)]) -> Vec<Point> {
        of.iter().map(|&(at, value)| Point { at, value }).collect()
    }

    #[test]
    fn an_hour_becomes_a_point_by_its_rule_and_a_gap_stays_a_gap() {
        let minutes = points(&[(-60, 9.0), (0, 1.0), (60, 2.0), (3_599, 6.0), (10_800, 4.0)]);
        for (by, hour) in [(Rollup::Mean, 3.0), (Rollup::Greatest, 6.0), (Rollup::Last, 6.0)] {
            assert_eq!(
                roll(&minutes, HOUR, by),
                points(&[(-3_600, 9.0), (0, hour), (10_800, 4.0)]),
                "{by:?}"
            );
        }
        let thirds = points(&[(0, 1.0), (60, 0.0), (120, 0.0)]);
        assert_eq!(roll(&thirds, HOUR, Rollup::Mean), points(&[(0, 0.333)]));
        let huge = points(&[(0, f64::MAX), (60, f64::MAX)]);
        assert!(roll(&huge, HOUR, Rollup::Mean)[0].value.is_finite());
    }

    #[test]
    fn of_two_points_at_one_moment_the_newer_counts() {
        let merged = merge(points(&[(0, 1.0), (60, 1.0)]), points(&[(30, 2.0), (60, 2.0), (90, 2.0)]));
        assert_eq!(merged, points(&[(0, 1.0), (30, 2.0), (60, 2.0), (90, 2.0)]));
        assert_eq!(merge(points(&[(0, 1.0)]), points(&[(60, 2.0)])), points(&[(0, 1.0), (60, 2.0)]));
    }
}
