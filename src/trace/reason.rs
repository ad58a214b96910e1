//! Why a line belongs to an instance, and why one that seems to does not.

use super::Id;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It names the instance.
    Names,
    /// It was written under a request that was made for the instance.
    Request(Id),
    /// It was written under the id that another service gave to its part of such a request.
    Part(Id),
    /// Its words name such a request.
    Mentions(Id),
    /// It is of another instance that shares the request.
    Sibling(Id),
}

impl Reason {
    pub fn words(self) -> String {
        match self {
            Self::Names => "names the instance".to_owned(),
            Self::Request(id) => format!("under its request req-{id}"),
            Self::Part(id) => format!("under req-{id}, a service's part of its request"),
            Self::Mentions(id) => format!("mentions its request req-{id}"),
            Self::Sibling(id) => format!("of another instance, under the same request req-{id}"),
        }
    }

    /// To be shown dimmed: it is there because a request is shared.
    pub fn is_of_another(self) -> bool {
        matches!(self, Self::Sibling(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Somebody looked at it, among others or while working on another: a poll, a host's resource tracker.
    Look,
    /// It was our own question.
    Ours,
    /// The id has brought as many lines as one may.
    Crowd(Id),
}
