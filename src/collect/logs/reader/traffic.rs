//! Requests to the APIs, as their services' access lines tell of them.

use std::collections::HashMap;

use crate::model::{Endpoint, Line, Request, Text, endpoint};

/// Endpoints that are told apart: a service's own are some hundred. What comes beyond counts as one.
const KEPT: usize = 4_096;
const OTHERS: &str = "others";

#[derive(Default)]
pub(super) struct Traffic {
    known: HashMap<Text, HashMap<Box<str>, u32>>,
    count: u32,
    new: Vec<Endpoint>,
    requests: Vec<Request>,
    own: u64,
    words: String,
}

/// A line that may tell of a request.
pub(super) struct Access<'a> {
    pub line: &'a [u8],
    pub parsed: &'a Line,
    pub at: i64,
    /// It takes the place of its half.
    pub is_again: bool,
    /// We asked it.
    pub is_own: bool,
}

/// What one file said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// Its service tells of requests itself: where uwsgi writes into the same file, it says the same once more.
    by_service: bool,
    /// Its last line was one.
    last: bool,
}

impl Traffic {
    pub fn hear(&mut self, said: &mut Said, of: &Text, heard: &Access) {
        let Access { line, parsed, at, .. } = *heard;
        let was_told = std::mem::replace(&mut said.last, parsed.access.is_some()) && heard.is_again;
        let Some(access) = parsed.access.filter(|_| !was_told) else { return };
        let by_service = !parsed.logger.is_empty();
        said.by_service |= by_service;
        if said.by_service && !by_service {
            return;
        }
        if heard.is_own {
            self.own += 1;
            return;
        }
        endpoint(access.method.of(line), access.path.of(line), &mut self.words);
        let took = access.took.map(|took| u32::try_from(took).unwrap_or(u32::MAX));
        let endpoint = self.number(&own(parsed.program.of(line)).unwrap_or_else(|| of.clone()));
        self.requests.push(Request { endpoint, at, status: access.status, took });
    }

    /// The number of what stands in `words`.
    fn number(&mut self, service: &Text) -> u32 {
        if let Some(number) = self.known.get(service).and_then(|known| known.get(&*self.words)) {
            return *number;
        }
        let is_full = self.count as usize >= KEPT;
        let words = if is_full { OTHERS } else { &self.words };
        let known = self.known.entry(service.clone()).or_default();
        *known.entry(words.into()).or_insert_with(|| {
            self.new.push(Endpoint { service: service.clone(), words: words.into() });
            self.count += 1;
            self.count - 1
        })
    }

    /// What is new since it was asked last, and how many requests of our own there were besides.
    pub fn take(&mut self) -> (Vec<Endpoint>, Vec<Request>, u64) {
        let Self { new, requests, own, .. } = self;
        (std::mem::take(new), std::mem::take(requests), std::mem::take(own))
    }
}

fn own(program: &[u8]) -> Option<Text> {
    (!program.is_empty()).then(|| String::from_utf8_lossy(program).into())
}
