//! The file: its tables, and what is written into them.
//!
//! `heard` has a row for each minute, with what all series were then; when a day is over it is folded into `chunks`,
//! a row for each series and day (of days: for each series and 64 of them). So a minute costs one page, and a day is
//! written once, in the order in which it stands. Chunks of one time stand together: what goes by age goes in one
//! piece.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};
use rustix::fs::{FlockOperation, flock};

use super::code::{MOST, decode, encode};
use super::fault::Fault;
use super::rollup::{DAY, HOUR, merge, roll};
use crate::model::{Pace, Point, Rollup, Sample, Series};

/// In the file's header: what it is, and which shape its tables have.
const APPLICATION: i64 = 0x5374_5748;
const SCHEMA: i64 = 1;
/// Seconds that a chunk of days spans.
pub(super) const SPAN: i64 = 64 * DAY;
/// How long another's read may keep a write waiting.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

const TABLES: &str = "
    CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL, unit TEXT NOT NULL,
        pace INTEGER NOT NULL, rollup INTEGER NOT NULL, last INTEGER NOT NULL, UNIQUE (name, labels)) STRICT;
    CREATE TABLE heard (at INTEGER PRIMARY KEY, samples BLOB NOT NULL) STRICT;
    CREATE TABLE chunks (tier INTEGER NOT NULL, start INTEGER NOT NULL, series INTEGER NOT NULL, points BLOB NOT NULL,
        PRIMARY KEY (tier, start, series)) STRICT, WITHOUT ROWID;
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// How fine points are. In the order in which they go when there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Minutes = 1,
    Hours = 2,
    Days = 3,
}

impl Tier {
    pub const ALL: [Self; 3] = [Self::Minutes, Self::Hours, Self::Days];

    /// Where the chunk begins that this moment is in.
    pub fn start(self, at: i64) -> i64 {
        let span = if self == Self::Days { SPAN } else { DAY };
        at.div_euclid(span) * span
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }
}

/// What a series is, as the file has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub pace: Pace,
    pub rollup: Rollup,
}

impl Kind {
    fn numbers(self) -> (i64, i64) {
        let pace = match self.pace {
            Pace::Minutes => 0,
            Pace::Changes => 1,
        };
        let rollup = match self.rollup {
            Rollup::Mean => 0,
            Rollup::Greatest => 1,
            Rollup::Last => 2,
        };
        (pace, rollup)
    }

    pub fn of(pace: i64, rollup: i64) -> Self {
        let pace = if pace == 0 { Pace::Minutes } else { Pace::Changes };
        let rollup = match rollup {
            0 => Rollup::Mean,
            1 => Rollup::Greatest,
            _ => Rollup::Last,
        };
        Self { pace, rollup }
    }

    /// Its points as the tier of hours has them: changes stay where they were.
    pub fn hours(self, points: Vec<Point>) -> Vec<Point> {
        match self.pace {
            Pace::Minutes => roll(&points, HOUR, self.rollup),
            Pace::Changes => points,
        }
    }
}

/// The right to write, which others see: the lock goes with the process, however it ends.
pub(super) struct Right(#[allow(dead_code, reason = "held, not read")] File);

impl Right {
    /// None where another has it.
    pub fn take(path: &Path) -> Result<Option<Self>, Fault> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let lock =
            OpenOptions::new().create(true).append(true).mode(0o600).open(path.with_extension("lock"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(lock))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(std::io::Error::from(error).into()),
        }
    }
}

pub(super) struct Database {
    pub connection: Connection,
    pub path: PathBuf,
}

impl Database {
    /// Opens the file to write, or makes it. Who calls has the right to.
    ///
    /// # Errors
    /// Among others [`Fault::Damaged`]: it is to be set aside.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        // Made by us, so that only its owner may read it: it names hosts and projects. What SQLite puts beside it is
        // alike.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304;")?;
        let database = Self { connection, path: path.to_owned() };
        match version(&database.connection)? {
            None => database.make()?,
            Some(SCHEMA) => {}
            Some(other) => return Err(Fault::Newer(other)),
        }
        // What ended well was whole: a file of 200 MiB is not read through for nothing.
        if database.about("open")?.is_some() {
            database.check()?;
        }
        database.say("open", "yes")?;
        Ok(database)
    }

    fn make(&self) -> Result<(), Fault> {
        self.connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")?;
        let all = format!(
            "BEGIN; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}; COMMIT;"
        );
        Ok(self.connection.execute_batch(&all)?)
    }

    /// Reads all of it, whatever that takes.
    pub fn check(&self) -> Result<(), Fault> {
        let found: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(Fault::Damaged(found)) }
    }

    /// It ended well.
    pub fn close(self) -> Result<(), Fault> {
        self.connection.execute("DELETE FROM about WHERE key = 'open'", [])?;
        Ok(())
    }

    pub fn about(&self, key: &str) -> Result<Option<String>, Fault> {
        let value = "SELECT value FROM about WHERE key = ?1";
        Ok(self.connection.query_row(value, [key], |row| row.get(0)).optional()?)
    }

    pub fn say(&self, key: &str, value: &str) -> Result<(), Fault> {
        self.connection.execute("INSERT OR REPLACE INTO about VALUES (?1, ?2)", [key, value])?;
        Ok(())
    }

    /// The number of a series' line, which is made where there is none.
    pub fn number(&self, of: &Sample, at: i64) -> Result<i64, Fault> {
        let Series { name, unit, pace, rollup, .. } = *of.series;
        let kind = Kind { pace, rollup };
        let labels = serde_json::to_string(&of.labels.iter().map(|label| &**label).collect::<Vec<_>>());
        let labels = labels.map_err(|error| Fault::Other(error.to_string()))?;
        let (pace, rollup) = kind.numbers();
        let known = "SELECT id, unit, pace, rollup FROM series WHERE name = ?1 AND labels = ?2";
        let known = self
            .connection
            .prepare_cached(known)?
            .query_row([name, &labels], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let (id, has): (i64, (String, i64, i64)) = match known {
            Some((id, unit, pace, rollup)) => (id, (unit, pace, rollup)),
            None => {
                let new = "INSERT INTO series (name, labels, unit, pace, rollup, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                self.connection
                    .prepare_cached(new)?
                    .execute(params![name, labels, unit, pace, rollup, at])?;
                return Ok(self.connection.last_insert_rowid());
            }
        };
        // A later version of us may see it in another way.
        if (has.0.as_str(), has.1, has.2) != (unit, pace, rollup) {
            let new = "UPDATE series SET unit = ?2, pace = ?3, rollup = ?4 WHERE id = ?1";
            self.connection.execute(new, params![id, unit, pace, rollup])?;
        }
        Ok(id)
    }

    /// Writes what was known at a moment: by their numbers, in order.
    pub fn hear(&self, at: i64, values: &[(i64, f64)]) -> Result<(), Fault> {
        // The same code as of points: here what comes one after the other are not moments, but series.
        let mut all: Vec<Point> = values.iter().map(|&(at, value)| Point { at, value }).collect();
        all.sort_by_key(|point| point.at);
        // Two rows of one name, which a cloud may have.
        all.dedup_by_key(|point| point.at);
        let known = "SELECT samples FROM heard WHERE at = ?1";
        let known: Option<Vec<u8>> =
            self.connection.prepare_cached(known)?.query_row([at], |row| row.get(0)).optional()?;
        // Another stackwatch wrote in this minute, and ended.
        if let Some(known) = known {
            all = merge(decode(0, &known).unwrap_or_default(), all);
        }
        if all.len() > MOST {
            return Err(Fault::Other(format!("{} series in one minute are too many", all.len())));
        }
        let put = "INSERT OR REPLACE INTO heard VALUES (?1, ?2)";
        self.connection.prepare_cached(put)?.execute(params![at, encode(0, &all)])?;
        Ok(())
    }

    /// Folds all days that are over.
    pub fn fold(&mut self, now: i64) -> Result<(), Fault> {
        let today = now.div_euclid(DAY) * DAY;
        loop {
            let first: Option<i64> =
                self.connection.query_row("SELECT min(at) FROM heard", [], |row| row.get(0))?;
            let Some(day) = first.map(|at| at.div_euclid(DAY) * DAY).filter(|day| *day < today) else {
                return Ok(());
            };
            let work = self.connection.transaction()?;
            fold_day(&work, day)?;
            work.commit()?;
        }
    }
}

fn fold_day(work: &Transaction<'_>, day: i64) -> Result<(), Fault> {
    let mut of: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
    {
        let mut rows =
            work.prepare("SELECT at, samples FROM heard WHERE at >= ?1 AND at < ?2 ORDER BY at")?;
        let mut rows = rows.query([day, day + DAY])?;
        while let Some(row) = rows.next()? {
            let at = row.get(0)?;
            // A minute that is damaged is a gap, as one in which nobody recorded.
            for Point { at: series, value } in
                decode(0, row.get_ref(1)?.as_blob().unwrap_or_default()).unwrap_or_default()
            {
                of.entry(series).or_default().push(Point { at, value });
            }
        }
    }
    let mut kind = work.prepare("SELECT pace, rollup FROM series WHERE id = ?1")?;
    for tier in Tier::ALL {
        // One tier after the other, each in the order in which it lies there.
        for (series, points) in &of {
            let kind = kind.query_row([series], |row| Ok(Kind::of(row.get(0)?, row.get(1)?))).optional()?;
            let Some(kind) = kind else { continue };
            let points = match tier {
                Tier::Minutes if kind.pace == Pace::Changes => continue,
                Tier::Minutes => points.clone(),
                Tier::Hours => kind.hours(points.clone()),
                Tier::Days => roll(points, DAY, kind.rollup),
            };
            add(work, tier, tier.start(day), *series, points)?;
            if tier == Tier::Days {
                work.prepare_cached("UPDATE series SET last = ?2 WHERE id = ?1")?.execute([*series, day])?;
            }
        }
    }
    work.execute("DELETE FROM heard WHERE at >= ?1 AND at < ?2", [day, day + DAY])?;
    Ok(())
}

/// Points into their chunk, with what stands there.
pub(super) fn add(
    work: &Connection,
    tier: Tier,
    start: i64,
    series: i64,
    points: Vec<Point>,
) -> Result<(), Fault> {
    let known = "SELECT points FROM chunks WHERE tier = ?1 AND start = ?2 AND series = ?3";
    let place = params![tier as i64, start, series];
    let known: Option<Vec<u8>> = work.prepare_cached(known)?.query_row(place, |row| row.get(0)).optional()?;
    let points = match known {
        Some(known) => merge(decode(start, &known).unwrap_or_default(), points),
        None => points,
    };
    let put = "INSERT OR REPLACE INTO chunks VALUES (?1, ?2, ?3, ?4)";
    work.prepare_cached(put)?.execute(params![tier as i64, start, series, encode(start, &points)])?;
    Ok(())
}

/// The schema of what lies there; none of an empty file.
pub(super) fn version(connection: &Connection) -> Result<Option<i64>, Fault> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match (pragma("application_id")?, pragma("user_version")?, pragma("page_count")?) {
        (_, _, 0) => Ok(None),
        (APPLICATION, version, _) => Ok(Some(version)),
        // The file is made in one step: then nothing of ours is in it.
        (0, 0, _) if is_bare(connection)? => Ok(None),
        _ => Err(Fault::Damaged("it is no history of stackwatch".to_owned())),
    }
}

fn is_bare(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?)
}

/// Gives a damaged file another name, so that it is not in the way and can be looked at. One of them is kept.
pub(super) fn set_aside(path: &Path, now: jiff::Timestamp) -> Result<PathBuf, Fault> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let before = format!("{name}.damaged-");
    let directory = path.parent().unwrap_or(Path::new("."));
    for old in fs::read_dir(directory)?.flatten() {
        if old.file_name().to_string_lossy().starts_with(&before) {
            fs::remove_file(old.path())?;
        }
    }
    let aside = directory.join(format!("{before}{}", now.strftime("%Y%m%dT%H%M%SZ")));
    fs::rename(path, &aside)?;
    for beside in ["-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{beside}", path.display()));
        // What is not there need not be moved.
        let _ = fs::rename(with(path), with(&aside));
    }
    Ok(aside)
}
