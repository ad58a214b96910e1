//! Why the broker says no, in RabbitMQ's words; and whether the channel goes with it or the whole connection.

/// 255 octets are what a reply's text may have.
const LONGEST: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: u16,
    pub text: String,
    /// The connection is closed, not the channel alone.
    pub hard: bool,
}

fn soft(code: u16, name: &str, text: &str) -> Refusal {
    Refusal { code, text: cut(format!("{name} - {text}")), hard: false }
}

fn hard(code: u16, name: &str, text: &str) -> Refusal {
    Refusal { hard: true, ..soft(code, name, text) }
}

/// As much as fits, in whole characters.
pub fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

impl Refusal {
    pub fn access(text: &str) -> Self {
        soft(403, "ACCESS_REFUSED", text)
    }

    pub fn no_queue(name: &str, vhost: &str) -> Self {
        soft(404, "NOT_FOUND", &format!("no queue '{name}' in vhost '{vhost}'"))
    }

    pub fn no_exchange(name: &str, vhost: &str) -> Self {
        soft(404, "NOT_FOUND", &format!("no exchange '{name}' in vhost '{vhost}'"))
    }

    pub fn locked(name: &str, vhost: &str) -> Self {
        let text = format!(
            "cannot obtain exclusive access to locked queue '{name}' in vhost '{vhost}'. It could be originally \
             declared on another connection or the exclusive property value does not match that of the original \
             declaration."
        );
        soft(405, "RESOURCE_LOCKED", &text)
    }

    pub fn precondition(text: &str) -> Self {
        soft(406, "PRECONDITION_FAILED", text)
    }

    pub fn login(mechanism: &str) -> Self {
        let text = format!(
            "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
        );
        hard(403, "ACCESS_REFUSED", &text)
    }

    pub fn frame(kind: u8, why: &str) -> Self {
        hard(501, "FRAME_ERROR", &format!("type {kind}, all octets = <<>>: {why}"))
    }

    pub fn syntax() -> Self {
        hard(502, "SYNTAX_ERROR", "illegal arguments")
    }

    pub fn command(text: &str) -> Self {
        hard(503, "COMMAND_INVALID", text)
    }

    pub fn channel(text: &str) -> Self {
        hard(504, "CHANNEL_ERROR", text)
    }

    pub fn unexpected(text: &str) -> Self {
        hard(505, "UNEXPECTED_FRAME", text)
    }

    pub fn not_allowed(text: &str) -> Self {
        hard(530, "NOT_ALLOWED", text)
    }

    pub fn not_implemented(text: &str) -> Self {
        hard(540, "NOT_IMPLEMENTED", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_whatever_the_names_are() {
        for name in ["x".repeat(255), "前".repeat(85), "é".repeat(127)] {
            let refusal = Refusal::no_queue(&name, "openstack");
            assert!(refusal.text.len() <= LONGEST && refusal.text.len() > LONGEST - 4, "{refusal:?}");
            assert!(refusal.text.starts_with("NOT_FOUND - no queue '"));
        }
    }
}
