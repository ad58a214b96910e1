//! Which lines may lend their request ids to the instance that they name, and which never.
//!
//! Measured on a real cloud: of nova's lines those with `[instance: …]`, of nova-api's those about this one
//! server and those of neutron's events for it, of placement's those that change its allocations. Never a GET of
//! placement (a host's resource tracker asks for all instances of the host under whatever request it is in) nor
//! of neutron (a list of servers asks for the ports of all of them), and never a line without a user.

use crate::model::{Access, Line};

use super::Id;

/// The ids that a line lends.
pub(super) fn ids(line: &[u8], parsed: &Line, uuid: &[u8; 36]) -> [Option<Id>; 2] {
    if !parsed.has_user() {
        return [None; 2];
    }
    let local = Id::of(parsed.request_id.of(line));
    let global = Id::of(parsed.global_request_id.of(line));
    let logger = parsed.logger.of(line);
    if logger.starts_with(b"placement.") {
        let lends = parsed.access.is_some_and(|access| {
            matches!(access.method.of(line), b"PUT" | b"DELETE")
                && below(access.path.of(line), b"/allocations/", uuid)
        });
        // Its own id is followed as a part of the request, not as the request.
        return [global.filter(|_| lends), None];
    }
    if !logger.starts_with(b"nova.") {
        return [None; 2];
    }
    if let Some(access) = parsed.access {
        return match below(access.path.of(line), b"/servers/", uuid) {
            // Whoever only looks may have one global id for all that it ever asks.
            true if is_read(access, line) => [local, None],
            true => [local, global],
            false => [None; 2],
        };
    }
    let is_of_it =
        parsed.instance.of(line).eq_ignore_ascii_case(uuid) || is_event(parsed.message.of(line), uuid);
    if is_of_it { [local, global] } else { [None; 2] }
}

/// `Creating event network-vif-plugged:… for instance UUID on cmp01`.
fn is_event(message: &[u8], uuid: &[u8; 36]) -> bool {
    message.starts_with(b"Creating event ") && event_instance(message) == Some(uuid)
}

fn event_instance(message: &[u8]) -> Option<&[u8]> {
    const FOR: &[u8] = b" for instance ";
    let at = memchr::memmem::find(message, FOR)? + FOR.len();
    message.get(at..at + 36)
}

/// The path is of the thing with this UUID: `/v2.1/servers/UUID/action`.
fn below(path: &[u8], parent: &[u8], uuid: &[u8; 36]) -> bool {
    let Some(at) = memchr::memmem::find(path, parent) else { return false };
    let rest = path.get(at + parent.len()..).unwrap_or_default();
    rest.starts_with(uuid) && matches!(rest.get(36), None | Some(b'/' | b'?' | b'.'))
}

fn is_read(access: Access, line: &[u8]) -> bool {
    matches!(access.method.of(line), b"GET" | b"HEAD")
}

/// It answers what versions an API has: that is no request to it, and its line stands under the id of whatever the same
/// thread answered before (seen of nova-api under uwsgi).
pub(super) fn is_under_a_stale_id(line: &[u8], parsed: &Line) -> bool {
    let Some(access) = parsed.access else { return false };
    let path = access.path.of(line).split(|b| *b == b'?').next().unwrap_or_default();
    let version = path.strip_prefix(b"/").unwrap_or(path);
    let version = version.strip_suffix(b"/").unwrap_or(version);
    match version.split_first() {
        None => true,
        Some((b'v', rest)) => !rest.is_empty() && rest.iter().all(|b| b.is_ascii_digit() || *b == b'.'),
        Some(_) => false,
    }
}

/// It names the instance only because somebody looked at it: a read that is not of the server itself.
pub(super) fn is_look(line: &[u8], parsed: &Line, uuid: &[u8; 36]) -> bool {
    parsed
        .access
        .is_some_and(|access| is_read(access, line) && !below(access.path.of(line), b"/servers/", uuid))
}

/// It is about another instance: nova says so, its scheduler, an event, or neutron of the event's answer.
pub(super) fn is_of_another(line: &[u8], parsed: &Line, uuid: &[u8; 36]) -> bool {
    const SERVER: &[u8] = b"'server_uuid': '";
    const FILTERED: &[u8] = b"the request with instance ID '";
    let is_other =
        |found: Option<&[u8]>| found.is_some_and(|other| Id::parse(other).is_some() && other != uuid);
    let message = parsed.message.of(line);
    let instance = Some(parsed.instance.of(line)).filter(|instance| !instance.is_empty());
    let event = message.starts_with(b"Creating event ").then(|| event_instance(message)).flatten();
    let behind = |words: &[u8]| {
        let at = memchr::memmem::find(message, words)? + words.len();
        message.get(at..at + 36)
    };
    is_other(instance) || is_other(event) || is_other(behind(SERVER)) || is_other(behind(FILTERED))
}
