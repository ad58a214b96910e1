//! The cloud's own clock: starts where it is told, runs as fast as it is told, can stand still.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::time::Time;

#[derive(Debug)]
pub struct Clock(Mutex<Hand>);

/// Where the hand stood at an instant of this machine's clock, and how fast it moves.
#[derive(Clone, Copy, Debug)]
struct Hand {
    at: Time,
    since: Instant,
    rate: f64,
}

impl Hand {
    fn now(&self) -> Time {
        self.at.plus((self.since.elapsed().as_secs_f64() * 1_000.0 * self.rate) as i64)
    }
}

impl Clock {
    /// `rate`: seconds of the cloud a second of this machine; 0 stands still.
    pub fn new(start: Time, rate: f64) -> Self {
        Self(Mutex::new(Hand { at: start, since: Instant::now(), rate }))
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Time {
        self.hand().now()
    }

    pub fn rate(&self) -> f64 {
        self.hand().rate
    }

    /// Goes on from here at another speed.
    pub fn set_rate(&self, rate: f64) {
        let mut hand = self.hand();
        *hand = Hand { at: hand.now(), since: Instant::now(), rate };
    }

    /// Jumps forward; never back, for the databases' times would lie in the future.
    pub fn set(&self, to: Time) {
        let mut hand = self.hand();
        let now = hand.now();
        *hand = Hand { at: now.max(to), since: Instant::now(), rate: hand.rate };
    }

    /// How long this machine waits until the cloud's clock shows `then`; `None` while it stands still.
    pub fn until(&self, then: Time) -> Option<Duration> {
        let hand = *self.hand();
        (hand.rate > 0.0).then(|| {
            let milliseconds = then.since(hand.now()).max(0) as f64 / hand.rate;
            Duration::from_secs_f64((milliseconds / 1_000.0).min(86_400.0))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_stands_still_shows_one_time_and_waits_for_none() {
        let start = Time(1_000);
        let clock = Clock::new(start, 0.0);
        assert_eq!((clock.now(), clock.until(Time(2_000))), (start, None));
        clock.set(Time(5_000));
        assert_eq!(clock.now(), Time(5_000));
        clock.set(Time(3_000));
        assert_eq!(clock.now(), Time(5_000), "time never goes back");
    }

    #[test]
    fn a_fast_clock_waits_less() {
        let clock = Clock::new(Time(0), 60.0);
        let wait = clock.until(Time(60_000)).unwrap();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        clock.set_rate(0.0);
        let stopped = clock.now();
        assert_eq!(clock.now(), stopped);
    }
}
