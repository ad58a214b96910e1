//! From a record as `journalctl -o json` has it to a line that people can read: what rsyslog makes of it, with oslo's own
//! fields before the message as oslo writes them into a file.

use std::borrow::Cow;
use std::io::Write;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::super::oslo;
use crate::trace::NEWLINE;

/// Bytes at the start of a message in which oslo has written its own prefix, if it has.
const PREFIX: usize = 512;
/// syslog's facility for daemons: where the priority goes that a record has.
const DAEMON: u8 = 3 << 3;

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, rename = "__CURSOR")]
    pub cursor: Cow<'a, str>,
    #[serde(borrow, rename = "__REALTIME_TIMESTAMP")]
    time: Cow<'a, str>,
    #[serde(borrow, default, rename = "SYSLOG_IDENTIFIER")]
    program: Field<'a>,
    #[serde(borrow, default, rename = "_COMM")]
    command: Field<'a>,
    #[serde(borrow, default, rename = "_PID")]
    pid: Field<'a>,
    #[serde(borrow, default, rename = "PRIORITY")]
    priority: Field<'a>,
    #[serde(borrow, default, rename = "LOGGER_NAME")]
    logger: Field<'a>,
    #[serde(borrow, default, rename = "LOGGER_LEVEL")]
    level: Field<'a>,
    #[serde(borrow, default, rename = "REQUEST_ID")]
    request_id: Field<'a>,
    #[serde(borrow, default, rename = "USER_ID")]
    user: Field<'a>,
    #[serde(borrow, default, rename = "PROJECT_ID")]
    project: Field<'a>,
    #[serde(borrow, default, rename = "MESSAGE")]
    message: Field<'a>,
}

/// A field's value. What is not all printable, as text with colours, is the list of its bytes; a field that is there
/// several times is the list of its values.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Field<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes(Vec<u8>),
    Several(Vec<Field<'a>>),
    #[default]
    Nothing,
}

impl Field<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Several(values) => values.first().map_or(&[], Self::bytes),
            Self::Nothing => &[],
        }
    }

    /// A word of a line: blanks, and what would end it there, stand as `_`.
    fn word(&self) -> Option<Vec<u8>> {
        let is_end =
            |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"[]:".contains(byte);
        let word: Vec<u8> = self.bytes().iter().map(|byte| if is_end(byte) { b'_' } else { *byte }).collect();
        (!word.is_empty()).then_some(word)
    }
}

/// `None`: it is no record.
pub(super) fn parse(json: &[u8]) -> Option<Record<'_>> {
    serde_json::from_slice(json).ok()
}

impl Record<'_> {
    /// `<30>2026-11-23T18:48:30.066123Z cmp01 nova-compute[21293]: INFO nova.compute [None req-… u p] Claim successful`,
    /// with its line break. The host goes by the name under which it is asked: its files do, too.
    pub fn write(&self, host: &str, line: &mut Vec<u8>) {
        let message = self.message.bytes().trim_ascii_end();
        let inner = self.prefix(message);
        // oslo's own level, where there is one, is the better word.
        if let (None, [digit @ b'0'..=b'7']) = (&inner, self.priority.bytes()) {
            // Writing into a Vec cannot fail.
            let _ = write!(line, "<{}>", DAEMON | (digit - b'0'));
        }
        let time = self.time.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let _ = write!(line, "{} {host} ", time.unwrap_or_default());
        line.extend(self.program.word().or_else(|| self.command.word()).unwrap_or_else(|| b"?".to_vec()));
        if let Some(pid) = self.pid.word() {
            line.push(b'[');
            line.extend(pid);
            line.push(b']');
        }
        line.extend(b": ");
        line.extend(inner.unwrap_or_default());
        for (number, part) in message.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                line.extend(NEWLINE.as_bytes());
            }
            line.extend(part);
        }
        line.push(b'\n');
    }

    /// What oslo puts before a message in a file, of what stands in fields here. Where it has written that into the message,
    /// too, there is nothing to add.
    fn prefix(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (level, logger) = (self.level.word()?, self.logger.word()?);
        let head = message.get(..PREFIX).unwrap_or(message);
        if memchr::memmem::find(head, &logger).is_some()
            && (oslo::parse(message).is_some() || oslo::after_time(message, 0).is_some())
        {
            return None;
        }
        let mut prefix = [&level[..], b" ", &logger, b" ["].concat();
        match self.request_id.word() {
            Some(request_id) => {
                prefix.extend(b"None ");
                prefix.extend(request_id);
                for part in [&self.user, &self.project] {
                    prefix.push(b' ');
                    prefix.extend(part.word().unwrap_or_else(|| b"-".to_vec()));
                }
                prefix.extend(b" - - -");
            }
            None => prefix.push(b'-'),
        }
        prefix.extend(b"] ");
        Some(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::Grammar;
    use super::*;
    use crate::model::Level;

    /// As systemd 252 has it, with all that comes unasked.
    fn record(fields: &str) -> String {
        format!(
            "{{\"__CURSOR\":\"s=76;i=158;b=4e;m=22;t=66;x=7f\",\"_BOOT_ID\":\"4eb7\",\"_HOSTNAME\":\"cmp01.example.org\",\
             \"__MONOTONIC_TIMESTAMP\":\"571760083\",\"__REALTIME_TIMESTAMP\":\"1795459710066123\",{fields}}}"
        )
    }

    fn line(fields: &str) -> Vec<u8> {
        let json = record(fields);
        let record = parse(json.as_bytes()).unwrap();
        assert_eq!(record.cursor, "s=76;i=158;b=4e;m=22;t=66;x=7f");
        let mut line = Vec::new();
        record.write("cmp01", &mut line);
        assert_eq!(line.pop(), Some(b'\n'));
        line
    }

    #[test]
    fn a_record_is_read_as_the_line_that_rsyslog_would_have_made_of_it() {
        let own = "\"LOGGER_NAME\":\"nova.compute.claims\",\"LOGGER_LEVEL\":\"WARNING\",\"_PID\":\"21293\",\
                   \"SYSLOG_IDENTIFIER\":\"nova-compute\",\"PRIORITY\":\"4\"";
        let context = "\"REQUEST_ID\":\"req-a54b595b-8846-4aa2-8a5a-629e8034465f\",\"USER_ID\":\"u\"";
        let message = "\"MESSAGE\":\"[instance: f064d769-2144-43c6-a1f6-7967745cf373] Claim\\nfailed\\n\"";
        let told = line(&format!("{own},{context},{message}"));
        assert_eq!(
            String::from_utf8_lossy(&told),
            "2026-11-23T18:48:30.066123Z cmp01 nova-compute[21293]: WARNING nova.compute.claims [None \
             req-a54b595b-8846-4aa2-8a5a-629e8034465f u - - - -] [instance: f064d769-2144-43c6-a1f6-7967745cf373] \
             Claim#012failed"
        );
        let parsed = Grammar::shipped().unwrap().parse(&told);
        let part = |span: crate::model::Span| String::from_utf8_lossy(span.of(&told)).into_owned();
        assert_eq!(parsed.level, Level::Warning);
        assert_eq!(
            [parsed.host, parsed.program, parsed.pid, parsed.logger, parsed.request_id, parsed.user]
                .map(part),
            [
                "cmp01",
                "nova-compute",
                "21293",
                "nova.compute.claims",
                "req-a54b595b-8846-4aa2-8a5a-629e8034465f",
                "u"
            ]
        );
        assert_eq!(part(parsed.instance), "f064d769-2144-43c6-a1f6-7967745cf373");
        assert_eq!(part(parsed.message), "Claim#012failed");
        let told = line(&format!("{own},\"MESSAGE\":\"periodic\""));
        assert!(told.ends_with(b"nova-compute[21293]: WARNING nova.compute.claims [-] periodic"));
    }

    #[test]
    fn what_is_no_field_of_oslos_is_read_from_its_words() {
        let grammar = Grammar::shipped().unwrap();
        let coloured =
            "\\u001b[01;31mERROR nova.x [\\u001b[01;36mNone req-1 u p\\u001b[01;31m] \\u001b[00mbad";
        let bytes: Vec<u8> = serde_json::from_str::<String>(&format!("\"{coloured}\"")).unwrap().into_bytes();
        for (fields, level, program, words) in [
            // Standard output: whatever oslo wrote there, journald calls it information.
            (
                "\"PRIORITY\":\"6\",\"SYSLOG_IDENTIFIER\":\"nova-api\",\"MESSAGE\":\"2026-11-23 18:48:30.066 7 ERROR nova.x [-] bad\"".to_owned(),
                Level::Error,
                "nova-api",
                "bad",
            ),
            // With colours it is a list of bytes.
            (
                format!("\"PRIORITY\":\"6\",\"SYSLOG_IDENTIFIER\":\"devstack@n-api.service\",\"MESSAGE\":{bytes:?}"),
                Level::Error,
                "devstack@n-api.service",
                "\u{1b}[00mbad",
            ),
            // oslo's handler, whose formatter writes all of it into the message.
            (
                "\"LOGGER_NAME\":\"nova.x\",\"LOGGER_LEVEL\":\"ERROR\",\"SYSLOG_IDENTIFIER\":\"nova-api\",\
                 \"MESSAGE\":\"2026-11-23 18:48:30.066 7 ERROR nova.x [-] bad\""
                    .to_owned(),
                Level::Error,
                "nova-api",
                "bad",
            ),
            ("\"PRIORITY\":\"3\",\"_COMM\":\"lib virtd\",\"MESSAGE\":\"bad\"".to_owned(), Level::Error, "lib_virtd", "bad"),
            ("\"SYSLOG_IDENTIFIER\":\"kernel\",\"PRIORITY\":\"4\",\"MESSAGE\":[\"one\",\"two\"]".to_owned(), Level::Warning, "kernel", "one"),
            ("\"SYSLOG_IDENTIFIER\":\"x\",\"MESSAGE\":null".to_owned(), Level::Unknown, "x", ""),
        ] {
            let told = line(&fields);
            let parsed = grammar.parse(&told);
            let part = |span: crate::model::Span| String::from_utf8_lossy(span.of(&told)).into_owned();
            assert_eq!((parsed.level, &*part(parsed.program)), (level, program), "{fields}");
            assert_eq!(part(parsed.message), words, "{fields}");
            assert_eq!(part(parsed.host), "cmp01");
        }
        assert!(parse(b"-- No entries --").is_none() && parse(b"{\"__CURSOR\":\"s=1\"").is_none());
    }
}
