//! What happened, as the exit code says it.

/// How a word ended (product.md §1): 70 is a bug, 128+n a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done and complete.
    Done = 0,
    /// The thing asked about is not there or not well.
    NotThere = 1,
    /// Usage or configuration.
    Usage = 2,
    /// A source could not be reached, refused, or the data is partial.
    Partial = 3,
    /// A bug: a panic of ours.
    Bug = 70,
    /// SIGHUP: the terminal went away.
    HangUp = 129,
    /// SIGINT.
    Interrupt = 130,
    /// SIGTERM.
    Terminate = 143,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
