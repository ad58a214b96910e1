//! Tracing an instance through logs, with nothing prepared and with the index that tailing leaves behind, against the
//! operator's two passes of ripgrep:
//! `cargo bench --bench trace`. `TRACE_GIB` is the corpus' size (1), `TRACE_INSTANCES` how many are traced (15),
//! `TRACE_SEED` which corpus of that size it is (6).
//!
//! Prints rows of `benches/run`'s table. Exits with 1 when a line is missing or too much, or when the ratio of CPU
//! seconds is below the limit. The corpus is written to `run/corpus` once; ripgrep is what `benches/run` installs.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[path = "support/corpus.rs"]
mod corpus;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rustix::time::{ClockId, clock_gettime};
use stackwatch::config::logs::LogPlace;
use stackwatch::source::log::Grammar;
use stackwatch::source::log::files::{self, LogFile, Packing};
use stackwatch::source::log::index::fill::Filler;
use stackwatch::source::log::index::{self, Index};
use stackwatch::source::log::scan::{Beside, Limits, Packs, Progress, Told, everywhere};
use stackwatch::trace::{Subject, Trace};

use corpus::{Random, Truth};
use table::Table;

/// Times fewer CPU seconds than ripgrep's two passes, by size in GiB.
const LIMITS: [(u64, f64); 2] = [(1, 2.5), (4, 2.0)];

/// The same with the index: an ordinary instance, and the one with a thousand requests.
const INDEXED: (f64, f64) = (100.0, 15.0);
/// Of the index, in percent of the logs.
const SIZE: f64 = 2.0;
/// Traces of the instance with a thousand requests.
const HOT: usize = 5;
/// Times fewer CPU seconds to trace through packed files again.
const AGAIN: f64 = 20.0;

/// What one trace cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    /// Until the first record came.
    first: Duration,
}

fn main() -> ExitCode {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (gib, count) = (number("TRACE_GIB", 1), number("TRACE_INSTANCES", 15));
    let seed = number("TRACE_SEED", 6);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = corpus::corpus(&root.join(format!("run/corpus/{gib}")), gib << 30, seed).expect("a corpus");
    let found = files::find(&[LogPlace::named(vec![made.root.clone()], "bench").in_zone(TimeZone::UTC)]);
    let plain: Vec<LogFile> =
        found.files.iter().filter(|file| file.packing == Packing::Plain).cloned().collect();
    let mut table = Table::default();
    let mut wrong = 0;
    let packs = Packs::default();

    let mut random = Random::new(seed);
    let chosen: Vec<&Truth> =
        (0..count).map(|_| &made.truths[random.below(made.truths.len() as u64) as usize]).collect();
    for truth in chosen.iter().copied().chain([&made.hot]) {
        // First with nothing known of packed files, then with all that was found out about them.
        for packs in [&Packs::default(), &packs] {
            let (told, _) = ours(&found.files, None, packs, &truth.uuid);
            wrong += judge(truth, &told, &found.files);
        }
    }
    println!(
        "| lines missing or too much, {} instances of {gib} GiB, gz among them | {wrong} | 0 | |",
        count + 1
    );

    let rg = root.join("run/tools/bin/rg");
    let mut pairs = Vec::new();
    for truth in &chosen {
        // In turn, so that what else the machine does hits both.
        let theirs = ripgrep(&rg, &["-a"], &plain, &truth.uuid);
        pairs.push((ours(&plain, None, &Packs::default(), &truth.uuid).1, theirs));
    }
    let median = |of: &dyn Fn(&(Cost, Cost)) -> Duration| median(&pairs, of);
    let (cpu, peer) = (median(&|pair| pair.0.cpu), median(&|pair| pair.1.cpu));
    let limit = LIMITS.iter().find(|(size, _)| *size == gib).map_or(1.0, |(_, limit)| *limit);
    let what = format!("a trace through {gib} GiB with nothing prepared, CPU, median of {count}");
    table.against(&what, cpu, &format!("rg's two passes / {limit}"), peer / limit, "ms");
    table.plain("rg's two passes, CPU", peer, "ms");
    println!("| times less CPU than rg | {:.2} | {limit} | |", peer / cpu);
    table.against("its wall time", median(&|pair| pair.0.wall), "rg's", median(&|pair| pair.1.wall), "ms");
    table.plain("its first line", median(&|pair| pair.0.first), "ms");

    let (hot, hot_peer) = (
        ours(&plain, None, &Packs::default(), &made.hot.uuid).1,
        ripgrep(&rg, &["-a"], &plain, &made.hot.uuid),
    );
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    table.against(
        "the instance with 1,000 requests, CPU",
        milliseconds(hot.cpu),
        "rg's",
        milliseconds(hot_peer.cpu),
        "ms",
    );
    let (_, whole) = ours(&found.files, None, &Packs::default(), &chosen[0].uuid);
    table.plain("one trace through all, six gz among them, CPU", milliseconds(whole.cpu), "ms");
    let packed: Vec<LogFile> =
        found.files.iter().filter(|file| file.packing != Packing::Plain).cloned().collect();
    packed_again(&mut table, &rg, &packed, &chosen);

    let cache = tempfile::tempdir().expect("a directory");
    let built = build(cache.path(), &plain);
    table.against("the index of these logs, CPU to build it", built, "rg's two passes", peer, "ms");
    let bytes: u64 = plain.iter().map(|file| file.size).sum();
    let size = Index::read(cache.path()).size() as f64 / bytes as f64 * 100.0;
    table.against("its size, of the logs'", size, "", SIZE, "%");
    let mut indexed = |what: &str, traced: &[&Truth], least: f64| {
        let pairs: Vec<(Cost, Cost)> = traced
            .iter()
            .map(|truth| {
                let theirs = ripgrep(&rg, &["-a"], &plain, &truth.uuid);
                (ours(&plain, Some(cache.path()), &Packs::default(), &truth.uuid).1, theirs)
            })
            .collect();
        let (cpu, peer) =
            (self::median(&pairs, &|pair| pair.0.cpu), self::median(&pairs, &|pair| pair.1.cpu));
        let limit = format!("rg's two passes / {least}");
        table.against(
            &format!("{what} with the index, CPU, median of {}", pairs.len()),
            cpu,
            &limit,
            peer / least,
            "ms",
        );
        println!("| times less CPU than rg | {:.1} | {least} | |", peer / cpu);
        let wall = self::median(&pairs, &|pair| pair.0.wall);
        table.against("its wall time", wall, "rg's", self::median(&pairs, &|pair| pair.1.wall), "ms");
    };
    indexed("a trace", &chosen, INDEXED.0);
    indexed("the instance with 1,000 requests", &[&made.hot; HOT], INDEXED.1);
    build(cache.path(), &found.files);
    for truth in chosen.iter().copied().chain([&made.hot]) {
        let (told, _) = ours(&found.files, Some(cache.path()), &packs, &truth.uuid);
        wrong += judge(truth, &told, &found.files);
        let (told, _) = ours(&found.files, Some(cache.path()), &Packs::default(), &truth.uuid);
        wrong += judge(truth, &told, &found.files);
    }
    println!("| lines missing or too much with the index, gz among them | {wrong} | 0 | |");
    let (_, whole) = ours(&found.files, Some(cache.path()), &Packs::default(), &chosen[0].uuid);
    table.plain(
        "one trace through all with the index, six gz among them, CPU",
        milliseconds(whole.cpu),
        "ms",
    );
    if table.missed || wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The packed files alone: against `rg -z`, and once more with what was found out about them.
fn packed_again(table: &mut Table, rg: &Path, packed: &[LogFile], chosen: &[&Truth]) {
    let (mut pairs, mut again) = (Vec::new(), Vec::new());
    for truth in chosen {
        let theirs = ripgrep(rg, &["-a", "-z"], packed, &truth.uuid);
        let packs = Packs::default();
        let first = ours(packed, None, &packs, &truth.uuid).1;
        pairs.push((first, theirs));
        again.push((ours(packed, None, &packs, &truth.uuid).1, first));
    }
    let (cpu, peer) = (median(&pairs, &|pair| pair.0.cpu), median(&pairs, &|pair| pair.1.cpu));
    table.against("a trace through six gz alone, CPU", cpu, "rg -z's two passes", peer, "ms");
    let again = median(&again, &|pair| pair.0.cpu);
    table.against("the same once more, CPU", again, &format!("the first time / {AGAIN}"), cpu / AGAIN, "ms");
}

fn median(pairs: &[(Cost, Cost)], of: &dyn Fn(&(Cost, Cost)) -> Duration) -> f64 {
    let mut values: Vec<Duration> = pairs.iter().map(of).collect();
    values.sort();
    values.get(values.len() / 2).map_or(0.0, |value| value.as_secs_f64() * 1e3)
}

/// Reads all there is into the index at once, as if it had come to rest. In milliseconds of CPU time.
fn build(cache: &Path, files: &[LogFile]) -> f64 {
    let mut files = files.to_vec();
    let is_plain = |file: &&mut LogFile| file.packing == Packing::Plain;
    files.iter_mut().filter(is_plain).for_each(|file| file.written -= jiff::SignedDuration::from_hours(1));
    let before = cpu();
    let index = Index::open(cache, index::Limits::default());
    let mut filler = Filler::new(&index, files);
    while filler.step().is_some() {
        index.keep();
    }
    index.finish();
    (cpu() - before).as_secs_f64() * 1e3
}

/// With the index that lies there, as the word `trace` takes it, and with what is known of packed files.
fn ours(files: &[LogFile], cache: Option<&Path>, packs: &Packs, uuid: &str) -> (Told, Cost) {
    let grammar = Grammar::shipped().expect("formats");
    let mut trace = Trace::new(Subject::parse(uuid.as_bytes()).expect("a UUID"));
    let (begun, before) = (Instant::now(), cpu());
    let mut first = None;
    let mut say = |progress: Progress| {
        if let Progress::Kept(_) = progress {
            first.get_or_insert_with(|| begun.elapsed());
        }
    };
    let never = AtomicBool::new(false);
    let index = cache.map(Index::read);
    let beside = Beside { index: index.as_ref(), packs: Some(packs), ..Beside::default() };
    let told = everywhere(files, beside, &grammar, &mut trace, Limits::default(), &never, &mut say);
    let cost = Cost { wall: begun.elapsed(), cpu: cpu() - before, first: first.unwrap_or_default() };
    (told, cost)
}

/// CPU time of this process, all threads.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// CPU time of children that were waited for: proc(5), `cutime` and `cstime`.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("proc");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap_or(0) + fields[14].parse::<u64>().unwrap_or(0);
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// `rg -aF UUID`, the request ids of what it found, `rg -aF -f ids`; merging is not counted.
fn ripgrep(rg: &Path, how: &[&str], files: &[LogFile], uuid: &str) -> Cost {
    let paths: Vec<&PathBuf> = files.iter().map(|file| &file.path).collect();
    let (begun, before) = (Instant::now(), children());
    let pass = |arguments: &[&str]| {
        let output = Command::new(rg).args(["-F", "-j2"]).args(how).args(arguments).args(&paths).output();
        output.unwrap_or_else(|error| panic!("{}: {error}: see benches/run", rg.display())).stdout
    };
    let found = pass(&[uuid]);
    let ids: BTreeSet<&[u8]> =
        memchr::memmem::find_iter(&found, b"req-").filter_map(|at| found.get(at..at + 40)).collect();
    let list = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(list.path(), ids.into_iter().collect::<Vec<_>>().join(&b'\n')).expect("a file");
    pass(&["-f", list.path().to_str().expect("UTF-8")]);
    Cost { wall: begun.elapsed(), cpu: children() - before, first: Duration::ZERO }
}

/// Lines that are missing, and lines that are too much.
fn judge(truth: &Truth, told: &Told, files: &[LogFile]) -> usize {
    let mut found = BTreeSet::new();
    for kept in &told.records {
        let path = &files[kept.file].path;
        found.extend(kept.record.lines.iter().map(|(offset, _)| (path.clone(), *offset)));
    }
    let missing: Vec<_> = truth.must.difference(&found).collect();
    let wrong: Vec<_> =
        found.iter().filter(|line| !truth.must.contains(line) && !truth.may.contains(line)).collect();
    if !missing.is_empty() || !wrong.is_empty() {
        eprintln!(
            "{}: of {} missing {:?}, too much {:?}",
            truth.uuid,
            truth.must.len(),
            missing.iter().take(5).collect::<Vec<_>>(),
            wrong.iter().take(5).collect::<Vec<_>>()
        );
    }
    missing.len() + wrong.len()
}
