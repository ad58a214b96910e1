//! With `notification_format = both` nova says each step twice, first in the old format: that is one step.

use std::collections::VecDeque;

use jiff::SignedDuration;

use crate::model::{Event, Text};

/// Steps whose twin may still come. nova sends both within some ten milliseconds, and one format alone has none.
const WAITING: usize = 256;
/// The sender's time between both, at most.
const APART: SignedDuration = SignedDuration::from_secs(5);

/// The last events that had no twin yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Twins {
    waiting: VecDeque<(Step, Event)>,
}

/// What both have in common, and what tells them apart.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    kind: String,
    request: Option<Text>,
    instance: Option<Text>,
    is_versioned: bool,
}

impl Twins {
    /// Gives the second of two the id of the first.
    pub fn fold(&mut self, event: &mut Event) {
        let Some(step) = step(event) else { return };
        let is_near = |other: &Event| match (other.at, event.at) {
            (Some(first), Some(second)) => second.duration_since(first).abs() <= APART,
            _ => true,
        };
        let twin = self.waiting.iter().position(|(other, first)| {
            let Step { kind, request, instance, is_versioned } = other;
            *is_versioned != step.is_versioned
                && (kind, request, instance) == (&step.kind, &step.request, &step.instance)
                && first.id != event.id
                && is_near(first)
        });
        if let Some((_, first)) = twin.and_then(|at| self.waiting.remove(at)) {
            (event.id, event.is_twin) = (first.id, true);
            return;
        }
        self.waiting.push_back((step, event.clone()));
        if self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
    }
}

/// None of what has but one format: nova alone has two, and without a request nothing says that two belong together.
fn step(event: &Event) -> Option<Step> {
    let is_versioned = event.publisher.starts_with("nova-");
    let old = ["compute", "compute_task", "conductor", "scheduler", "api"];
    let is_old = old.iter().any(|publisher| *event.publisher == **publisher);
    (event.request_id.is_some() && (is_versioned || is_old)).then(|| Step {
        kind: kind(&event.kind),
        request: event.request_id.clone(),
        instance: event.instance.as_ref().map(|news| news.id.clone()),
        is_versioned,
    })
}

/// `compute.instance.live_migration._post.end` is `instance.live_migration_post.end`, and
/// `compute_task.build_instances.error` has its last word in its priority.
fn kind(kind: &str) -> String {
    let kind = kind.strip_prefix("compute.").filter(|rest| rest.starts_with("instance.")).unwrap_or(kind);
    let kind = kind.strip_suffix(".error").filter(|rest| rest.starts_with("compute_task.")).unwrap_or(kind);
    kind.split(['.', '_']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::News;

    fn event(id: &str, kind: &str, publisher: &str, request: &str, instance: &str, at: &str) -> Event {
        let text = |text: &str| Some(Text::from(text)).filter(|text| !text.is_empty());
        Event {
            id: id.into(),
            at: Some(format!("2026-11-23T{at}Z").parse().unwrap()),
            kind: kind.into(),
            priority: "INFO".into(),
            publisher: publisher.into(),
            host: None,
            request_id: text(request),
            project_id: None,
            instance: text(instance).map(|id| Box::new(News { id, ..News::default() })),
            message: None,
            is_twin: false,
        }
    }

    #[test]
    fn two_formats_of_one_step_are_one_step_and_two_steps_stay_two() {
        let mut twins = Twins::default();
        // What comes in; whose line it is.
        for (id, kind, publisher, request, instance, at, line) in [
            ("1", "compute.instance.create.end", "compute", "r1", "i1", "18:48:33.88", "1"),
            ("2", "instance.create.end", "nova-compute", "r1", "i1", "18:48:33.89", "1"),
            // Once more is another step.
            ("3", "instance.create.end", "nova-compute", "r1", "i1", "18:48:34.00", "3"),
            ("4", "compute.instance.create.end", "compute", "r1", "i1", "18:48:34.10", "3"),
            // The same kind of another request, and of another instance of the same request.
            ("5", "compute.instance.update", "conductor", "r2", "i1", "18:48:35.00", "5"),
            ("6", "compute.instance.update", "conductor", "r2", "i2", "18:48:35.00", "6"),
            ("7", "instance.update", "nova-conductor", "r3", "i1", "18:48:35.01", "7"),
            ("8", "instance.update", "nova-conductor", "r2", "i2", "18:48:35.01", "6"),
            ("9", "instance.update", "nova-conductor", "r2", "i1", "18:48:35.02", "5"),
            // Too late to be the same.
            ("a", "compute.instance.power_off.end", "compute", "r4", "i1", "18:48:36.00", "a"),
            ("b", "instance.power_off.end", "nova-compute", "r4", "i1", "18:48:42.00", "b"),
            // Names that differ by more.
            ("c", "compute_task.build_instances", "compute_task", "r5", "i3", "18:48:43.00", "c"),
            ("c2", "compute_task.build_instances.error", "nova-conductor", "r5", "i3", "18:48:43.07", "c"),
            ("d", "compute.instance.live_migration._post.end", "compute", "r6", "i3", "18:48:44.00", "d"),
            ("e", "instance.live_migration_post.end", "nova-compute", "r6", "i3", "18:48:44.01", "d"),
            ("f", "scheduler.select_destinations.start", "scheduler", "r7", "", "18:48:45.00", "f"),
            ("g", "scheduler.select_destinations.start", "nova-scheduler", "r7", "", "18:48:45.01", "f"),
            // neutron and cinder have one format; without a request nothing is sure.
            ("h", "port.create.end", "network", "r8", "", "18:48:46.00", "h"),
            ("i", "port.create.end", "network", "r8", "", "18:48:46.01", "i"),
            ("j", "service.update", "nova-compute", "", "", "18:48:47.00", "j"),
            ("k", "service.update", "compute", "", "", "18:48:47.01", "k"),
        ] {
            let mut event = event(id, kind, publisher, request, instance, at);
            twins.fold(&mut event);
            assert_eq!((&*event.id, event.is_twin), (line, line != id), "{id}");
        }
    }

    #[test]
    fn one_format_alone_is_waited_for_no_longer_than_there_is_room() {
        let mut twins = Twins::default();
        for number in 0..3 * WAITING {
            let id = number.to_string();
            twins.fold(&mut event(&id, "instance.update", "nova-compute", &id, "i", "18:48:33.00"));
        }
        assert_eq!(twins.waiting.len(), WAITING);
    }
}
