//! Is it well? Pure questions over the store; every answer is a verdict with its reason in words.

pub mod broker;
pub mod expect;
pub mod hypervisor;
pub mod instance;
pub mod node;
pub mod queue;
pub mod quota;
pub mod said;

/// One thing that is to be said about a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub verdict: Verdict,
    pub words: String,
}

/// How bad it is. Unknown is a verdict of its own and never looks like OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Ok,
    Info,
    /// In transition: neither good nor bad yet.
    Busy,
    /// Taken out on purpose.
    Disabled,
    Unknown,
    Warning,
    Critical,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Busy => "busy",
            Self::Disabled => "disabled",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
