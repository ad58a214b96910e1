//! Which columns fit on the screen, and how wide each is.

/// What one column asks for, in cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ask {
    /// Below this the column is not worth its place.
    pub least: u16,
    /// What the widest value on screen needs, at most the column's own limit.
    pub wants: u16,
    /// Which column goes first: the highest.
    pub rank: u8,
}

/// A column that gets this much is legible, though a long name in it is cut.
const COMFORT: u16 = 16;

impl Ask {
    fn comfort(self) -> u16 {
        self.wants.min(COMFORT).max(self.least)
    }
}

/// The columns that are shown, by their index, each with its width; a blank stands behind each.
///
/// A less useful column goes before a more useful one is cut; the last one may be cut itself. What is left goes
/// to values that are cut, the most useful column first; so names give way before numbers, which ask for
/// little.
pub(super) fn fit(asks: &[Ask], room: u16) -> Vec<(usize, u16)> {
    let mut by_rank: Vec<usize> = (0..asks.len()).collect();
    by_rank.sort_by_key(|&i| asks[i].rank);
    let mut widths: Vec<Option<u16>> = vec![None; asks.len()];
    let mut left = room;
    for &i in &by_rank {
        let whole = asks[i].comfort().min(left.saturating_sub(1));
        // The most useful column is there however narrow the screen.
        if whole < asks[i].least && i != by_rank[0] {
            break;
        }
        widths[i] = Some(whole);
        left = left.saturating_sub(whole + 1);
    }
    for i in by_rank.iter().copied() {
        if let Some(width) = &mut widths[i] {
            let more = asks[i].wants.saturating_sub(*width).min(left);
            *width += more;
            left -= more;
        }
    }
    // A single column may still be wider than the screen.
    let shown = widths.into_iter().enumerate().filter_map(|(i, width)| Some((i, width?)));
    shown.map(|(i, width)| (i, width.min(room.saturating_sub(1)))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(least: u16, wants: u16, rank: u8) -> Ask {
        Ask { least, wants, rank }
    }

    #[test]
    fn the_least_useful_column_goes_before_a_more_useful_one_is_cut() {
        // name, task, figure
        let asks = [ask(8, 40, 0), ask(4, 12, 1), ask(4, 4, 2)];
        for (room, expected) in [
            (60, &[(0, 40), (1, 12), (2, 4)][..]),
            (40, &[(0, 21), (1, 12), (2, 4)]),
            (35, &[(0, 16), (1, 12), (2, 4)]),
            (34, &[(0, 20), (1, 12)]),
            (30, &[(0, 16), (1, 12)]),
            // The task does not fit whole, but it fits.
            (29, &[(0, 16), (1, 11)]),
            (22, &[(0, 16), (1, 4)]),
            (21, &[(0, 20)]),
            (10, &[(0, 9)]),
        ] {
            assert_eq!(fit(&asks, room), expected, "in {room} cells");
        }
    }

    proptest! {
        #[test]
        fn columns_never_overflow(
            asks in proptest::collection::vec((1u16..20, 0u16..50, any::<u8>()), 1..12),
            room in 1u16..250,
        ) {
            let asks: Vec<Ask> = asks.into_iter().map(|(l, more, rank)| ask(l, l + more, rank)).collect();
            let fitted = fit(&asks, room);
            prop_assert!(fitted.iter().map(|(_, width)| width + 1).sum::<u16>() <= room);
            prop_assert!(fitted.windows(2).all(|pair| pair[0].0 < pair[1].0));
            // What is left out is never more useful than what is shown.
            let worst_shown = fitted.iter().map(|(i, _)| asks[*i].rank).max();
            let best_gone =
                (0..asks.len()).filter(|i| fitted.iter().all(|(k, _)| k != i)).map(|i| asks[i].rank).min();
            prop_assert!(best_gone.is_none() || worst_shown <= best_gone);
        }
    }
}
