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

#[cfg(test)]
mod tests {
    use super::line;

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
