use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::files::{self, LogFile};
use super::super::follow::{Follower, Pace};
use super::super::grammar::Grammar;
use super::super::scan::{self, Beside, Told};
use super::fill::Filler;
use super::*;
use crate::config::logs::LogPlace;
use crate::trace::{Subject, Trace};

const UUID: &str = "f064d769-2144-43c6-a1f6-7967745cf373";

fn request(number: u32) -> String {
    format!("req-{number:08x}-8846-4aa2-8a5a-629e8034465f")
}

fn line(second: u32, context: &str, message: &str) -> String {
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    format!(
        "2026-11-23 {hour:02}:{minute:02}:{second:02}.000 1 INFO nova.compute [None {context} u p - - d d] {message}\n"
    )
}

/// Lines as a service writes them: each with a request of its own, some with the instance's UUID, some under a request
/// that such a line has lent.
fn log(seed: u32, bytes: usize) -> String {
    let mut text = String::new();
    let mut number = seed;
    while text.len() < bytes {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let lent = request(number >> 20 & 7);
        text += &match number >> 16 & 0x1ff {
            0 => line(text.len() as u32, &lent, &format!("[instance: {UUID}] Claim successful")),
            1..=3 => line(text.len() as u32, &lent, "under its request"),
            _ => line(
                text.len() as u32,
                &request(number | 1 << 31),
                "something else, of some length, as they are",
            ),
        };
    }
    text
}

fn place(root: &Path) -> LogPlace {
    LogPlace::named(vec![root.to_owned()], "test").in_zone(TimeZone::UTC)
}

fn found(root: &Path) -> Vec<LogFile> {
    files::find(&[place(root)]).files
}

fn trace(files: &[LogFile], index: Option<&Index>) -> Told {
    let grammar = Grammar::shipped().unwrap();
    let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
    let never = AtomicBool::new(false);
    let beside = Beside { index, ..Beside::default() };
    scan::everywhere(files, beside, &grammar, &mut trace, scan::Limits::default(), &never, &mut |_| {})
}

/// Of a record its file, where it stands, and what is in it.
type Said = (usize, Vec<(u64, u32)>, Vec<u8>, Vec<u8>);

/// All that a trace says.
fn said(told: &Told) -> Vec<Said> {
    let record = |kept: &scan::Kept| {
        let record = kept.record.clone();
        (kept.file, record.lines, record.head, record.rest)
    };
    let mut said: Vec<_> = told.records.iter().map(record).collect();
    said.sort();
    said
}

/// Both ways, and they say the same; how much was read with the index, and without.
fn traced(root: &Path, index: &Index) -> (u64, u64) {
    let files = found(root);
    let (with, without) = (trace(&files, Some(index)), trace(&files, None));
    assert_eq!(said(&with), said(&without));
    assert_eq!(with.trouble, without.trouble);
    (with.bytes, without.bytes)
}

fn fill(root: &Path, index: &Index) {
    let mut files = found(root);
    // They have come to rest. Of a packed one the time says which it is.
    let plain = files.iter_mut().filter(|file| file.packing == files::Packing::Plain);
    plain.for_each(|file| file.written -= jiff::SignedDuration::from_secs(1000));
    let mut filler = Filler::new(index, files);
    while filler.step().is_some() {}
}

fn tail(root: &Path, index: &Index) -> Follower {
    let mut follower = Follower::new(vec![place(root)]).indexed(Some(index.clone()));
    follow(&mut follower);
    follower
}

fn follow(follower: &mut Follower) {
    while follower.poll(Instant::now(), Pace::All, &mut |_| {}) {}
}

/// Written at once, whatever there is.
fn eager() -> Limits {
    Limits { columns: 0, ..Limits::default() }
}

fn pack(from: &Path, to: &Path) {
    let mut zip = flate2::write::GzEncoder::new(fs::File::create(to).unwrap(), flate2::Compression::fast());
    zip.write_all(&fs::read(from).unwrap()).unwrap();
    zip.finish().unwrap();
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_was_indexed_is_not_read_again_whatever_it_is_called() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| root.path().join(name);
    let quiet = "x".repeat(50) + &line(1, &request(1 << 30), "quiet");
    fs::write(at("nova-api.log"), log(1, 500_000)).unwrap();
    fs::write(at("quiet.log"), quiet.repeat(10_000)).unwrap();
    {
        let index = Index::open(cache.path(), Limits::default());
        fill(root.path(), &index);
        let (with, without) = traced(root.path(), &index);
        assert!(with < without, "in memory: {with} of {without}");
        index.finish();
    }
    let index = Index::read(cache.path());
    let (with, without) = traced(root.path(), &index);
    assert!(with < without, "on disk: {with} of {without}");
    let size = index.size();
    assert!(size < 200_000, "{size}");
    // Neither by a new name nor as a copy is it another.
    fs::copy(at("quiet.log"), at("copied.log")).unwrap();
    fs::rename(at("quiet.log"), at("quiet.log.1")).unwrap();
    let (renamed, _) = traced(root.path(), &index);
    assert_eq!(renamed, with);
    // What holds nothing is not even unpacked, once it is known.
    let index = Index::open(cache.path(), Limits::default());
    pack(&at("quiet.log.1"), &at("quiet.log.1.gz"));
    fs::remove_file(at("quiet.log.1")).unwrap();
    let before = traced(root.path(), &index).0;
    fill(root.path(), &index);
    let after = traced(root.path(), &index).0;
    assert!(before - after >= quiet.len() as u64 * 10_000, "{before} {after}");
}

#[test]
fn the_tail_leaves_what_it_reads() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = root.path().join("nova-api.log");
    fs::write(&path, log(1, 100)).unwrap();
    let index = Index::open(cache.path(), eager());
    let mut follower = tail(root.path(), &index);
    for seed in 0..10 {
        append(&path, &log(seed, 70_000));
        follow(&mut follower);
        index.keep();
    }
    let files = found(root.path());
    let cover = index.snapshot().cover(&files[0]);
    let gaps = cover.gaps(files[0].size);
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert_eq!(*gap, files[0].size / BLOCK * BLOCK..files[0].size);
    traced(root.path(), &index);
    // Four of a size have become one.
    assert!(shelf::list(cache.path()).len() <= 6);
    // It was truncated, and another content stands there.
    fs::write(&path, log(77, 300_000)).unwrap();
    follow(&mut follower);
    index.keep();
    traced(root.path(), &index);
    let files = found(root.path());
    assert!(index.snapshot().cover(&files[0]).bytes() >= 4 * BLOCK);
}

#[test]
fn one_writes_and_the_next_takes_its_place() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a.log"), log(1, 400_000)).unwrap();
    let one = Index::open(cache.path(), eager());
    let other = Index::open(cache.path(), eager());
    assert!(one.is_writer() && !other.is_writer());
    fill(root.path(), &one);
    one.finish();
    // Who only reads, sees what was written.
    let (with, without) = traced(root.path(), &other);
    assert!(with < without);
    drop(one);
    assert!(Index::open(cache.path(), eager()).is_writer());
}

#[test]
fn who_is_killed_loses_what_was_not_written_and_nothing_else() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a.log"), log(1, 400_000)).unwrap();
    let index = Index::open(cache.path(), Limits::default());
    fill(root.path(), &index);
    drop(index);
    fs::write(cache.path().join("unfinished"), "torn").unwrap();
    let index = Index::open(cache.path(), Limits::default());
    assert_eq!(index.size(), 0);
    assert!(!cache.path().join("unfinished").exists());
    let (with, without) = traced(root.path(), &index);
    assert_eq!(with, without);
}

#[test]
fn the_oldest_goes_when_all_are_too_much() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let limits = Limits { bytes: 60_000, ..eager() };
    let index = Index::open(cache.path(), limits);
    for seed in 0..6 {
        let path = root.path().join("a.log");
        fs::write(&path, log(seed, 400_000)).unwrap();
        fill(root.path(), &index);
        index.keep();
        assert!(index.size() <= limits.bytes, "{}", index.size());
    }
    traced(root.path(), &index);
}

#[test]
fn where_nothing_can_be_written_it_works_without() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a.log"), log(1, 400_000)).unwrap();
    // A file stands where the directory should be; a directory, where the segment should be written.
    let is_file = cache.path().join("file");
    fs::write(&is_file, "").unwrap();
    let index = Index::open(&is_file, eager());
    assert!(!index.is_writer());
    fill(root.path(), &index);
    index.keep();
    traced(root.path(), &index);
    let index = Index::open(&cache.path().join("full"), eager());
    fs::create_dir_all(cache.path().join("full/unfinished/x")).unwrap();
    fill(root.path(), &index);
    index.keep();
    index.finish();
    assert_eq!(index.size(), 0);
    // It is asked in memory.
    let (with, without) = traced(root.path(), &index);
    assert!(with < without);
}

#[test]
fn what_may_not_be_read_by_others_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(root.path().join("a.log"), log(1, 100_000)).unwrap();
    let directory = cache.path().join("deep/index");
    let index = Index::open(&directory, eager());
    fill(root.path(), &index);
    index.keep();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|path| mode(path) == 0o600));
}

/// What may happen to a log, and to the index.
#[derive(Clone, Debug)]
enum Step {
    Append(u32, usize),
    Poll,
    Fill,
    Keep,
    Rename,
    CopyTruncate,
    Truncate(u64),
    Replace(u32, usize),
    Pack,
    /// The file of the index, the place in it, as shares of all.
    Flip(u16, u16),
    Cut(u16, u16),
    Killed,
    Closed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u32>(), 1usize..400_000).prop_map(|(seed, bytes)| Step::Append(seed, bytes)),
        4 => Just(Step::Poll),
        2 => Just(Step::Fill),
        3 => Just(Step::Keep),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyTruncate),
        1 => (0u64..500_000).prop_map(Step::Truncate),
        1 => (any::<u32>(), 1usize..300_000).prop_map(|(seed, bytes)| Step::Replace(seed, bytes)),
        1 => Just(Step::Pack),
        2 => any::<(u16, u16)>().prop_map(|(file, place)| Step::Flip(file, place)),
        1 => any::<(u16, u16)>().prop_map(|(file, place)| Step::Cut(file, place)),
        1 => Just(Step::Killed),
        1 => Just(Step::Closed),
    ]
}

struct World {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
    index: Index,
    follower: Follower,
    rotated: usize,
}

impl World {
    fn new() -> Self {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(root.path().join("a.log"), log(5, 200_000)).unwrap();
        let index = Index::open(cache.path(), eager());
        let follower = tail(root.path(), &index);
        Self { root, cache, index, follower, rotated: 0 }
    }

    /// A file of the index, and a place in it.
    fn chosen(&self, file: u16, place: u16) -> Option<(std::path::PathBuf, usize)> {
        let all = shelf::list(self.cache.path());
        let path = all.get(usize::from(file) * all.len() / 65_536)?.clone();
        let size = fs::metadata(&path).unwrap().len() as usize;
        Some((path, usize::from(place) * size / 65_536))
    }

    fn reopen(&mut self) {
        // The lock goes with the last that has it.
        self.index = Index::read(self.cache.path());
        self.follower = Follower::new(Vec::new());
        self.index = Index::open(self.cache.path(), eager());
        assert!(self.index.is_writer());
        self.follower = tail(self.root.path(), &self.index);
    }

    fn take(&mut self, step: &Step) {
        let at = |name: &str| self.root.path().join(name);
        let path = at("a.log");
        let old = at(&format!("a.log.{}", self.rotated));
        match step {
            Step::Append(seed, bytes) => append(&path, &log(*seed, *bytes)),
            Step::Poll => follow(&mut self.follower),
            Step::Fill => fill(self.root.path(), &self.index),
            Step::Keep => self.index.keep(),
            Step::Rename => {
                fs::rename(&path, old).unwrap();
                fs::write(path, "").unwrap();
                self.rotated += 1;
            }
            Step::CopyTruncate => {
                fs::copy(&path, old).unwrap();
                OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
                self.rotated += 1;
            }
            Step::Truncate(to) => {
                let file = OpenOptions::new().write(true).open(path).unwrap();
                let size = file.metadata().unwrap().len();
                file.set_len(size.min(*to)).unwrap();
            }
            Step::Replace(seed, bytes) => fs::write(path, log(*seed, *bytes)).unwrap(),
            Step::Pack => {
                if let Some(last) = self.rotated.checked_sub(1).map(|last| at(&format!("a.log.{last}")))
                    && last.exists()
                {
                    pack(&last, &last.with_extension(format!("{}.gz", self.rotated)));
                    fs::remove_file(last).unwrap();
                }
            }
            Step::Flip(file, place) => {
                if let Some((path, at)) = self.chosen(*file, *place) {
                    let mut bytes = fs::read(&path).unwrap();
                    bytes[at] ^= 1 << (place % 8);
                    fs::write(&path, bytes).unwrap();
                }
            }
            Step::Cut(file, place) => {
                if let Some((path, at)) = self.chosen(*file, *place) {
                    OpenOptions::new().write(true).open(&path).unwrap().set_len(at as u64).unwrap();
                }
            }
            Step::Killed => self.reopen(),
            Step::Closed => {
                self.index.finish();
                self.reopen();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_trace_says_with_any_index_what_it_says_without(steps in prop::collection::vec(step(), 1..24)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        traced(world.root.path(), &world.index);
        // As another process sees it.
        traced(world.root.path(), &Index::read(world.cache.path()));
        fill(world.root.path(), &world.index);
        world.index.keep();
        traced(world.root.path(), &world.index);
    }
}
