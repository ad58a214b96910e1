//! Neither too old nor too much: the oldest of the finest goes first.

use rusqlite::{Connection, OptionalExtension, params};

use super::Limits;
use super::database::{Database, Tier};
use super::fault::Fault;
use super::rollup::{DAY, HOUR};

/// Minutes are kept for so long, days for two years.
const MINUTES: i64 = 2 * DAY;
const DAYS: i64 = 731 * DAY;
/// When there is too much, this share of the bound is left: what a day brings then has room.
const LEFT: (u64, u64) = (7, 8);

impl Database {
    /// Bytes on disk, with what is still in the log.
    pub fn size(&self) -> Result<u64, Fault> {
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let log = std::fs::metadata(format!("{}-wal", self.path.display())).map_or(0, |log| log.len());
        Ok((pragma("page_count")? * pragma("page_size")?).unsigned_abs() + log)
    }

    /// Lets go of what is too old.
    pub fn age(&self, limits: &Limits, now: i64) -> Result<(), Fault> {
        let hours = i64::try_from(limits.keep.as_secs()).unwrap_or(i64::MAX);
        for (tier, keep) in
            [(Tier::Minutes, MINUTES.min(hours)), (Tier::Hours, hours), (Tier::Days, DAYS.max(hours))]
        {
            // Whole chunks: the last point of one that goes is older than that.
            let before = tier.start(now.saturating_sub(keep));
            let old = "DELETE FROM chunks WHERE tier = ?1 AND start < ?2";
            self.connection.execute(old, params![tier as i64, before])?;
        }
        // Of hosts that are gone, when their last day is.
        self.connection
            .execute("DELETE FROM series WHERE last < ?1", [now.saturating_sub(DAYS.max(hours))])?;
        self.shrink()
    }

    /// Lets go of the oldest of the finest until all is within the bound. What went, in words.
    pub fn fit(&self, limits: &Limits) -> Result<Option<String>, Fault> {
        let mut gone = None;
        if self.size()? <= limits.bytes {
            return Ok(None);
        }
        self.shrink()?;
        while self.size()? > limits.bytes / LEFT.1 * LEFT.0 {
            let Some(words) = self.drop_oldest()? else { break };
            gone = Some(words);
            self.shrink()?;
        }
        Ok(gone)
    }

    fn drop_oldest(&self) -> Result<Option<String>, Fault> {
        let day = |at: i64| {
            jiff::Timestamp::from_second(at)
                .map_or_else(|_| "?".to_owned(), |at| at.strftime("%F").to_string())
        };
        for tier in Tier::ALL {
            if let Some(start) = oldest(&self.connection, tier)? {
                let one = "DELETE FROM chunks WHERE tier = ?1 AND start = ?2";
                self.connection.execute(one, params![tier as i64, start])?;
                return Ok(Some(format!("{} of {} and before", tier.word(), day(start))));
            }
        }
        let first: Option<i64> =
            self.connection.query_row("SELECT min(at) FROM heard", [], |row| row.get(0))?;
        let Some(first) = first else { return Ok(None) };
        self.connection.execute("DELETE FROM heard WHERE at < ?1", [first + HOUR])?;
        Ok(Some(format!("minutes of {} and before", day(first))))
    }

    /// Gives back what is free: pages to the disk, and the log.
    fn shrink(&self) -> Result<(), Fault> {
        let mut free = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = free.query([])?;
        // Each step gives back one page.
        while rows.next()?.is_some() {}
        // A reader may hold it: then it is given back another time.
        let checkpoint = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], checkpoint)?;
        Ok(())
    }
}

fn oldest(connection: &Connection, tier: Tier) -> Result<Option<i64>, Fault> {
    let first = "SELECT start FROM chunks WHERE tier = ?1 ORDER BY start LIMIT 1";
    Ok(connection.query_row(first, [tier as i64], |row| row.get(0)).optional()?)
}
