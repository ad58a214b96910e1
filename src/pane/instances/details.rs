//! Everything known about one instance: its own row, its events, its console log.

use crate::health::Verdict;
use crate::model::{Address, AddressKind, Instance, InstanceAction};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::table::Slot;
use crate::theme::Role;
use crate::ui::details::Section;
use crate::ui::format;

pub(super) fn everything(cx: &Cx, slot: Slot, row: &Instance) -> Vec<Section> {
    let mut sections = vec![state(cx, slot, row)];
    sections.extend(said(cx, row));
    sections.extend([place(cx, row), shape(cx, row), network(row)]);
    if !row.metadata.is_empty() {
        let mut metadata = Section::new("metadata");
        for (key, value) in &row.metadata {
            metadata.add(key.to_string(), value.to_string());
        }
        sections.push(metadata);
    }
    sections.extend(events(cx, row));
    // Long, and of use only to who has read all before.
    if let Some(details) = row.fault.as_ref().and_then(|fault| fault.details.as_deref()) {
        sections.push(traceback("fault details", details));
    }
    sections
}

/// Known messages of the last hour that name it.
fn said(cx: &Cx, row: &Instance) -> Option<Section> {
    let facts = cx.store.logs.facts().of_instance(&row.id);
    let mut section = Section::new("its logs say (l shows the lines, t their way)");
    for fact in facts {
        let signature = fact.signature;
        let at = jiff::Timestamp::from_microsecond(fact.last).ok();
        let times = match fact.times() {
            1 => String::new(),
            times => format!(", {times} times in the last hour"),
        };
        let who = format!("{} on {}{times}", fact.service, fact.host);
        section.add(signature.id.as_str(), format!("{}: {} {}", who, signature.meaning, signature.next));
        section.add("", parts::moment(cx, at));
    }
    (!facts.is_empty()).then_some(section)
}

/// A traceback without the lines that only underline the one above.
fn traceback(title: impl Into<String>, text: &str) -> Section {
    let mut section = Section::new(title);
    let underlines = |line: &&str| !line.trim().is_empty() && line.trim().chars().all(|c| "^~".contains(c));
    for line in text.lines().filter(|line| !underlines(line)) {
        section.add_as(Role::Dim, "", line);
    }
    section
}

/// What stands for something that was not given: known not to be there, but of a down cell unknown.
fn absent(row: &Instance) -> &'static str {
    if row.partial { "?" } else { "–" }
}

fn state(cx: &Cx, slot: Slot, row: &Instance) -> Section {
    let verdict = crate::health::instance::verdict(row);
    let mut section = Section::new("state");
    section.add_as(parts::role(verdict), "status", row.status.to_string());
    if let Some(fault) = &row.fault {
        // An old fault may outlive the state: it is red only while the instance is in ERROR.
        let role = if verdict == Verdict::Critical { Role::Crit } else { Role::Dim };
        section.add_as(role, "fault", fault.message.trim());
        section.add("failed at", parts::moment(cx, fault.created));
    }
    let task = match (&row.task_state, cx.store.task_since(slot)) {
        (None, _) => absent(row).to_owned(),
        (Some(task), None) => task.to_string(),
        (Some(task), Some(since)) => {
            format!("{task}, for {} at least", format::duration(cx.now.duration_since(since)))
        }
    };
    section.add("task", task);
    section.add("vm state", row.vm_state.as_deref().unwrap_or("?"));
    section.add("power state", row.power_state.as_str());
    if row.locked {
        section.add("locked", row.locked_reason.as_deref().unwrap_or("yes"));
    }
    section.add("created", parts::moment(cx, row.created));
    section.add("updated", parts::moment(cx, row.updated));
    section.add("launched", row.launched_at.map_or(absent(row).to_owned(), |at| parts::moment(cx, Some(at))));
    section
}

fn place(cx: &Cx, row: &Instance) -> Section {
    let mut section = Section::new("where and whose");
    section.add("id", row.id.to_string());
    let host = row.host.as_deref().unwrap_or(if row.partial { "?" } else { "– never placed" });
    let on = match cx.store.hypervisor_of(row) {
        Some((_, hypervisor)) => {
            let verdict = crate::health::hypervisor::verdict(cx.store, hypervisor);
            let state = crate::tables::hypervisors::state(cx.store, hypervisor).as_str();
            section.add_as(parts::role(verdict), "host", format!("{host} ({state})"));
            None
        }
        None => Some(host.to_owned()),
    };
    if let Some(host) = on {
        section.add("host", host);
    }
    if let Some(status) = &row.host_status {
        section.add("host status", status.to_string());
    }
    section.add("zone", row.availability_zone.as_deref().unwrap_or(absent(row)));
    section.add("libvirt name", row.instance_name.as_deref().unwrap_or(absent(row)));
    let project = match cx.store.projects.by_id(&row.project_id) {
        Some(project) => format!("{} ({})", project.name, row.project_id),
        None => format!("{} (its project's name is not known: deleted, or not ours to see)", row.project_id),
    };
    section.add("project", project);
    if let Some(id) = &row.user_id {
        let user =
            cx.store.users.by_id(id).map_or_else(|| id.to_string(), |user| format!("{} ({id})", user.name));
        section.add("user", user);
    }
    section
}

fn shape(cx: &Cx, row: &Instance) -> Section {
    let mut section = Section::new("flavor and image");
    match &row.flavor {
        None => section.add("flavor", "?"),
        Some(flavor) => {
            let size = |n: Option<u32>| n.map_or("?".to_owned(), |n| n.to_string());
            section.add(
                "flavor",
                format!(
                    "{}: {} vCPU, {} MiB RAM, {} GiB disk",
                    cx.store.flavor_name(flavor),
                    size(flavor.vcpus),
                    size(flavor.ram),
                    size(flavor.disk)
                ),
            );
            for (key, value) in &flavor.extra_specs {
                section.add("extra spec", format!("{key}={value}"));
            }
        }
    }
    let image = match &row.image_id {
        None if row.partial => "?".to_owned(),
        None => "– booted from a volume".to_owned(),
        Some(id) => {
            cx.store.images.by_id(id).map_or_else(|| id.to_string(), |image| format!("{} ({id})", image.name))
        }
    };
    section.add("image", image);
    for volume in &row.volumes {
        let goes = if volume.delete_on_termination == Some(true) { ", deleted with it" } else { "" };
        section.add("volume", format!("{}{goes}", volume.id));
    }
    section.add("key", row.key_name.as_deref().unwrap_or(absent(row)));
    section
}

fn network(row: &Instance) -> Section {
    let mut section = Section::new("network");
    for Address { network, addr, kind, mac } in &row.addresses {
        let kind = match kind {
            AddressKind::Fixed => "fixed",
            AddressKind::Floating => "floating",
        };
        let mac = mac.map(|mac| format!("  {mac}")).unwrap_or_default();
        section.add(kind, format!("{addr}  {network}{mac}"));
    }
    if row.addresses.is_empty() {
        section.add("addresses", absent(row));
    }
    if !row.security_groups.is_empty() {
        section.add("security groups", row.security_groups.join(", "));
    }
    section
}

/// What was done to the instance: each action with its request id, and its events.
pub(super) fn events(cx: &Cx, row: &Instance) -> Vec<Section> {
    let mut sections = actions(cx, row);
    let mut heard = Section::new("notifications");
    for event in cx.store.events.of_instance(&row.id).rev() {
        let (role, time, words) = parts::event(cx, event);
        heard.add_as(role, time, words);
    }
    if cx.store.events.of_instance(&row.id).next().is_some() {
        sections.push(heard);
    }
    sections
}

fn actions(cx: &Cx, row: &Instance) -> Vec<Section> {
    let Some((at, actions)) = cx.store.actions.get(&row.id) else {
        let mut section = Section::new("events");
        section.add("", not_had(cx, Topic::Actions, "events: `e` asks nova for them"));
        return vec![section];
    };
    let mut sections: Vec<Section> = actions.iter().map(|action| one_action(cx, action)).collect();
    let mut end = Section::new("");
    end.add(
        "",
        format!(
            "{}, read {} ago",
            format::count(actions.len(), "action"),
            format::duration(cx.now.duration_since(*at))
        ),
    );
    sections.push(end);
    let events = actions.iter().flat_map(|action| &action.events);
    for (event, text) in events.filter_map(|event| Some((event, event.traceback.as_deref()?))) {
        sections.push(traceback(format!("traceback of {}", event.event), text));
    }
    sections
}

fn one_action(cx: &Cx, action: &InstanceAction) -> Section {
    let when = action.start_time.map_or("?".to_owned(), |at| cx.clock.date_time(at));
    let mut section = Section::new(format!("{}  {when}", action.action));
    section.add("request", action.request_id.to_string());
    if let Some(message) = &action.message {
        section.add_as(Role::Crit, "message", message.to_string());
    }
    if let Some(user) = &action.user_id {
        let name = cx.store.users.by_id(user).map_or(&**user, |user| &*user.name);
        section.add("by", name);
    }
    for event in &action.events {
        let result = event.result.as_deref().unwrap_or("under way");
        let role = match result {
            "Success" => Role::Ok,
            "Error" => Role::Crit,
            _ => Role::Accent,
        };
        let took = match (event.start_time, event.finish_time) {
            (Some(start), Some(end)) => format!(" in {}s", end.duration_since(start).as_secs()),
            (Some(start), None) => format!(" for {}", format::duration(cx.now.duration_since(start))),
            _ => String::new(),
        };
        let at = event.start_time.map_or("?".to_owned(), |at| cx.clock.time(at));
        let on = event.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
        section.add_as(role, at, format!("{} {result}{took}{on}", event.event));
        if let Some(details) = &event.details {
            section.add_as(Role::Dim, "", details.trim());
        }
    }
    section
}

/// The tail of the console log, a line an entry, so that long ones can be walked.
pub(super) fn console(cx: &Cx, row: &Instance) -> Vec<Section> {
    let Some((at, text)) = cx.store.console.get(&row.id) else {
        let mut section = Section::new("console log");
        section.add("", not_had(cx, Topic::Console, "asking nova for the console log …"));
        return vec![section];
    };
    let age = format::duration(cx.now.duration_since(*at));
    let mut section = Section::new(format!("console log, read {age} ago (r reads it anew)"));
    for line in text.lines() {
        section.add("", line);
    }
    if text.is_empty() {
        section.add("", "the console log is empty");
    }
    vec![section]
}

/// Why a question has no answer yet.
fn not_had(cx: &Cx, topic: Topic, waiting: &str) -> String {
    match &cx.store.freshness(topic).outage {
        Some(failing) => format!("{}\nnext: {}", failing.outage.message, failing.outage.next_step),
        None => waiting.to_owned(),
    }
}
