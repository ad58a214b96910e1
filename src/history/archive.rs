//! What is read: each question opens the file, and sees it as it was at that moment.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::code::decode;
use super::database::{self, Kind, Tier};
use super::fault::Fault;
use super::rollup::{DAY, HOUR, MINUTE, merge, roll};
use crate::model::{Course, Labels, Pace, Point, Text, Wish};

/// Up to so many seconds back minutes are shown, up to so many hours, else days.
const IN_MINUTES: i64 = 2 * DAY;
const IN_HOURS: i64 = 100 * DAY;
/// Of more lines than this all chunks are read in the order in which they lie there, not each by itself.
const FEW: usize = 64;
/// Points that an answer has, more or less: where there would be more, coarser ones.
const MOST: i64 = 2_000_000;

/// A line of a series that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub series: Text,
    pub labels: Labels,
    pub unit: Text,
}

/// The file, to be read only.
pub(super) struct Archive(Connection);

struct Known {
    entry: Entry,
    kind: Kind,
}

impl Archive {
    /// None where nothing was recorded yet.
    pub fn open(path: &Path) -> Result<Option<Self>, Fault> {
        if !path.try_exists()? {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        // One view of all: what is folded meanwhile is not seen twice, nor missed.
        connection.execute_batch("BEGIN")?;
        match database::version(&connection)? {
            None => Ok(None),
            Some(1) => Ok(Some(Self(connection))),
            Some(other) => Err(Fault::Newer(other)),
        }
    }

    /// All lines of all series, by name and labels.
    pub fn entries(&self) -> Result<Vec<Entry>, Fault> {
        let mut entries: Vec<Entry> = self.known(None, &[])?.into_values().map(|known| known.entry).collect();
        entries.sort_by(|a, b| (&a.series, &a.labels).cmp(&(&b.series, &b.labels)));
        Ok(entries)
    }

    /// What became of the lines that are wished for, by their labels. One that has no points then is left out.
    pub fn courses(&self, wish: &Wish, now: i64) -> Result<Vec<Course>, Fault> {
        let known = self.known(Some(&wish.series), wish.labels.as_deref().unwrap_or_default())?;
        let over = i64::from(wish.over);
        let since = now.saturating_sub(over);
        let fits = |longest: i64, step: i64| over <= longest && over / step * known.len() as i64 <= MOST;
        let tier = match (fits(IN_MINUTES, MINUTE), fits(IN_HOURS, HOUR)) {
            (true, _) => Tier::Minutes,
            (_, true) => Tier::Hours,
            _ => Tier::Days,
        };
        // What changes seldom has no minutes: all that it had stands among the hours.
        let of = |kind: Kind| if kind.pace == Pace::Changes { tier.max(Tier::Hours) } else { tier };
        let mut points: HashMap<i64, Vec<Point>> = HashMap::new();
        for tier in [Tier::Days, Tier::Hours, Tier::Minutes] {
            let mut here: HashMap<i64, Vec<Point>> = HashMap::new();
            let wants = |series: &i64| known.get(series).is_some_and(|known| tier >= of(known.kind));
            if known.keys().any(wants) {
                self.chunks(tier, since, &known, &mut |series, chunk| {
                    if wants(&series) {
                        here.entry(series).or_default().extend(chunk);
                    }
                })?;
            }
            for (series, here) in here {
                finer(points.entry(series).or_default(), here);
            }
        }
        for (series, heard) in self.heard(since, &known)? {
            let Some(kind) = known.get(&series).map(|known| known.kind) else { continue };
            let heard = match of(kind) {
                Tier::Minutes => heard,
                Tier::Hours => kind.hours(heard),
                Tier::Days => roll(&heard, DAY, kind.rollup),
            };
            let before = points.remove(&series).unwrap_or_default();
            points.insert(series, merge(before, heard));
        }
        let course = |(series, known): (&i64, &Known)| {
            let step = match of(known.kind) {
                Tier::Minutes => MINUTE,
                Tier::Hours => HOUR,
                Tier::Days => DAY,
            };
            let mut points = points.remove(series)?;
            points.retain(|point| point.at + step > since && point.at <= now);
            let Entry { series, labels, unit } = known.entry.clone();
            (!points.is_empty()).then_some(Course { series, labels, unit, step: step as u32, points })
        };
        let mut courses: Vec<Course> = known.iter().filter_map(course).collect();
        courses.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(courses)
    }

    /// The lines of one series whose labels begin with these, or all of all series, by their numbers.
    fn known(&self, name: Option<&str>, labels: &[Text]) -> Result<HashMap<i64, Known>, Fault> {
        let mut rows = self.0.prepare(
            "SELECT id, name, labels, unit, pace, rollup FROM series
             WHERE (?1 IS NULL OR name = ?1) AND substr(labels, 1, length(?2)) = ?2",
        )?;
        // Of 2,000 projects' lines only one's are taken apart. A label ends with its quotation mark, so none is the
        // beginning of another.
        let first = serde_json::to_string(&labels.iter().map(|label| &**label).collect::<Vec<_>>());
        let first = first.map_err(|error| Fault::Other(error.to_string()))?;
        let mut rows = rows.query(params![name, first.trim_end_matches(']')])?;
        let mut all = HashMap::new();
        while let Some(row) = rows.next()? {
            let text = |at| row.get::<_, String>(at);
            let labels: Vec<String> = serde_json::from_str(&text(2)?).unwrap_or_default();
            let labels = labels.into_iter().map(Text::from).collect();
            let entry = Entry { series: text(1)?.into(), labels, unit: text(3)?.into() };
            all.insert(row.get(0)?, Known { entry, kind: Kind::of(row.get(4)?, row.get(5)?) });
        }
        Ok(all)
    }

    /// Hands out the chunks of these lines since then, in the order of time.
    fn chunks(
        &self,
        tier: Tier,
        since: i64,
        known: &HashMap<i64, Known>,
        to: &mut dyn FnMut(i64, Vec<Point>),
    ) -> Result<(), Fault> {
        let first = tier.start(since);
        let mut hand = |series: i64, start: i64, bytes: &[u8]| {
            // One that is damaged is a gap.
            if let Some(points) = decode(start, bytes) {
                to(series, points);
            }
        };
        if known.len() > FEW {
            let all = "SELECT start, series, points FROM chunks WHERE tier = ?1 AND start >= ?2 ORDER BY start, series";
            let mut rows = self.0.prepare_cached(all)?;
            let mut rows = rows.query(params![tier as i64, first])?;
            while let Some(row) = rows.next()? {
                let series = row.get(1)?;
                if known.contains_key(&series) {
                    hand(series, row.get(0)?, row.get_ref(2)?.as_blob().unwrap_or_default());
                }
            }
            return Ok(());
        }
        let one = "SELECT points FROM chunks WHERE tier = ?1 AND start = ?2 AND series = ?3";
        let mut one = self.0.prepare_cached(one)?;
        for start in self.starts(tier, first)? {
            for series in known.keys() {
                let mut rows = one.query(params![tier as i64, start, series])?;
                if let Some(row) = rows.next()? {
                    hand(*series, start, row.get_ref(0)?.as_blob().unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// Where chunks begin, each found from the one before: there are few of them, and many rows of each.
    fn starts(&self, tier: Tier, first: i64) -> Result<Vec<i64>, Fault> {
        let next = "SELECT start FROM chunks WHERE tier = ?1 AND start >= ?2 ORDER BY start LIMIT 1";
        let mut next = self.0.prepare_cached(next)?;
        let mut starts = Vec::new();
        let mut from = first;
        loop {
            let mut rows = next.query(params![tier as i64, from])?;
            let Some(row) = rows.next()? else { return Ok(starts) };
            let start: i64 = row.get(0)?;
            starts.push(start);
            from = start.saturating_add(1);
        }
    }

    /// What was heard of these lines and is not folded yet.
    fn heard(&self, since: i64, known: &HashMap<i64, Known>) -> Result<HashMap<i64, Vec<Point>>, Fault> {
        let mut of: HashMap<i64, Vec<Point>> = HashMap::new();
        // From the hour's or the day's beginning on: what is rolled up is not rolled up from a part.
        let since = since.div_euclid(DAY) * DAY;
        let mut rows = self.0.prepare_cached("SELECT at, samples FROM heard WHERE at >= ?1 ORDER BY at")?;
        let mut rows = rows.query([since])?;
        while let Some(row) = rows.next()? {
            let at = row.get(0)?;
            let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
            for Point { at: series, value } in decode(0, bytes).unwrap_or_default() {
                if known.contains_key(&series) {
                    of.entry(series).or_default().push(Point { at, value });
                }
            }
        }
        Ok(of)
    }
}

/// Finer points take the place of coarser ones from where they begin: of a day none stands beside its hours.
fn finer(points: &mut Vec<Point>, finer: Vec<Point>) {
    let Some(first) = finer.first().map(|first| first.at.div_euclid(DAY) * DAY) else { return };
    points.retain(|point| point.at < first);
    points.extend(finer);
}
