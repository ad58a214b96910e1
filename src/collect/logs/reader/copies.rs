//! A central server writes the same line into a file of its host, into one of its program, and into one for all
//! (Operations Guide, "rsyslog server configuration"): it is told once.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};

use crate::model::Line;
use crate::source::log::files::LogFile;
use crate::source::log::place;

/// Lines of central files that are remembered: the files of one server are written within moments.
const KEPT: usize = 32_768;

#[derive(Default)]
pub(super) struct Copies {
    /// By what they say: of which file it was told, and as which line.
    told: HashMap<u64, (u32, u64)>,
    order: VecDeque<u64>,
    hasher: foldhash::quality::FixedState,
}

impl Copies {
    /// The line as which this one was told already, from another file. If none was, it is told now: as `number`.
    pub fn of(
        &mut self,
        file: &LogFile,
        line: &[u8],
        parsed: &Line,
        source: u32,
        number: u64,
    ) -> Option<u64> {
        if parsed.host.is_empty() || !place::is_central(&file.path) {
            return None;
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write(line);
        let hash = hasher.finish();
        match self.told.get(&hash) {
            Some((other, told)) if *other != source => return Some(*told),
            // The same file says it again.
            Some(_) => {}
            None => self.order.push_back(hash),
        }
        self.told.insert(hash, (source, number));
        if self.order.len() > KEPT
            && let Some(old) = self.order.pop_front()
        {
            self.told.remove(&old);
        }
        None
    }
}
