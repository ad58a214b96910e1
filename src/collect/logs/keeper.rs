//! The index's own thread: writes what the tail has left, and reads what lay there before, at a pace that nobody
//! notices.
//!
//! It is not the tail's thread, since a disk may make it wait for seconds, and a tail must not.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::config::logs::LogPlace;
use crate::source::log::files;
use crate::source::log::index::Index;
use crate::source::log::index::fill::Filler;

/// It is looked this often whether there is something to write.
const KEEP: Duration = Duration::from_secs(1);
/// Files are looked for again so long after all were gone through: what was rotated is packed by then.
const AGAIN: Duration = Duration::from_secs(60);
/// The share of the time that reading may take, and the bytes a second: a core's hundredth, and what a slow disk does
/// not notice.
const SHARE: u32 = 100;
const RATE: u64 = 8 << 20;

/// Keeps the index until nobody listens to the tail any more.
pub(super) fn start<T: Send + 'static>(
    index: Index,
    places: Vec<LogPlace>,
    to: mpsc::WeakSender<T>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let is_over = || to.upgrade().is_none_or(|to| to.is_closed());
        let mut kept = Instant::now();
        let mut filler: Option<Filler> = None;
        // The tail comes first: what it reads of each file's end need not be read again.
        let mut looked = Instant::now();
        let mut first = KEEP;
        while !is_over() {
            if kept.elapsed() >= KEEP {
                index.keep();
                kept = Instant::now();
            }
            if filler.is_none() && looked.elapsed() >= first && index.is_writer() {
                filler = Some(Filler::new(&index, files::find(&places).files));
            }
            let begun = Instant::now();
            let pause = match filler.as_mut().map(Filler::step) {
                None => KEEP,
                Some(Some(read)) => pause(read, begun.elapsed()),
                Some(None) => {
                    filler = None;
                    (looked, first) = (Instant::now(), AGAIN);
                    KEEP
                }
            };
            // Not longer than until the next look.
            let due = Instant::now() + pause;
            while Instant::now() < due && !is_over() {
                thread::sleep((due - Instant::now()).min(KEEP));
            }
        }
        index.finish();
    })
}

/// After so many bytes, which took so long.
fn pause(read: u64, took: Duration) -> Duration {
    (took * SHARE).max(Duration::from_micros(read.saturating_mul(1_000_000) / RATE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::log::index::{BLOCK, Limits};

    #[test]
    fn what_lay_there_is_read_and_at_the_end_it_is_written() {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let line = "2026-11-23 18:00:00.000 1 INFO nova.compute [-] of no great interest\n";
        std::fs::write(root.path().join("nova-compute.log"), line.repeat(5_000)).unwrap();
        let places = vec![LogPlace::named(vec![root.path().to_owned()], "test")];
        let file = files::find(&places).files.remove(0);
        let index = Index::open(cache.path(), Limits::default());
        let (to, _told) = mpsc::channel::<()>(1);
        let work = start(index.clone(), places, to.downgrade());
        while index.snapshot().cover(&file).bytes() < file.size / BLOCK * BLOCK {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(Index::read(cache.path()).size(), 0);
        drop(to);
        work.join().unwrap();
        assert!(Index::read(cache.path()).size() > 0);
    }

    #[test]
    fn neither_a_core_s_hundredth_nor_what_a_disk_does_not_notice_is_passed() {
        assert_eq!(pause(1 << 20, Duration::from_micros(10)), Duration::from_millis(125));
        assert_eq!(pause(1 << 10, Duration::from_millis(3)), Duration::from_millis(300));
        assert_eq!(pause(0, Duration::ZERO), Duration::ZERO);
    }
}
