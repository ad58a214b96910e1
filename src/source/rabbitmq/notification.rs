//! oslo notifications: what is kept of one.
//!
//! Nothing is kept but the fields that are named here: nova's scheduler puts a live user token deep into the payload
//! of its unversioned notifications (testcloud.md 7), and others may well do the same.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Event, News, PowerState, Text};
use crate::source::wire::parse_time;

/// Characters of what went wrong that are kept: tracebacks are pages long.
const MESSAGE: usize = 500;

/// The body of a message, with oslo's envelope (`oslo.version` 2.0) or without.
///
/// # Errors
/// It is no notification.
pub(super) fn parse(body: &[u8]) -> Result<Event, serde_json::Error> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "oslo.message")]
        message: String,
    }
    match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) => serde_json::from_str::<Message>(&envelope.message).map(Message::into_event),
        Err(_) => serde_json::from_slice::<Message>(body).map(Message::into_event),
    }
}

#[derive(Deserialize)]
struct Message {
    message_id: String,
    publisher_id: String,
    event_type: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    timestamp: String,
    #[serde(rename = "_context_request_id")]
    request_id: Option<String>,
    #[serde(rename = "_context_project_id")]
    project_id: Option<String>,
    #[serde(default)]
    payload: Value,
}

impl Message {
    fn into_event(self) -> Event {
        let versioned = self.payload.get("nova_object.data");
        let payload = versioned.unwrap_or(&self.payload);
        // `compute.cmp03` in the old format, `nova-compute:cmp03` in the new one.
        let separator = if self.publisher_id.contains(':') { ':' } else { '.' };
        let (publisher, host) = match self.publisher_id.split_once(separator) {
            Some((publisher, host)) => (publisher, Some(host.into())),
            None => (self.publisher_id.as_str(), None),
        };
        let is_of_instance = self.event_type.starts_with("instance.")
            || self.event_type.starts_with("compute.instance.")
            || self.event_type.starts_with("compute_task.");
        Event {
            id: self.message_id.into(),
            at: moment(&self.timestamp),
            kind: self.event_type.as_str().into(),
            priority: self.priority.into(),
            publisher: publisher.into(),
            host,
            request_id: self.request_id.map(Into::into),
            project_id: self.project_id.map(Into::into),
            instance: news(payload, &self.event_type).filter(|_| is_of_instance).map(Box::new),
            message: went_wrong(payload),
            is_twin: false,
        }
    }
}

/// `2026-11-23 18:48:33.889284`, in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    parse_time(text)
}

fn text(payload: &Value, name: &str) -> Option<Text> {
    payload.get(name)?.as_str().filter(|text| !text.is_empty()).map(Into::into)
}

/// What it says of an instance, in either format.
fn news(payload: &Value, kind: &str) -> Option<News> {
    let id = ["uuid", "instance_uuid", "instance_id"].iter().find_map(|name| text(payload, name))?;
    // The old format has the task as `state_description`; an update tells the new one besides.
    let task = ["task_state", "new_task_state", "state_description"].iter().find_map(|name| {
        let said = payload.get(name)?;
        Some(said.as_str().filter(|task| !task.is_empty()).map(Into::into))
    });
    Some(News {
        name: text(payload, "display_name"),
        vm_state: text(payload, "state").or_else(|| text(payload, "vm_state")),
        // `compute_task` notifications say a state, and nothing of a task.
        task_state: task,
        power_state: text(payload, "power_state").and_then(|word| PowerState::from_word(&word)),
        host: text(payload, "host"),
        hypervisor_hostname: text(payload, "node"),
        deleted: kind.ends_with("instance.delete.end") || kind.ends_with("instance.soft_delete.end"),
        id,
    })
}

/// `fault` of the new format, `exception`, `message` or `reason` of the old one.
fn went_wrong(payload: &Value) -> Option<Text> {
    let said = |value: &Value| {
        let fields = value.get("nova_object.data").unwrap_or(value);
        let words = ["exception_message", "message"].iter().find_map(|name| text(fields, name));
        words.or_else(|| value.as_str().map(Into::into))
    };
    let found = ["fault", "exception", "reason"].iter().find_map(|name| said(payload.get(name)?));
    let found = found.or_else(|| text(payload, "message").filter(|words| &**words != "Success"));
    found.map(|words| words.chars().take(MESSAGE).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = include_str!("../../../tests/samples/rabbitmq/notifications.json");

    /// The recorded messages: their exchange, key and body, as they came.
    fn recorded() -> Vec<String> {
        let list: Vec<Value> = serde_json::from_str(OLD).unwrap();
        list.iter().map(|one| one["raw_body"].to_string()).collect()
    }

    fn of_kind(kind: &str) -> Event {
        let all = recorded();
        let found = all.iter().map(|body| parse(body.as_bytes()).unwrap()).find(|event| &*event.kind == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    }

    #[test]
    fn both_formats_say_the_same_of_an_instance() {
        for (kind, publisher) in
            [("compute.instance.create.end", "compute"), ("instance.create.end", "nova-compute")]
        {
            let event = of_kind(kind);
            assert_eq!((&*event.publisher, event.host.as_deref()), (publisher, Some("cmp03")), "{kind}");
            assert_eq!(event.request_id.as_deref(), Some("req-25567374-2974-491b-9e61-7f067a347145"));
            assert_eq!(event.at.unwrap().to_string().get(..19), Some("2026-11-23T18:48:33"));
            assert_eq!(event.message, None, "{kind}");
            let news = *event.instance.unwrap();
            assert_eq!(&*news.id, "6deecf54-882e-4686-8e8d-95326e581925");
            assert_eq!((news.vm_state.as_deref(), news.task_state), (Some("active"), Some(None)), "{kind}");
            assert_eq!((news.name.as_deref(), news.host.as_deref()), (Some("web-02"), Some("cmp03")));
            assert!(!news.deleted);
        }
    }

    #[test]
    fn an_end_says_that_the_instance_is_gone_and_a_failure_says_why() {
        for kind in ["compute.instance.delete.end", "instance.delete.end"] {
            assert!(of_kind(kind).instance.unwrap().deleted, "{kind}");
        }
        for kind in ["compute_task.build_instances", "compute_task.build_instances.error"] {
            let event = of_kind(kind);
            assert!(event.message.unwrap().contains("No valid host"), "{kind}");
            assert_eq!(event.instance.unwrap().vm_state.as_deref(), Some("error"), "{kind}");
        }
    }

    #[test]
    fn nothing_of_a_payload_is_kept_but_what_is_named() {
        for body in recorded() {
            let event = format!("{:?}", parse(body.as_bytes()).unwrap());
            assert!(!event.contains("gAAAA") && !event.contains("auth_token"), "{event}");
            assert!(event.len() < 2_500, "{event}");
        }
    }

    #[test]
    fn the_old_envelope_is_read_and_what_is_none_is_refused() {
        let bare = r#"{"message_id": "m", "publisher_id": "nova", "event_type": "x.y", "payload": {}}"#;
        assert_eq!(&*parse(bare.as_bytes()).unwrap().kind, "x.y");
        for body in ["", "{}", "[]", "null", r#"{"oslo.message": "{"}"#, r#"{"oslo.message": 3}"#] {
            parse(body.as_bytes()).unwrap_err();
        }
    }
}
