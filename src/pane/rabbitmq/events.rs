//! What services have said over the bus, the newest first.

use crate::model::Event;
use crate::pane::Cx;
use crate::report::Topic;
use crate::store::Standing;
use crate::theme::Role;
use crate::ui::details::Section;
use crate::ui::format;

/// Lines that are built: the newest of those that are kept.
const SHOWN: usize = 500;

pub(super) fn sections(cx: &Cx) -> Vec<Section> {
    let fresh = cx.store.freshness(Topic::Events);
    let mut section = Section::new(match cx.store.events.heard() {
        0 => "notifications".to_owned(),
        n => format!("notifications, {} heard", format::number(n as i64)),
    });
    match fresh.standing(Topic::Events, cx.now) {
        Standing::Waiting => section.add(
            "",
            "nobody listens: `notifications = true` in [broker] of the settings has the services' notifications heard",
        ),
        Standing::Fresh if cx.store.events.heard() == 0 => section.add("", "nothing was said yet"),
        Standing::Fresh | Standing::Stale | Standing::Failed => {}
    }
    if let Some(failing) = &fresh.outage {
        let outage = &failing.outage;
        section.add_as(Role::Crit, "not heard", format!("{}; {}", outage.message, outage.next_step));
    }
    for event in cx.store.events.iter().rev().take(SHOWN) {
        let (role, time, words) = line(cx, event);
        section.add_as(role, time, words);
    }
    vec![section]
}

/// `14:27:17  instance.create.end  web-17  active on cmp02  req-…`.
pub(in crate::pane) fn line(cx: &Cx, event: &Event) -> (Role, String, String) {
    let role = match &*event.priority {
        "ERROR" | "CRITICAL" => Role::Crit,
        "WARN" | "WARNING" => Role::Warn,
        _ => Role::Text,
    };
    let mut words = vec![event.kind.to_string()];
    if let Some(news) = &event.instance {
        words.push(news.name.as_ref().unwrap_or(&news.id).to_string());
        let task = news.task_state.as_ref().and_then(Option::as_deref);
        words.extend(news.vm_state.as_deref().map(|state| match task {
            Some(task) => format!("{state}, {task}"),
            None => state.to_owned(),
        }));
    }
    words.push(match &event.host {
        Some(host) => format!("by {} on {host}", event.publisher),
        None => format!("by {}", event.publisher),
    });
    words.extend(event.message.as_ref().map(ToString::to_string));
    words.extend(event.request_id.as_ref().map(ToString::to_string));
    let time = event.at.map_or_else(|| "?".to_owned(), |at| cx.clock.time(at));
    (role, time, words.join("  "))
}
