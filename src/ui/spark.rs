//! Trends of eighth blocks.

/// A bar for each value between the least and the greatest of them; what stays the same has no trend.
pub fn line(values: impl Iterator<Item = u64>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<u64> = values.collect();
    let least = values.iter().copied().min().unwrap_or(0);
    let range = u128::from(values.iter().copied().max().unwrap_or(0) - least);
    let bar = |value: &u64| {
        let at = match (u128::from(value - least) * 7).checked_div(range) {
            Some(at) => at as usize,
            // All the same: on the ground, or at some height.
            None => usize::from(least > 0) * 3,
        };
        BARS.get(at).copied().unwrap_or('█')
    };
    values.iter().map(bar).collect()
}

/// The same of what was measured, with a blank where nothing was.
pub fn with_gaps(values: &[Option<f64>]) -> String {
    let known = || values.iter().flatten().copied();
    let least = known().fold(f64::INFINITY, f64::min);
    let range = known().fold(f64::NEG_INFINITY, f64::max) - least;
    // In steps fine enough that whole numbers keep their order, and none is lost at the ground.
    let steps = |value: f64| {
        if range > 0.0 { ((value - least) / range * 7_000.0) as u64 } else { u64::from(least > 0.0) }
    };
    let mut bars = line(known().map(steps)).chars().collect::<Vec<char>>().into_iter();
    values.iter().map(|value| value.and_then(|_| bars.next()).unwrap_or(' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::{line, with_gaps};

    #[test]
    fn a_gap_is_blank() {
        for (values, expected) in [
            (&[][..], ""),
            (&[None, Some(0.0), None, Some(0.5), Some(7.0)], " ▁ ▁█"),
            (&[Some(3.0), None, Some(3.0)], "▄ ▄"),
            (&[Some(0.0), Some(0.0)], "▁▁"),
            (&[None, None], "  "),
        ] {
            assert_eq!(with_gaps(values), expected, "{values:?}");
        }
    }

    #[test]
    fn bars_stand_between_the_least_and_the_greatest() {
        for (values, expected) in [
            (&[][..], ""),
            (&[0, 0], "▁▁"),
            (&[7, 7], "▄▄"),
            (&[34, 35, 41], "▁▂█"),
            (&[0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
            (&[1, 1_000_000], "▁█"),
            (&[u64::MAX, 0], "█▁"),
        ] {
            assert_eq!(line(values.iter().copied()), expected, "{values:?}");
        }
    }
}
