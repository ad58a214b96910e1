//! A UUID, or the one of a request id, as a number: compared and looked up millions of times.

use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

/// `57ac3a7c`: what the ids of our own requests begin with.
const OURS: u128 = 0x57ac_3a7c;

/// The same as it is written.
const OURS_TEXT: &[u8] = b"57ac3a7c-";

/// Places of the dashes in a UUID's text.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Id {
    /// The 36 characters at the beginning, in any case; what follows is not looked at.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; 36] = text.first_chunk()?;
        let mut value: u128 = 0;
        for (place, byte) in text.iter().enumerate() {
            if DASHES.contains(&place) {
                if *byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return None,
            };
            value = value << 4 | u128::from(digit);
        }
        Some(Self(value))
    }

    /// As it stands in a line: `req-…`, or without that, as fluentd leaves it.
    pub fn of(text: &[u8]) -> Option<Self> {
        Self::parse(text.strip_prefix(b"req-").unwrap_or(text))
    }

    /// An id for a request of our own: its first 32 bits say so, whichever stackwatch asked.
    pub fn ours(random: u128) -> Self {
        Self(random & (u128::MAX >> 32) | OURS << 96)
    }

    /// It is of a question that a stackwatch has asked: its traces are no part of any instance's story.
    pub fn is_ours(self) -> bool {
        self.0 >> 96 == OURS
    }

    /// Whether such an id stands there, with `req-` or without: a tail asks that of every line.
    pub fn is_ours_in(text: &[u8]) -> bool {
        let text = text.strip_prefix(b"req-").unwrap_or(text);
        text.starts_with(OURS_TEXT) && Self::parse(text).is_some()
    }

    /// In lower case, as all services write it.
    pub fn text(self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut shift = 128;
        for (place, byte) in text.iter_mut().enumerate() {
            if !DASHES.contains(&place) {
                shift -= 4;
                *byte = b"0123456789abcdef"[(self.0 >> shift & 15) as usize];
            }
        }
        text
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_36_characters_and_nothing_less() {
        let text = "f064d769-2144-43c6-a1f6-7967745cf373";
        let id = Id::parse(text.as_bytes()).unwrap();
        assert_eq!(id.to_string(), text);
        for same in [&text.to_uppercase(), &format!("{text}]"), &format!("req-{text}")] {
            assert_eq!(Id::of(same.as_bytes()), Some(id), "{same}");
        }
        for (other, why) in [(&text[..35], "short"), ("f064d769-2144-43c6-a1f6+7967745cf373", "no dash")] {
            assert_eq!(Id::parse(other.as_bytes()), None, "{why}");
        }
        assert_eq!(Id::parse(b"f064d769-2144-43c6-a1f6-7967745cf37g"), None);
    }

    #[test]
    fn an_id_of_our_own_says_so() {
        let id = Id::parse(b"f064d769-2144-43c6-a1f6-7967745cf373").unwrap();
        let ours = Id::ours(id.0);
        assert_eq!(ours.to_string(), "57ac3a7c-2144-43c6-a1f6-7967745cf373");
        assert!(ours.is_ours() && !id.is_ours());
        assert!(Id::is_ours_in(&ours.text()) && Id::is_ours_in(format!("req-{ours}").as_bytes()));
        assert!(!Id::is_ours_in(&id.text()) && !Id::is_ours_in(b"req-57ac3a7c-2144") && !Id::is_ours_in(b""));
    }
}
