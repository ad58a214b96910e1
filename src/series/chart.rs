//! Points into the cells of a chart.

use crate::model::{Course, Point, Rollup};

/// So many cells from `since` up to `until`, in seconds since 1970: what was then, by the series' own rule; `None` where
/// nothing is known.
pub fn cells(course: &Course, by: Rollup, since: i64, until: i64, count: usize) -> Vec<Option<f64>> {
    let span = (until - since).max(1) as f64;
    let edge = |cell: usize| since + (span * cell as f64 / count as f64) as i64;
    let first_after = |at: i64| course.points.partition_point(|point| point.at < at);
    let cell = |cell: usize| {
        let (from, to) = (edge(cell), edge(cell + 1));
        let within = course.points.get(first_after(from)..first_after(to)).unwrap_or_default();
        value(within, by).or_else(|| {
            // One that stands for the time after it, as long as it does.
            let before = course.points.get(first_after(from).checked_sub(1)?)?;
            (before.at + i64::from(course.step) > from).then_some(before.value)
        })
    };
    (0..count).map(cell).collect()
}

fn value(points: &[Point], by: Rollup) -> Option<f64> {
    let values = || points.iter().map(|point| point.value);
    match by {
        Rollup::Greatest => values().max_by(f64::total_cmp),
        Rollup::Last => values().next_back(),
        Rollup::Mean if points.is_empty() => None,
        Rollup::Mean => Some(values().map(|value| value / points.len() as f64).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(points: &[(i64, f64)]) -> Course {
        Course {
            series: "instances.host".into(),
            labels: Default::default(),
            unit: "instances".into(),
            step: 3_600,
            points: points.iter().map(|&(hour, value)| Point { at: hour * 3_600, value }).collect(),
        }
    }

    #[test]
    fn a_cell_has_what_was_then_and_a_gap_has_nothing() {
        let course = course(&[(0, 1.0), (1, 3.0), (2, 2.0), (6, 8.0)]);
        let day = |by, count| cells(&course, by, 0, 8 * 3_600, count);
        assert_eq!(day(Rollup::Last, 4), [Some(3.0), Some(2.0), None, Some(8.0)]);
        assert_eq!(day(Rollup::Greatest, 2), [Some(3.0), Some(8.0)]);
        assert_eq!(day(Rollup::Mean, 2), [Some(2.0), Some(8.0)]);
        // Cells that are shorter than what a point stands for.
        let fine = day(Rollup::Last, 16);
        assert_eq!(fine[..6], [1.0, 1.0, 3.0, 3.0, 2.0, 2.0].map(Some));
        assert_eq!(fine[6..12], [None; 6]);
        assert_eq!(day(Rollup::Last, 0), []);
    }
}
