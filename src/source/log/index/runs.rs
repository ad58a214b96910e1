//! Runs of blocks: which follow each other, which are there twice, which lead through a whole content.

use super::{BLOCK, Run};

/// Blocks of a run at most, and where runs end: at every 4 MiB of a file. So a content makes the same runs however it
/// was come by, and each of them is verified at both ends.
const GROUP: u64 = 256;

impl Run {
    /// Where its first block begins.
    pub fn from(&self) -> u64 {
        self.first.saturating_mul(BLOCK)
    }

    /// Its last block is not whole.
    pub fn is_partial(&self) -> bool {
        !self.to.is_multiple_of(BLOCK)
    }

    /// What a damaged table cannot say either.
    pub fn is_possible(&self) -> bool {
        let end = self.first.checked_add(self.count).and_then(|end| end.checked_mul(BLOCK));
        self.count > 0 && end.is_some_and(|end| self.to <= end && end - self.to < BLOCK)
    }

    /// A run that this block is of ends here.
    pub fn is_end_of_group(&self) -> bool {
        (self.first + self.count).is_multiple_of(GROUP)
    }

    pub fn holds(&self, block: &Self) -> bool {
        self.key == block.key && self.first <= block.first && block.to <= self.to
    }

    fn is_followed_by(&self, next: &Self) -> bool {
        self.key == next.key
            && self.to == next.from()
            && self.print == next.before
            && self.first / GROUP == next.first / GROUP
            // So that what makes a block whole takes the place of one that is not.
            && !next.is_partial()
    }
}

/// Puts runs in order, each with what it brings along: longer ones of those that follow each other, without those that
/// are there twice, and without blocks that are not whole where they are known better.
pub(super) fn coalesce<T>(mut runs: Vec<(Run, Vec<T>)>) -> Vec<(Run, Vec<T>)> {
    runs.sort_by_key(|(run, _)| (run.key, run.first, std::cmp::Reverse(run.to), run.before, run.print));
    runs.dedup_by(|run, known| run.0 == known.0);
    let mut kept: Vec<(Run, Vec<T>)> = Vec::with_capacity(runs.len());
    for (run, brings) in runs {
        match kept.last_mut() {
            // Sorted: the one before that begins with this block, or with one before it, goes farther.
            Some((last, _)) if run.is_partial() && last.key == run.key && last.to > run.to => {}
            Some((last, all)) if last.is_followed_by(&run) => {
                *last = Run { count: last.count + run.count, to: run.to, print: run.print, ..*last };
                all.extend(brings);
            }
            _ => kept.push((run, brings)),
        }
    }
    kept
}

/// The runs that lead from a content's beginning to this place of it, each linked to the next by its print.
pub(super) fn chain(runs: &[(Run, usize, usize)], to: u64, print: u64) -> Option<Vec<&(Run, usize, usize)>> {
    let mut chain = Vec::new();
    let (mut to, mut print) = (to, print);
    while to > 0 {
        let run = runs.iter().find(|(run, ..)| (run.to, run.print) == (to, print) && run.from() < to)?;
        (to, print) = (run.0.from(), run.0.before);
        chain.push(run);
    }
    chain.reverse();
    Some(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run whose prints are the places that they are of.
    fn run(first: u64, count: u64, to: u64) -> Run {
        Run { key: 1, first, count, before: first * BLOCK, to, print: to }
    }

    fn whole(first: u64, count: u64) -> Run {
        run(first, count, (first + count) * BLOCK)
    }

    fn coalesced(runs: &[Run]) -> Vec<Run> {
        let runs = coalesce(runs.iter().map(|run| (*run, vec![run.first; run.count as usize])).collect());
        assert!(runs.iter().all(|(run, brings)| run.count as usize == brings.len()));
        runs.into_iter().map(|(run, _)| run).collect()
    }

    #[test]
    fn blocks_that_follow_each_other_are_a_run_up_to_the_next_place_where_runs_end() {
        let blocks: Vec<Run> = (0..GROUP + 6).rev().map(|block| whole(block, 1)).collect();
        assert_eq!(coalesced(&blocks), [whole(0, GROUP), whole(GROUP, 6)]);
        // Nothing says that these are one content.
        let other = Run { before: 7, ..whole(1, 1) };
        assert_eq!(coalesced(&[whole(0, 1), other]), [whole(0, 1), other]);
        assert_eq!(coalesced(&[whole(0, 1), Run { key: 2, ..whole(1, 1) }]).len(), 2);
    }

    #[test]
    fn what_is_there_twice_or_known_better_is_left_out() {
        let half = run(1, 1, BLOCK + 500);
        assert_eq!(coalesced(&[whole(0, 1), half, half]), [whole(0, 1), half]);
        assert_eq!(coalesced(&[whole(0, 1), half, whole(1, 1)]), [whole(0, 2)]);
        assert_eq!(coalesced(&[half, run(1, 1, BLOCK + 600)]), [run(1, 1, BLOCK + 600)]);
        assert_eq!(coalesced(&[whole(0, 3), whole(0, 3)]), [whole(0, 3)]);
    }

    #[test]
    fn a_chain_leads_through_all_of_one_content() {
        let place = |run| (run, 0, 0);
        let runs = [place(whole(0, 64)), place(whole(64, 2)), place(run(66, 1, 66 * BLOCK + 9))];
        let firsts = |to, print| {
            chain(&runs, to, print).map(|chain| chain.iter().map(|run| run.0.first).collect::<Vec<_>>())
        };
        assert_eq!(firsts(66 * BLOCK + 9, 66 * BLOCK + 9), Some(vec![0, 64, 66]));
        assert_eq!(firsts(66 * BLOCK + 9, 5), None);
        assert_eq!(firsts(BLOCK, BLOCK), None);
        assert_eq!(chain(&runs[1..], 66 * BLOCK, 66 * BLOCK), None);
    }
}
