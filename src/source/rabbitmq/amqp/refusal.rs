//! Why AMQP gave no answer, in words for the operator.

use std::fmt::Display;
use std::io;

use lapin::ErrorKind as Lapin;
use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};

use super::Declared;
use crate::config::broker::Transport;
use crate::source::{Error, ErrorKind, ServiceKind};

fn error(kind: ErrorKind, message: String, next_step: impl Into<String>) -> Error {
    Error::new(kind, ServiceKind::Broker, message, next_step)
}

pub(super) fn unreachable(place: &str, cause: &io::Error) -> Error {
    let lookup = cause.raw_os_error().is_none() && cause.to_string().contains("lookup");
    let next = if lookup {
        "check the host's name in the transport URL, and this machine's DNS"
    } else {
        "is the broker up there, and may this machine reach its port? `rabbitmqctl status` on the node says"
    };
    error(ErrorKind::Unreachable, format!("rabbitmq at {place} (AMQP) cannot be reached: {cause}"), next)
}

pub(super) fn silent(place: &str) -> Error {
    error(
        ErrorKind::Timeout,
        format!("rabbitmq at {place} (AMQP) did not answer in time"),
        "the node hangs, or a firewall drops packets: `rabbitmqctl status` there, then its log",
    )
}

/// A connection that the broker takes nothing from: it has done this to whoever publishes while an alarm is raised.
pub(super) fn blocked(place: &str, reason: &str) -> Error {
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    error(
        ErrorKind::Server,
        format!("rabbitmq at {place} (AMQP) has blocked the connection{reason}"),
        "an alarm is raised, and whoever publishes waits: `rabbitmq-diagnostics alarms` says on which node; free \
         memory or disk there",
    )
}

pub(super) fn untrusted(place: &str, cause: &str) -> Error {
    let (message, next) = if cause.contains("InvalidContentType") || cause.contains("corrupt message") {
        (
            format!("rabbitmq at {place} (AMQP) does not speak TLS: {cause}"),
            "take amqp:// and its port (5672), or ask for the listener that has TLS (5671)",
        )
    } else if cause.contains("alert") {
        (
            format!("rabbitmq at {place} (AMQP) ended the TLS handshake: {cause}"),
            "it may ask for a client certificate: name it by `cert` and `key` in [broker]",
        )
    } else {
        (
            format!("rabbitmq at {place} (AMQP): the TLS certificate is not trusted: {cause}"),
            "name your CA by `cacert` in [broker]; `verify = false` trusts anybody",
        )
    };
    error(ErrorKind::Tls, message, next)
}

/// A name that no vhost can have.
pub(super) fn no_vhost(transport: &Transport) -> Error {
    error(
        ErrorKind::Missing,
        format!("no vhost has a name of {} bytes", transport.vhost.len()),
        "check the end of the transport URL in [broker]",
    )
}

/// What lapin says.
pub(super) fn refusal(cause: &lapin::Error, place: &str, transport: &Transport) -> Error {
    match cause.kind() {
        Lapin::ProtocolError(said) => spoken(said, place, transport),
        // With TLS 1.3 a node looks at our certificate when we think that we are in.
        Lapin::IOError(cause) if cause.to_string().contains("fatal alert") => {
            untrusted(place, &cause.to_string())
        }
        Lapin::IOError(cause) => lost(place, cause, transport.secure),
        Lapin::MissingHeartbeatError => error(
            ErrorKind::Timeout,
            format!("rabbitmq at {place} (AMQP) gave no sign of life for too long"),
            "the node hangs, or the network drops what it sends: `rabbitmqctl status` there",
        ),
        Lapin::ParsingError(_) | Lapin::InvalidProtocolVersion(_) => error(
            ErrorKind::BadAnswer,
            format!("what listens at {place} does not speak AMQP 0-9-1: {cause}"),
            "check the port in the transport URL: AMQP is 5672, or 5671 with TLS",
        ),
        Lapin::InvalidConnectionState(_) | Lapin::InvalidChannelState(..) => {
            lost(place, cause, transport.secure)
        }
        _ => {
            error(ErrorKind::Server, format!("rabbitmq at {place} (AMQP): {cause}"), "look at the node's log")
        }
    }
}

/// With TLS the words that say why may be lost with the connection.
fn lost(place: &str, cause: &impl Display, secure: bool) -> Error {
    error(
        ErrorKind::Unreachable,
        format!("rabbitmq at {place} (AMQP): the connection was lost: {cause}"),
        match secure {
            false => {
                "is the node on its way down or up? If it ends at once: does the port speak AMQP, without TLS?"
            }
            true => {
                "is the node on its way down or up? If it ends at once: it may ask for a client certificate \
                 (`cert` and `key` in [broker]), its log says why"
            }
        },
    )
}

/// What the broker itself gave as its reason.
fn spoken(said: &AMQPError, place: &str, transport: &Transport) -> Error {
    let Transport { user, vhost, .. } = transport;
    let text = said.get_message().as_str();
    let grant = format!("rabbitmqctl set_permissions -p {vhost} {user} '^$' '^$' '.*'");
    match said.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if text.contains("Login was refused") => error(
            ErrorKind::Auth,
            format!("rabbitmq at {place} (AMQP) refused user {user}: {text}"),
            format!(
                "check user and password of the transport URL; `rabbitmqctl authenticate_user {user}` asks for the \
                 same; guest may come from the broker's own host only"
            ),
        ),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => error(
            ErrorKind::Forbidden,
            format!("rabbitmq at {place} (AMQP) lets user {user} not do this: {text}"),
            grant,
        ),
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if text.contains("not found") => error(
            ErrorKind::Missing,
            format!("rabbitmq at {place} (AMQP) has no vhost {vhost}"),
            "check the end of the transport URL; `rabbitmqctl list_vhosts` says what there is",
        ),
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) if text.contains("refused") => error(
            ErrorKind::Forbidden,
            format!("rabbitmq at {place} (AMQP): user {user} has no permission on the vhost {vhost}"),
            grant,
        ),
        _ if text.contains("frame_max") => error(
            ErrorKind::Server,
            format!("rabbitmq at {place} (AMQP): {text}"),
            "frames of 8192 bytes are the least that a broker takes from 4.1 on, and that stackwatch takes: raise \
             `frame_max` in rabbitmq.conf",
        ),
        AMQPErrorKind::Hard(AMQPHardError::FRAMEERROR) => error(
            ErrorKind::BadAnswer,
            format!("rabbitmq at {place} (AMQP) sent what was not agreed on: {text}"),
            "does something stand between that changes AMQP? Else look at the node's log",
        ),
        AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED) => lost(place, &text, transport.secure),
        _ => {
            error(ErrorKind::Server, format!("rabbitmq at {place} (AMQP): {text}"), "look at the node's log")
        }
    }
}

/// Our queue is gone, and we were told so: its node went down, or somebody deleted it.
pub(super) fn cancelled(place: &str) -> Error {
    lost(place, &"our queue of notifications is gone", false)
}

/// The broker's words, if it refused something to our account.
pub(super) fn refused(error: &lapin::Error) -> Option<&str> {
    let Lapin::ProtocolError(said) = error.kind() else { return None };
    let refused = matches!(said.kind(), AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED));
    refused.then(|| said.get_message().as_str())
}

/// Whether another host of the cluster may do better.
pub(super) fn is_of_host(error: &Error) -> bool {
    !matches!(error.kind, ErrorKind::Auth | ErrorKind::Forbidden | ErrorKind::Missing)
}

/// What closes the channel and is an answer all the same.
///
/// Who may declare passively: with 4.2.5 and before anybody who may enter the vhost, with 4.2.6 and 4.3.0 who may
/// configure the queue, since 4.2.7 and 4.3.1 who may do anything with it (operations.md 3.3).
pub(super) fn of_queue(error: &lapin::Error) -> Option<Declared> {
    let Lapin::ProtocolError(said) = error.kind() else { return None };
    match said.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Some(Declared::Missing),
        // Also RESOURCE_LOCKED: an exclusive queue of somebody else.
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED | AMQPSoftError::RESOURCELOCKED) => {
            Some(Declared::Refused(said.get_message().as_str().into()))
        }
        _ => None,
    }
}
