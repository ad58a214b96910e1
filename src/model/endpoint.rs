//! What a request to an API is about: the same for all objects of a kind.

use super::Text;

/// Requests of one kind to one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub service: Text,
    /// `GET /v2.1/servers/{id}`, as [`endpoint`] makes it.
    pub words: Text,
}

/// One request that a service told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of its endpoint.
    pub endpoint: u32,
    /// Microseconds since 1970, UTC.
    pub at: i64,
    pub status: u16,
    /// Microseconds; `None` where the line does not say.
    pub took: Option<u32>,
}

/// Bytes of a part of a path that are a word of the API; what is longer is somebody's name.
const WORD: usize = 40;
/// Parts of a path that tell endpoints apart; behind them an object store has its users' own names.
const PARTS: usize = 8;

/// Puts `METHOD /path` into `words`, without the query, and with `{id}` where an id or a number stands.
pub fn endpoint(method: &[u8], path: &[u8], words: &mut String) {
    words.clear();
    push(method, words);
    words.push(' ');
    let path = path.split(|b| *b == b'?').next().unwrap_or_default();
    // Proxies may write whole addresses: of those the path counts.
    let path = match path.windows(3).position(|part| part == b"://") {
        Some(at) => {
            let rest = &path[at + 3..];
            rest.iter().position(|b| *b == b'/').map_or(&b"/"[..], |slash| &rest[slash..])
        }
        None => path,
    };
    for (number, part) in path.split(|b| *b == b'/').enumerate() {
        if number > 0 {
            words.push('/');
        }
        if number > PARTS {
            words.push('…');
            return;
        }
        if is_word(part) { push(part, words) } else { words.push_str("{id}") }
    }
}

/// Whether a part of a path is a word of the API, and not an id, a number or a name.
fn is_word(part: &[u8]) -> bool {
    let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
    let is_hex = || part.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let is_id = (part.len() >= 16 && digits > 0 && is_hex()) || (digits > 0 && digits == part.len());
    !is_id && part.len() <= WORD && !part.starts_with(b"AUTH_") && !part.contains(&b'%')
}

fn push(bytes: &[u8], words: &mut String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => words.push_str(text),
        Err(_) => words.push_str(&String::from_utf8_lossy(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_numbers_and_names_are_not_part_of_it() {
        for (method, path, words) in [
            ("GET", "/v2.1/servers/detail?all_tenants=1&marker=7", "GET /v2.1/servers/detail"),
            (
                "POST",
                "/v2.1/servers/f064d769-2144-43c6-a1f6-7967745cf373/action",
                "POST /v2.1/servers/{id}/action",
            ),
            ("GET", "/v3/2e07ded68efe48b090bacd6bb1ecc2a0/volumes", "GET /v3/{id}/volumes"),
            ("GET", "/v2.1/os-hypervisors/17", "GET /v2.1/os-hypervisors/{id}"),
            ("GET", "http://10.0.0.11:9696/v2.0/ports", "GET /v2.0/ports"),
            ("GET", "http://10.0.0.11:9696", "GET /"),
            ("PUT", "/v1/AUTH_7f1d/photos/a/b/c/d/e/f/g", "PUT /v1/{id}/photos/a/b/c/d/e/…"),
            ("GET", "/api/queues/%2Fprod/x", "GET /api/queues/{id}/x"),
            (
                "GET",
                "/v2.1/os-keypairs/a-name-that-is-longer-than-any-word-of-an-api",
                "GET /v2.1/os-keypairs/{id}",
            ),
            ("GET", "/", "GET /"),
            ("", "", " "),
            ("GET", "/deadbeef", "GET /deadbeef"),
        ] {
            let mut told = "before".to_owned();
            endpoint(method.as_bytes(), path.as_bytes(), &mut told);
            assert_eq!(told, words, "{path}");
        }
        endpoint(b"\xff", b"/\xfe/x", &mut String::new());
    }
}
