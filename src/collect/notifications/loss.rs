//! When messages were dropped before they were heard.

use std::time::Duration;

use tokio::time::Instant;

/// How long messages may go on being dropped before what they said is asked for all the same.
const MEANWHILE: Duration = Duration::from_secs(60);

/// Of a flood, one refresh makes good what was missed: that after it, since one before would miss the rest.
#[derive(Debug, Default)]
pub(super) struct Loss {
    /// Since when messages are dropped that nobody has asked for since.
    since: Option<Instant>,
}

impl Loss {
    /// Takes in what a look at our queue says; whether what was missed is to be asked for now.
    pub fn is_to_be_made_good(&mut self, dropped: bool, now: Instant) -> bool {
        let Some(since) = self.since else {
            if dropped {
                tracing::warn!("more notifications came than were taken in: some were dropped");
                self.since = Some(now);
            }
            return false;
        };
        let goes_on = dropped && now.saturating_duration_since(since) < MEANWHILE;
        if !goes_on {
            self.since = dropped.then_some(now);
        }
        !goes_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_made_good_once_when_it_is_over_and_each_minute_while_it_lasts() {
        let start = Instant::now();
        let mut loss = Loss::default();
        // Seconds, whether messages were dropped, whether to ask now.
        for (at, dropped, asks) in [
            (0, false, false),
            (15, true, false),
            (16, true, false),
            (20, false, true),
            (35, false, false),
            (50, true, false),
            (65, true, false),
            (109, true, false),
            (110, true, true),
            (125, true, false),
            (140, false, true),
            (155, false, false),
        ] {
            let now = start + Duration::from_secs(at);
            assert_eq!(loss.is_to_be_made_good(dropped, now), asks, "at {at} s");
        }
    }
}
