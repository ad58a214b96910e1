//! oslo's notifications: what nova, neutron and cinder tell of each step of the story.
//!
//! Each step gives notices, which cost next to nothing; their bodies are written only where a client has bound a
//! queue for them. Shapes and publishers are those that Zed's services sent; nova sends both formats.

mod context;
mod instance;
mod others;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use super::kinds::NOTIFICATIONS;
use crate::sim::cloud::{Cloud, Event, Instance, Kind};
use crate::sim::random::Random;

/// One message to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    pub about: About,
    pub versioned: bool,
    /// `start`, `end`, `error`; empty where there is one message alone.
    pub phase: &'static str,
}

/// What it is about, and so who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// An operation on an instance, by nova-compute: its name with and without versions.
    Instance(&'static str, &'static str),
    /// A change of states, by nova-conductor while nobody has the instance, else by its nova-compute.
    Update,
    /// nova-scheduler chose hosts, or found none.
    Select,
    /// nova-conductor gives a build up.
    NoHost,
    Service,
    Port(&'static str),
    Volume,
}

/// An operation: its action, the message that nova-compute gets, and what it is called when it begins and ends.
struct Words {
    action: &'static str,
    method: &'static str,
    begins: (&'static str, &'static str),
    ends: (&'static str, &'static str),
}

const fn words(action: &'static str, method: &'static str, name: &'static str) -> Words {
    Words { action, method, begins: (name, name), ends: (name, name) }
}

const fn moves(
    action: &'static str,
    method: &'static str,
    begins: (&'static str, &'static str),
    ends: (&'static str, &'static str),
) -> Words {
    Words { action, method, begins, ends }
}

const RESIZE: ((&str, &str), (&str, &str)) =
    (("resize.prep", "resize_prep"), ("finish_resize", "resize_finish"));
const LIVE: ((&str, &str), (&str, &str)) =
    (("live_migration.pre", "live_migration_pre"), ("live_migration._post", "live_migration_post"));
const CONFIRM: (&str, &str) = ("resize.confirm", "resize_confirm");
const REVERT: (&str, &str) = ("resize.revert", "resize_revert");

/// `compute.instance.<name>` and `instance.<name>`.
const OPERATIONS: &[Words] = &[
    words("delete", "terminate_instance", "delete"),
    words("stop", "stop_instance", "power_off"),
    words("start", "start_instance", "power_on"),
    words("reboot", "reboot_instance", "reboot"),
    words("pause", "pause_instance", "pause"),
    words("unpause", "unpause_instance", "unpause"),
    words("suspend", "suspend_instance", "suspend"),
    words("resume", "resume_instance", "resume"),
    words("rescue", "rescue_instance", "rescue"),
    words("unrescue", "unrescue_instance", "unrescue"),
    words("shelve", "shelve_instance", "shelve"),
    words("unshelve", "unshelve_instance", "unshelve"),
    words("rebuild", "rebuild_instance", "rebuild"),
    words("evacuate", "rebuild_instance", "rebuild"),
    words("createImage", "snapshot_instance", "snapshot"),
    moves("resize", "prep_resize", RESIZE.0, RESIZE.1),
    moves("migrate", "prep_resize", RESIZE.0, RESIZE.1),
    moves("live-migration", "live_migration", LIVE.0, LIVE.1),
    moves("confirmResize", "confirm_resize", CONFIRM, CONFIRM),
    moves("revertResize", "revert_resize", REVERT, REVERT),
];

/// What a step makes the services say, in order.
pub fn notices(cloud: &Cloud, event: &Event) -> Vec<Notice> {
    let heard = event.host.is_some_and(|host| cloud.host(host).listens);
    match &event.kind {
        Kind::Accepted { action: "create" } => {
            [About::Port("port.create.start"), About::Port("port.create.end")].map(single).into()
        }
        Kind::Scheduled => [both(About::Select, "start"), both(About::Select, "end")].concat(),
        Kind::NoValidHost { .. } => both(About::NoHost, "").into(),
        // Nobody there has taken the message yet.
        Kind::Cast { method } if heard => match OPERATIONS.iter().find(|words| words.method == *method) {
            Some(words) => both(About::Instance(words.begins.0, words.begins.1), "start").into(),
            None => Vec::new(),
        },
        Kind::Claimed => both(About::Instance("create", "create"), "start").into(),
        Kind::State { task_state, old_task_state, .. } => {
            let mut all: Vec<Notice> = both(About::Update, "").into();
            let resize = About::Instance("resize", "resize");
            match (*old_task_state, *task_state) {
                (_, Some("resize_migrating")) => all.extend(both(resize, "start")),
                (_, Some("resize_migrated")) => all.extend(both(resize, "end")),
                (_, Some("resize_finish")) => {
                    all.extend(both(About::Instance(RESIZE.1.0, RESIZE.1.1), "start"));
                }
                _ => {}
            }
            all
        }
        Kind::Finished { action: "create", failed } => {
            let phase = if *failed { "error" } else { "end" };
            // What found no host never came to a nova-compute.
            let built = event.host.is_some() || has_host_event(cloud, event);
            if built { both(About::Instance("create", "create"), phase).into() } else { Vec::new() }
        }
        Kind::Finished { action, failed: false } => {
            let mut all = Vec::new();
            if let Some(words) = OPERATIONS.iter().find(|words| words.action == *action) {
                all.extend(both(About::Instance(words.ends.0, words.ends.1), "end"));
            }
            if *action == "delete" {
                all.extend([About::Port("port.delete.start"), About::Port("port.delete.end")].map(single));
            }
            all
        }
        Kind::HostDisabled { .. } | Kind::HostEnabled => {
            vec![Notice { about: About::Service, versioned: true, phase: "" }]
        }
        Kind::VolumeDetached { .. } => vec![single(About::Volume)],
        _ => Vec::new(),
    }
}

/// In both of nova's formats.
fn both(about: About, phase: &'static str) -> [Notice; 2] {
    [false, true].map(|versioned| Notice { about, versioned, phase })
}

fn single(about: About) -> Notice {
    Notice { about, versioned: false, phase: "" }
}

/// Whether a build that failed was tried on a host.
fn has_host_event(cloud: &Cloud, event: &Event) -> bool {
    let acts = event.instance.and_then(|id| instance_of(cloud, id)).map(Instance::acts).unwrap_or_default();
    acts.iter().any(|act| Some(act.request) == event.request && !act.events.is_empty())
}

fn instance_of(cloud: &Cloud, id: uuid::Uuid) -> Option<&Instance> {
    cloud.instances.find(id).map(|(_, instance)| instance)
}

impl Notice {
    pub fn exchange(&self) -> &'static str {
        match self.about {
            About::Port(_) => "neutron",
            About::Volume => "openstack",
            _ => "nova",
        }
    }

    fn is_error(&self) -> bool {
        self.phase == "error" || self.about == About::NoHost
    }

    /// Its place among `NOTIFICATIONS`.
    pub fn queue(&self) -> usize {
        usize::from(self.versioned) * 2 + usize::from(self.is_error())
    }

    /// The routing key is the queue's name.
    pub fn key(&self) -> &'static str {
        NOTIFICATIONS[self.queue()]
    }

    fn event_type(&self) -> String {
        let instance = if self.versioned { "instance" } else { "compute.instance" };
        match self.about {
            About::Instance(plain, versioned) => {
                let name = if self.versioned { versioned } else { plain };
                format!("{instance}.{name}.{}", self.phase)
            }
            About::Update => format!("{instance}.update"),
            About::Select => format!("scheduler.select_destinations.{}", self.phase),
            About::NoHost if self.versioned => "compute_task.build_instances.error".to_owned(),
            About::NoHost => "compute_task.build_instances".to_owned(),
            About::Service => "service.update".to_owned(),
            About::Port(name) => name.to_owned(),
            About::Volume => "volume.detach.end".to_owned(),
        }
    }

    fn publisher(&self, cloud: &Cloud, event: &Event) -> String {
        let controller = cloud.controllers.first().map_or("ctl01", |controller| &controller.name);
        let host = match self.about {
            About::Instance(..) | About::Update => host_of(cloud, event).unwrap_or(controller),
            _ => controller,
        };
        let conducts = host == controller;
        match (self.about, self.versioned) {
            (About::Instance(..), true) => format!("nova-compute:{host}"),
            (About::Instance(..), false) => format!("compute.{host}"),
            (About::Update, true) if conducts => format!("nova-conductor:{host}"),
            (About::Update, true) => format!("nova-compute:{host}"),
            (About::Update, false) if conducts => format!("conductor.{host}"),
            (About::Update, false) => format!("compute.{host}"),
            (About::Select, true) => format!("nova-scheduler:{host}"),
            (About::Select, false) => format!("scheduler.{host}"),
            (About::NoHost, true) => format!("nova-conductor:{host}"),
            (About::NoHost, false) => format!("compute_task.{host}"),
            (About::Service, _) => format!("nova-api:{host}"),
            (About::Port(_), _) => format!("network.{host}"),
            (About::Volume, _) => format!("volume.{host}"),
        }
    }

    /// The message as it stands on the wire: an envelope around JSON in a string.
    pub fn body(&self, cloud: &Cloud, event: &Event) -> Vec<u8> {
        let about = event.instance.and_then(|id| instance_of(cloud, id));
        let mut random = Random::stream(event.number, &self.event_type());
        random = Random::stream(random.next() ^ u64::from(self.versioned), "notification");
        let mut message = json!({
            "message_id": random.uuid(),
            "publisher_id": self.publisher(cloud, event),
            "event_type": self.event_type(),
            "priority": if self.is_error() { "ERROR" } else { "INFO" },
            "payload": self.payload(cloud, event, about),
            "timestamp": format!("{}.{:03}000", event.at.spaced(), event.at.0.rem_euclid(1_000)),
            "_unique_id": random.uuid().simple().to_string(),
        });
        if let Some(message) = message.as_object_mut() {
            context::add(message, cloud, event, about);
        }
        let envelope = json!({"oslo.version": "2.0", "oslo.message": message.to_string()});
        envelope.to_string().into_bytes()
    }

    fn payload(&self, cloud: &Cloud, event: &Event, about: Option<&Instance>) -> Value {
        match (self.about, about) {
            (About::Instance(..) | About::Update, Some(it)) if self.versioned => {
                instance::versioned(self, cloud, event, it)
            }
            (About::Instance(..) | About::Update, Some(it)) => instance::plain(self, cloud, event, it),
            (About::Select, Some(it)) => others::select(self, cloud, event, it),
            (About::NoHost, Some(it)) => others::no_host(self, cloud, event, it),
            (About::Service, _) => others::service(cloud, event),
            (About::Port(_), Some(it)) => others::port(cloud, it),
            (About::Volume, _) => others::volume(cloud, event),
            (_, None) => json!({}),
        }
    }
}

/// The host at which something happens: the event's, or for what has just lost it none.
fn host_of<'a>(cloud: &'a Cloud, event: &Event) -> Option<&'a str> {
    event.host.and_then(|host| cloud.hosts.get(host as usize)).map(|host| &*host.name)
}
