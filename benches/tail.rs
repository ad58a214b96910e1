//! Following logs as they grow: `cargo bench --bench tail`. 500 files at 50 MB/s in all for `TAIL_SECONDS` (6), on which
//! 250 renames or 300 copytruncates fall, and a million lines held and filtered.
//!
//! Prints rows of `benches/run`'s table. Exits with 1 when a line is lost or told twice, or a limit is missed.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "support/table.rs"]
mod table;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use stackwatch::collect::logs::reader::Reader;
use stackwatch::config::logs::LogPlace;
use stackwatch::filter::Filter;
use stackwatch::report::{Delta, Outcome, Report};
use stackwatch::source::log::Grammar;
use stackwatch::source::log::follow::Pace;
use stackwatch::source::log::index::{Index, Limits};
use stackwatch::store::{Logs, Store};
use stackwatch::tables::logs::COLUMNS;

use table::Table;

const FILES: usize = 500;
const RATE: usize = 50_000_000;
/// The writer writes this often: a file has a handful of lines each time.
const TICK: Duration = Duration::from_millis(20);
/// As the collector asks: all files, and those that are on screen.
const POLL: Duration = Duration::from_millis(100);
const LOOKED_AT: Duration = Duration::from_millis(30);
/// Of so many lines one is a warning or an error.
const BAD: u64 = 50;

/// What happens to the files meanwhile.
#[derive(Clone, Copy, PartialEq)]
enum Rotation {
    None,
    Rename(usize),
    CopyTruncate(usize),
}

/// What a tail of it came to.
#[derive(Default)]
struct Run {
    written: u64,
    bytes: u64,
    told: u64,
    /// CPU of reading, splitting and taking lines apart; and of keeping them, with kinds of messages.
    reading: Duration,
    keeping: Duration,
    wall: Duration,
    /// Milliseconds from a line's writing to its being in the store.
    waited: Vec<u32>,
    lost: Vec<String>,
}

fn main() -> ExitCode {
    let seconds = std::env::var("TAIL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let mut table = Table::default();
    // First of all: what a process has held before is memory that it need not ask for.
    held(&mut table);
    let what = format!("{FILES} files at 50 MB/s");
    for (words, pace, p99) in [("each 100 ms", POLL, 110.0), ("on screen, each 30 ms", LOOKED_AT, 40.0)] {
        let run = tail(seconds, pace, Rotation::None);
        let share = |cpu: Duration| 100.0 * cpu.as_secs_f64() / run.wall.as_secs_f64();
        let rate = run.bytes as f64 / 1e6 / run.wall.as_secs_f64();
        table.plain(&format!("{what}, asked {words}: as written"), rate, "MB/s");
        // The limit is for polling the many; who looks pays for being told sooner.
        if pace == POLL {
            table.against(
                "… read, split, time, level, identity, index, of a core",
                share(run.reading),
                "",
                20.0,
                "%",
            );
            table.against("… kept, with kinds of messages, of a core", share(run.keeping), "", 20.0, "%");
        } else {
            table.plain("… read and kept, of a core", share(run.reading + run.keeping), "%");
        }
        table.against("… from write to store, p99", run.percentile(99), "", p99, "ms");
        table.missed |= run.judge(&format!("{what}, asked {words}"));
    }
    for rotation in [Rotation::Rename(250), Rotation::CopyTruncate(300)] {
        let run = tail(10, POLL, rotation);
        let words = match rotation {
            Rotation::CopyTruncate(n) => format!("{n} copytruncates in 10 s"),
            Rotation::Rename(n) => format!("{n} renames in 10 s"),
            Rotation::None => String::new(),
        };
        table.missed |= run.judge(&words);
    }
    if table.missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Run {
    fn percentile(&self, n: usize) -> f64 {
        let mut waited = self.waited.clone();
        waited.sort_unstable();
        waited.get(waited.len() * n / 100).map_or(0.0, |ms| f64::from(*ms))
    }

    /// Says how many lines are missing, and whether that is too many.
    fn judge(&self, words: &str) -> bool {
        let missing = self.written.abs_diff(self.told);
        let sign = if missing > 0 { " **missed**" } else { "" };
        println!("| lines lost or told twice of {}, {words} | {missing} | 0 |{sign} |", self.written);
        for lost in self.lost.iter().take(3) {
            println!("| said as lost | {lost} | | |");
        }
        missing > 0
    }
}

fn grammar() -> Arc<Grammar> {
    Arc::new(Grammar::shipped().expect("what ships"))
}

fn path(dir: &Path, file: usize) -> PathBuf {
    dir.join(format!("nova-compute-{file:03}.log"))
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// One tail while a thread writes.
fn tail(seconds: u64, pace: Duration, rotation: Rotation) -> Run {
    let dir =
        tempfile::tempdir_in(std::env::var_os("CARGO_TARGET_TMPDIR").unwrap_or_else(|| "target".into()))
            .expect("a directory");
    for file in 0..FILES {
        File::create(path(dir.path(), file)).expect("a file");
    }
    let place = LogPlace::named(vec![dir.path().to_owned()], "bench").in_zone(TimeZone::UTC);
    // It leaves its index behind, as the dashboard's does; that is written by a thread of its own.
    let cache = tempfile::tempdir().expect("a directory");
    let index = Index::open(cache.path(), Limits::default());
    let mut reader = Reader::new(vec![place], grammar()).indexed(Some(index.clone()));
    let mut store = Store::default();
    let (written, bytes, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let mut run = Run::default();
    // All files are there when the first line comes.
    reader.poll(Instant::now(), Pace::All, &mut |_| {});
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write(dir.path(), seconds, rotation, &written, &bytes);
            is_over.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                index.keep();
                std::thread::sleep(TICK);
            }
        });
        let mut all_at = Instant::now();
        loop {
            let was_over = is_over.load(Ordering::Acquire);
            let now = Instant::now();
            let is_due = now.duration_since(all_at) + LOOKED_AT / 2 >= POLL;
            let before = cpu();
            let mut kept = Duration::ZERO;
            let mut is_more = reader.poll(now, if is_due { Pace::All } else { Pace::Lively }, &mut |heard| {
                let before = cpu();
                let at = Timestamp::now();
                run.told += heard.lines.len() as u64;
                // One in eight is enough for a percentile.
                run.waited.extend(
                    heard
                        .lines
                        .iter()
                        .step_by(8)
                        .map(|line| u32::try_from((at.as_microsecond() - line.at) / 1_000).unwrap_or(0)),
                );
                run.lost.extend(heard.troubles.iter().map(|trouble| trouble.message.clone()));
                store.apply(Report { at, epoch: 0, outcome: Outcome::Part(Delta::Logs(Box::new(heard))) });
                kept += cpu() - before;
            });
            run.reading += cpu() - before - kept;
            run.keeping += kept;
            if is_due {
                all_at = now;
                run.wall = begun.elapsed();
            }
            // The last look for new files, and what they had.
            if was_over && !is_more {
                is_more = now.duration_since(begun).as_secs() < seconds + 4;
                if !is_more {
                    break;
                }
            }
            if !is_more || was_over {
                std::thread::sleep(pace.saturating_sub(now.elapsed()));
            }
        }
    });
    run.wall = run.wall.min(Duration::from_secs(seconds));
    run.written = written.load(Ordering::Relaxed);
    run.bytes = bytes.load(Ordering::Relaxed);
    run
}

/// Writes at the rate, spread over all files, and rotates now and then. With copytruncate the writer holds still between
/// the copy and the truncation: what comes there nobody could have had.
fn write(dir: &Path, seconds: u64, rotation: Rotation, written: &AtomicU64, bytes: &AtomicU64) {
    let ticks = seconds * 1_000 / TICK.as_millis() as u64;
    let (count, is_rename) = match rotation {
        Rotation::None => (0, false),
        Rotation::Rename(n) => (n, true),
        Rotation::CopyTruncate(n) => (n, false),
    };
    let open =
        |file: usize| OpenOptions::new().create(true).append(true).open(path(dir, file)).expect("a file");
    let mut files: Vec<Mutex<File>> = (0..FILES).map(|file| Mutex::new(open(file))).collect();
    let a_turn = RATE / FILES * TICK.as_millis() as usize / 1_000;
    let (begun, mut n, mut rotated) = (Instant::now(), 0u64, 0usize);
    let mut text = String::new();
    for tick in 0..ticks {
        let stamp = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
        for file in &mut files {
            text.clear();
            while text.len() < a_turn {
                n += 1;
                line(&mut text, &stamp, n);
                written.fetch_add(1, Ordering::Relaxed);
            }
            bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
            file.get_mut().unwrap().write_all(text.as_bytes()).expect("the disk takes it");
        }
        while rotated < count && rotated as u64 * ticks < tick * count as u64 {
            let file = rotated % FILES;
            let old = dir.join(format!("nova-compute-{file:03}.log.{}", rotated / FILES + 1));
            if is_rename {
                fs::rename(path(dir, file), &old).expect("a rename");
                files[file] = Mutex::new(open(file));
            } else {
                fs::copy(path(dir, file), &old).expect("a copy");
                files[file].get_mut().unwrap().set_len(0).expect("a truncation");
            }
            rotated += 1;
        }
        let due = begun + TICK * (tick as u32 + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// As nova-compute writes them.
fn line(text: &mut String, stamp: &str, n: u64) {
    use std::fmt::Write as _;
    let (level, message) = match n % BAD {
        0 if n.is_multiple_of(2 * BAD) => {
            ("ERROR", "AMQP server on 10.0.0.11:5672 is unreachable: timed out. Trying again in 1 seconds.")
        }
        0 => (
            "WARNING",
            "While synchronizing instance power states, found 17 instances in the database and 16",
        ),
        _ => ("INFO", "Took 4.31 seconds to build instance."),
    };
    let _ = writeln!(
        text,
        "{stamp} 2712 {level} nova.compute.manager [None req-{n:08x}-8846-4aa2-8a5a-629e8034465f \
         7f1d0c6f8f9b4b0f80b4e9f7 a86a9c0e52f4473a - - default default] [instance: {n:08x}-7ddf-443f-8fd4-6050f68ea066] {message}"
    );
}

/// A million lines: what they cost beside their text, and a filter over all of them.
fn held(table: &mut Table) {
    const LINES: u64 = 1_000_000;
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("nova-compute.log");
    let mut store = Store::default();
    store.logs = Logs::with_room(1 << 30);
    let mut reader =
        Reader::new(vec![LogPlace::named(vec![log.clone()], "bench").in_zone(TimeZone::UTC)], grammar());
    File::create(&log).expect("a file");
    reader.poll(Instant::now(), Pace::All, &mut |_| {});
    let before = resident();
    let (mut text, mut bytes) = (String::new(), 0);
    let mut file = OpenOptions::new().append(true).open(&log).expect("a file");
    for n in 0..LINES {
        line(&mut text, "2026-11-24 03:10:41.205", n);
        if text.len() > 1 << 20 || n + 1 == LINES {
            bytes += text.len();
            file.write_all(text.as_bytes()).expect("the disk takes it");
            text.clear();
            while reader.poll(Instant::now(), Pace::All, &mut |heard| {
                let outcome = Outcome::Part(Delta::Logs(Box::new(heard)));
                store.apply(Report { at: Timestamp::now(), epoch: 0, outcome });
            }) {}
        }
    }
    let held = store.logs.numbers();
    assert_eq!(held.end - held.start, LINES, "all of them are held");
    table.against(
        "1,000,000 lines held, memory beside their text",
        (resident() - before) as f64 / bytes as f64,
        "times the text",
        1.3,
        "×",
    );
    let columns: Vec<&'static str> = COLUMNS.iter().map(|column| column.name).collect();
    let slots: Vec<u32> = (0..LINES as u32).collect();
    for (words, filter) in [("a level", "level>=WARNING"), ("a word in any part", "synchronizing")] {
        let filter = Filter::parse(filter, &columns).expect("a filter");
        let begun = Instant::now();
        let first = filter.sieve(COLUMNS, &store, Timestamp::now()).keep(&slots[slots.len() - 2_048..]);
        let step = begun.elapsed();
        let begun = Instant::now();
        let passed = filter.sieve(COLUMNS, &store, Timestamp::now()).keep(&slots);
        assert!(!first.is_empty() && passed.len() as u64 >= LINES / BAD / 2, "{words}: {}", passed.len());
        table.against(
            &format!("… a filter for {words}: the newest, with the frame of the key"),
            step.as_secs_f64() * 1e3,
            "",
            16.0,
            "ms",
        );
        table.plain("… all of them, in steps", begun.elapsed().as_secs_f64() * 1e3, "ms");
    }
}

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("what the kernel says");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1_024
}
