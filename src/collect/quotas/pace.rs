use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Requests that go at once in the beginning, so that a small cloud is whole on the first screen.
const FIRST: u32 = 120;

/// How long so many requests take at this rate; `None`: as long as services do.
pub fn takes(requests: usize, per_second: f64) -> Option<Duration> {
    let paced = requests.saturating_sub(FIRST as usize) as f64;
    (per_second > 0.0).then(|| Duration::from_secs_f64(paced / per_second))
}

/// A budget of requests a second, which several share: who came first is served first.
pub(super) struct Pace {
    /// Between two requests; zero: no bound of ours.
    gap: Duration,
    state: Mutex<State>,
}

struct State {
    left: u32,
    next: Instant,
}

impl Pace {
    /// So many a second; 0: as many as services let through.
    pub fn new(per_second: f64) -> Self {
        let gap = if per_second > 0.0 { Duration::from_secs_f64(1.0 / per_second) } else { Duration::ZERO };
        Self { gap, state: Mutex::new(State { left: FIRST, next: Instant::now() }) }
    }

    /// How long so many requests take once the first ones are spent; zero without a bound.
    pub fn lasts(&self, requests: usize) -> Duration {
        self.gap.saturating_mul(requests as u32)
    }

    /// Waits until one more request may go. Nothing is spent by who stops waiting.
    pub async fn turn(&self) {
        if self.gap.is_zero() {
            return;
        }
        let mut state = self.state.lock().await;
        if state.left > 0 {
            state.left -= 1;
            return;
        }
        tokio::time::sleep_until(state.next).await;
        // By when it was due: what a timer is late adds up otherwise. After a rest the gap counts from now.
        let (now, due) = (Instant::now(), state.next + self.gap);
        state.next = if due > now { due } else { now + self.gap };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_the_first_ones_a_budget_is_kept_whoever_asks() {
        let pace = Pace::new(4.0);
        let started = Instant::now();
        for _ in 0..FIRST {
            pace.turn().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        let ten = || async {
            for _ in 0..10 {
                pace.turn().await;
            }
        };
        tokio::join!(ten(), ten());
        // The first of them goes at once.
        assert_eq!(started.elapsed().as_millis(), 250 * 19);
    }

    #[test]
    fn two_thousand_projects_of_three_services_take_twenty_five_minutes() {
        assert_eq!(takes(12 * 3, 4.0), Some(Duration::ZERO));
        assert_eq!(takes(2_000 * 3, 4.0), Some(Duration::from_secs(1_470)));
        assert_eq!(takes(2_000 * 3, 0.0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_budget_nobody_waits() {
        let pace = Pace::new(0.0);
        let started = Instant::now();
        for _ in 0..10 * FIRST {
            pace.turn().await;
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
