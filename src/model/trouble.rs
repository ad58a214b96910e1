//! Something that could not be had.

/// One thing that could not be had, in words for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Who should have told it: nova, logs, rabbitmq …
    pub source: &'static str,
    /// unreachable, auth, forbidden, bad answer, missing.
    pub kind: &'static str,
    pub message: String,
    /// Empty where there is nothing to be done.
    pub next_step: String,
    pub request_id: Option<String>,
}

impl Trouble {
    /// Of logs that could not be read, or not to their end.
    pub fn of_log(message: impl Into<String>) -> Self {
        Self {
            source: "logs",
            kind: "missing",
            message: message.into(),
            next_step: String::new(),
            request_id: None,
        }
    }
}
