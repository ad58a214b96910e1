//! Two traces side by side: the one that worked and the one that did not, step by step.

use super::story::{End, Request, Step};
use super::{Account, seconds};

/// A length of time that differs by less than this, in microseconds, or by less than this factor, is the same.
const SAME: i64 = 500_000;
const FACTOR: i64 = 2;

/// A step as one of the two took it.
#[derive(Clone, Debug, PartialEq)]
pub struct Took {
    /// Microseconds since the step before; `None`: it is the first.
    pub micros: Option<i64>,
    pub host: String,
    pub has_failed: bool,
}

/// A step that at least one of them took.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub name: String,
    pub left: Option<Took>,
    pub right: Option<Took>,
}

/// How the two differ at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    None,
    OnlyLeft,
    OnlyRight,
    LeftIsSlower,
    RightIsSlower,
}

/// The same request of two instances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// What was asked for.
    pub action: String,
    pub pairs: Vec<Pair>,
}

impl Pair {
    pub fn difference(&self) -> Difference {
        match (&self.left, &self.right) {
            (Some(_), None) => Difference::OnlyLeft,
            (None, Some(_)) => Difference::OnlyRight,
            (Some(left), Some(right)) => {
                let (left, right) = (left.micros.unwrap_or(0), right.micros.unwrap_or(0));
                let is_slower = |a: i64, b: i64| a - b > SAME && a > b.saturating_mul(FACTOR);
                match () {
                    () if is_slower(left, right) => Difference::LeftIsSlower,
                    () if is_slower(right, left) => Difference::RightIsSlower,
                    () => Difference::None,
                }
            }
            (None, None) => Difference::None,
        }
    }
}

impl Comparison {
    /// Compares the request that failed, on whichever side; where none did, the one that made the instance.
    pub fn new(left: &Account, right: &Account) -> Self {
        let failed =
            |account: &'_ Account| failed(account).and_then(|it| account.action(it)).map(str::to_owned);
        let action = failed(left).or_else(|| failed(right)).unwrap_or_else(|| "create".to_owned());
        let [left, right] = [left, right].map(|account| {
            let own = || account.story.requests.iter().filter(|it| account.action(it) == Some(&*action));
            let which = self::failed(account).filter(|it| account.action(it) == Some(&*action));
            // A callback's or a retry's part of it says less than the request itself.
            which.or_else(|| own().max_by_key(|it| it.steps.len())).map(steps).unwrap_or_default()
        });
        Self { action, pairs: aligned(left, right) }
    }

    /// Where they part: the first step that one has and the other lacks, else the first that took one much longer.
    pub fn first(&self) -> Option<&Pair> {
        let is_parting =
            |pair: &&Pair| matches!(pair.difference(), Difference::OnlyLeft | Difference::OnlyRight);
        let parting = self.pairs.iter().find(is_parting);
        parting.or_else(|| self.pairs.iter().find(|pair| pair.difference() != Difference::None))
    }

    /// Of one of them nothing is known: that is no likeness.
    pub fn is_unknown(&self) -> bool {
        self.sides() != [true; 2]
    }

    /// Whether there is a step of each.
    fn sides(&self) -> [bool; 2] {
        let has = |of: fn(&Pair) -> bool| self.pairs.iter().any(of);
        [has(|pair| pair.left.is_some()), has(|pair| pair.right.is_some())]
    }

    /// The same in words. Not stripped of anything.
    pub fn words(&self, left: &str, right: &str) -> String {
        let action = &self.action;
        for (name, has) in [left, right].into_iter().zip(self.sides()) {
            if !has {
                return format!("nothing to compare: the logs have no step of a {action} of {name}");
            }
        }
        let Some(first) = self.first() else {
            return format!("{action}: both took the same steps, in much the same time");
        };
        let at = self.pairs.iter().position(|pair| pair == first).unwrap_or(0);
        let before = self.pairs.get(..at).unwrap_or_default();
        let before = before.iter().rfind(|pair| pair.left.is_some() && pair.right.is_some());
        let after = before.map(|pair| format!("after “{}” ", pair.name)).unwrap_or_default();
        let rest = self.pairs.get(at..).unwrap_or_default();
        let next = |of: fn(&Pair) -> Option<&Took>| {
            let found = rest.iter().find_map(|pair| Some((&pair.name, of(pair)?)));
            found.map_or_else(
                || "ends".to_owned(),
                |(name, took)| {
                    let time = took.micros.map(|micros| format!(" in {}", seconds(micros)));
                    format!("goes on to “{name}” on {}{}", took.host, time.unwrap_or_default())
                },
            )
        };
        match first.difference() {
            Difference::OnlyLeft | Difference::OnlyRight => {
                let (left_next, right_next) = (next(|it| it.left.as_ref()), next(|it| it.right.as_ref()));
                format!("first difference: {after}{left} {left_next}, {right} {right_next}")
            }
            _ => {
                let took =
                    |took: &Option<Took>| seconds(took.as_ref().and_then(|took| took.micros).unwrap_or(0));
                format!(
                    "the same steps; first difference: “{}” took {left} {}, {right} {}",
                    first.name,
                    took(&first.left),
                    took(&first.right)
                )
            }
        }
    }
}

fn failed(account: &Account) -> Option<&Request> {
    let failure = account.story.failure.as_ref()?;
    account.story.requests.iter().find(|request| request.records.contains(&failure.record))
}

fn steps(request: &Request) -> Vec<(String, Took)> {
    let before = std::iter::once(None).chain(request.steps.iter().map(Some));
    let took = |(before, step): (Option<&Step>, &Step)| {
        let micros = before.map(|before| step.at - before.at);
        let took = Took { micros, host: step.host.clone(), has_failed: step.end == Some(End::Failed) };
        (step.name.clone(), took)
    };
    before.zip(&request.steps).map(took).collect()
}

/// The longest common order of steps, with what either has beside it in between.
fn aligned(left: Vec<(String, Took)>, right: Vec<(String, Took)>) -> Vec<Pair> {
    // The length of what the ends from these places on have in common.
    let mut common = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = match left[i].0 == right[j].0 {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let mut pairs = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        let (a, b) = (left.get(i), right.get(j));
        let (name, is_left, is_right) = match (a, b) {
            (Some(a), Some(b)) if a.0 == b.0 => (&a.0, true, true),
            (Some(a), Some(_)) if common[i + 1][j] >= common[i][j + 1] => (&a.0, true, false),
            (Some(a), None) => (&a.0, true, false),
            (_, Some(b)) => (&b.0, false, true),
            (None, None) => break,
        };
        pairs.push(Pair {
            name: name.clone(),
            left: a.filter(|_| is_left).map(|(_, took)| took.clone()),
            right: b.filter(|_| is_right).map(|(_, took)| took.clone()),
        });
        i += usize::from(is_left);
        j += usize::from(is_right);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(steps: &[(&str, i64)]) -> Vec<(String, Took)> {
        let took = |(name, millis): &(&str, i64)| {
            let micros = (*millis > 0).then_some(millis * 1_000);
            ((*name).to_owned(), Took { micros, host: "cmp01".to_owned(), has_failed: false })
        };
        steps.iter().map(took).collect()
    }

    fn compared(left: &[(&str, i64)], right: &[(&str, i64)]) -> Comparison {
        Comparison { action: "create".to_owned(), pairs: aligned(taken(left), taken(right)) }
    }

    const WORKED: &[(&str, i64)] = &[("accepted", 0), ("claimed", 90), ("spawned", 6_700), ("active", 300)];

    #[test]
    fn steps_stand_side_by_side_and_the_first_that_one_lacks_is_said() {
        let failed = &[("accepted", 0), ("claimed", 80), ("spawn failed", 1_100), ("given up", 20)];
        let comparison = compared(WORKED, failed);
        let rows: Vec<(&str, Difference)> =
            comparison.pairs.iter().map(|pair| (&*pair.name, pair.difference())).collect();
        assert_eq!(
            rows,
            [
                ("accepted", Difference::None),
                ("claimed", Difference::None),
                ("spawned", Difference::OnlyLeft),
                ("active", Difference::OnlyLeft),
                ("spawn failed", Difference::OnlyRight),
                ("given up", Difference::OnlyRight),
            ]
        );
        assert_eq!(
            comparison.words("web-01", "web-17"),
            "first difference: after “claimed” web-01 goes on to “spawned” on cmp01 in 6.70s, web-17 goes on to “spawn \
             failed” on cmp01 in 1.10s"
        );
    }

    #[test]
    fn where_the_steps_are_the_same_the_time_makes_the_difference() {
        let slow = &[("accepted", 0), ("claimed", 400), ("spawned", 61_000), ("active", 300)];
        let comparison = compared(WORKED, slow);
        assert_eq!(comparison.pairs[2].difference(), Difference::RightIsSlower);
        assert_eq!(
            comparison.words("a", "b"),
            "the same steps; first difference: “spawned” took a 6.70s, b 1m01s"
        );
        assert_eq!(
            compared(WORKED, WORKED).words("a", "b"),
            "create: both took the same steps, in much the same time"
        );
        assert!(compared(WORKED, &[]).is_unknown() && !compared(WORKED, WORKED).is_unknown());
        assert_eq!(
            compared(WORKED, &[]).words("a", "b"),
            "nothing to compare: the logs have no step of a create of b"
        );
        let ends = compared(WORKED, &WORKED[..2]).words("a", "b");
        assert!(ends.ends_with("a goes on to “spawned” on cmp01 in 6.70s, b ends"), "{ends}");
    }
}
