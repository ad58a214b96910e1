//! Names and passwords, as SASL's mechanisms carry them.

use amq_protocol::types::parsing::parse_field_table;
use amq_protocol::types::{AMQPValue, FieldTable};

/// A zero and a name, a zero and a password, and nothing else: RabbitMQ takes no identity before them.
pub fn plain(response: &[u8]) -> Option<(String, String)> {
    let mut parts = response.strip_prefix(&[0])?.split(|octet| *octet == 0);
    let (name, password, None) = (parts.next()?, parts.next()?, parts.next()) else { return None };
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).ok();
    Some((text(name)?, text(password)?))
}

/// A table without its length.
pub fn amqplain(response: &[u8]) -> Option<(String, String)> {
    let length = u32::try_from(response.len()).ok()?;
    let octets = [&length.to_be_bytes()[..], response].concat();
    // How deep it is was looked at with its frame.
    let (_, table): (_, FieldTable) = parse_field_table(octets.as_slice()).ok()?;
    let text = |name: &str| match table.inner().get(name) {
        Some(AMQPValue::LongString(text)) => Some(text.to_string()),
        _ => None,
    };
    Some((text("LOGIN")?, text("PASSWORD")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_of_both_mechanisms_are_understood_and_others_are_none() {
        let alice = Some(("alice".to_owned(), "s3cret".to_owned()));
        assert_eq!(plain(b"\0alice\0s3cret"), alice);
        assert_eq!(amqplain(b"\x05LOGINS\0\0\0\x05alice\x08PASSWORDS\0\0\0\x06s3cret"), alice);
        for garbage in [
            &b""[..],
            b"alice",
            b"\0alice",
            b"x\0alice\0s3cret",
            b"\0alice\0s3cret\0",
            b"\0\xff\0x",
            b"\x05LOGINS\0\0\0\xffalice",
        ] {
            assert_eq!((plain(garbage), amqplain(garbage)), (None, None), "{garbage:?}");
        }
    }
}
