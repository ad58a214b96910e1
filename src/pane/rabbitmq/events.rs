//! What services have said over the bus, the newest first.

use crate::pane::{Cx, parts};
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
        let (role, time, words) = parts::event(cx, event);
        section.add_as(role, time, words);
    }
    vec![section]
}
