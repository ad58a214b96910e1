//! Trends of eighth blocks.

/// A bar for each value, against the greatest of them; nothing is drawn as nothing.
pub fn line(values: impl Iterator<Item = u64>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<u64> = values.collect();
    let greatest = values.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| {
        // Rounded up: a queue that is not empty stands above the line.
        let at = (u128::from(*value) * 7).div_ceil(u128::from(greatest)) as usize;
        BARS.get(at).copied().unwrap_or('█')
    };
    values.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn bars_are_against_the_greatest() {
        for (values, expected) in [
            (&[][..], ""),
            (&[0, 0], "▁▁"),
            (&[0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
            (&[1, 1_000_000], "▂█"),
            (&[u64::MAX, 0], "█▁"),
        ] {
            assert_eq!(line(values.iter().copied()), expected, "{values:?}");
        }
    }
}
