//! What a line may say: the facts of a step, by the names that stand in braces in `lines.toml`.

use std::fmt::Write;

use uuid::Uuid;

use super::{Entry, Who};
use crate::sim::cloud::{Cloud, Host, Instance, Kind};
use crate::sim::random::{Random, derived};
use crate::sim::time::Time;

/// The names that a text may hold.
#[cfg(test)]
pub(super) const NAMES: &[&str] = &[
    "backend",
    "callback",
    "caller",
    "candidates",
    "cinder",
    "clf",
    "connection",
    "devices",
    "disk",
    "fault",
    "group",
    "host",
    "image",
    "instance",
    "network",
    "node",
    "other",
    "port",
    "project",
    "ram",
    "resource",
    "saved",
    "spawn",
    "target",
    "took",
    "vcpus",
    "volume",
    "why",
];

/// Whom the load balancer in front of the APIs passes on.
const CALLER: &str = "10.0.0.5";

/// What is known of a step.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    pub kind: Option<&'a Kind>,
    pub request: Option<Uuid>,
    pub instance: Option<&'a Instance>,
    pub host: Option<&'a Host>,
    /// Instances that are named together.
    pub devices: &'a [Uuid],
}

impl Facts<'_> {
    /// The host in whose directory a service's line stands; `None`: it has none here.
    pub fn home(&self, cloud: &Cloud, service: &str) -> Option<String> {
        match service {
            "nova-compute" => self.host.map(|host| host.name.to_string()),
            "cinder-volume" => match self.kind {
                Some(Kind::BackendSilent { backend } | Kind::BackendBack { backend }) => {
                    Some(backend.split('@').next().unwrap_or(backend).to_owned())
                }
                _ => None,
            },
            _ => {
                // Behind a load balancer: one request is on one controller, the next on another.
                let count = cloud.controllers.len().max(1);
                let id = self.request.map_or(0, |request| request.as_u64_pair().1);
                let ix = (id % count as u64) as usize;
                cloud.controllers.get(ix).map(|controller| controller.name.to_string())
            }
        }
    }

    /// A whole line, with the lines of its traceback; `None`: the step does not know all that it would say.
    pub fn line(&self, cloud: &Cloud, at: Time, entry: &Entry, own: &str, home: &str) -> Option<String> {
        let pid = 1_000 + Random::stream(0, &format!("{home} {}", entry.of)).below(29_000);
        let head = format!("{} {pid} {} {} ", at.oslo(), entry.level, entry.logger);
        let about = match self.instance.filter(|_| entry.about) {
            Some(instance) => format!("[instance: {}] ", instance.id),
            None => String::new(),
        };
        let context = self.context(cloud, entry.who, own, home);
        let mut text = format!("{head}[{context}] {about}{}\n", self.filled(cloud, at, &entry.text, own)?);
        for line in &entry.trace {
            let _ = writeln!(text, "{head}{about}{}", self.filled(cloud, at, line, own)?);
        }
        Some(text)
    }

    /// `GLOBAL REQUEST USER PROJECT - - DOMAIN DOMAIN`, as Zed writes it.
    fn context(&self, cloud: &Cloud, who: Who, own: &str, home: &str) -> String {
        let request = self.request.unwrap_or(cloud.id);
        let act =
            self.instance.and_then(|instance| instance.acts().iter().rev().find(|a| a.request == request));
        let (user, project) = match (act, self.instance) {
            (Some(act), _) => (act.user, act.project),
            (None, Some(instance)) => (instance.user, instance.project),
            (None, None) => (0, 0),
        };
        let (user, project) = (cloud.user(user).id.simple(), cloud.project(project).id.simple());
        let service = |name: &str| cloud.derived(name).simple();
        match who {
            Who::User => format!("None req-{request} {user} {project} - - default default"),
            Who::Beside => {
                format!("req-{request} req-{} {user} {project} - - default default", derived(request, own))
            }
            Who::Callback => format!(
                "req-{} req-{} {} {} - - default default",
                derived(request, "callback"),
                derived(request, &format!("callback {own}")),
                service("user neutron"),
                service("project service"),
            ),
            Who::Hub => format!("None req-{} - - - - - -", derived(cloud.id, &format!("hub {home}"))),
            Who::None => "-".to_owned(),
        }
    }

    fn filled(&self, cloud: &Cloud, at: Time, text: &str, own: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len() + 64);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('{') {
                out.push('{');
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('}')?;
            let known = self.told(name).or_else(|| self.own(cloud, name));
            out.push_str(&known.or_else(|| self.around(cloud, at, name, own))?);
            rest = after;
        }
        out.push_str(&rest.replace("}}", "}"));
        Some(out)
    }

    /// What the step itself says.
    fn told(&self, name: &str) -> Option<String> {
        match (name, self.kind?) {
            ("candidates", Kind::NoValidHost { candidates }) => Some(candidates.to_string()),
            ("backend", Kind::BackendSilent { backend } | Kind::BackendBack { backend }) => {
                Some(backend.clone())
            }
            (
                "node",
                Kind::NodeLost { node }
                | Kind::NodeBack { node }
                | Kind::Alarm { node, .. }
                | Kind::AlarmOver { node, .. },
            ) => node.split('@').nth(1).map(str::to_owned),
            ("resource", Kind::Alarm { resource, .. } | Kind::AlarmOver { resource, .. }) => {
                Some((*resource).to_owned())
            }
            ("saved", Kind::ImageSaved { image }) => Some(image.to_string()),
            // The guest itself takes most of a build.
            ("spawn", Kind::Spawned { took }) => Some(format!("{:.2}", *took as f64 * 0.82 / 1_000.0)),
            ("took", Kind::Spawned { took }) => Some(format!("{:.2}", *took as f64 / 1_000.0)),
            ("volume", Kind::VolumeDetached { volume }) => Some(volume.to_string()),
            ("why", Kind::SpawnFailed { why } | Kind::Refused { why, .. }) => Some(why.clone()),
            _ => None,
        }
    }

    /// What is the instance's.
    fn own(&self, cloud: &Cloud, name: &str) -> Option<String> {
        let instance = self.instance?;
        let (flavor, project) = (cloud.flavor(instance.flavor).amount(), cloud.project(instance.project));
        Some(match name {
            "disk" => flavor.disk.to_string(),
            "ram" => flavor.ram.to_string(),
            "vcpus" => flavor.vcpus.to_string(),
            "fault" => instance.fault()?.message.clone(),
            "group" => derived(project.id, "security group default").to_string(),
            "image" => cloud.images.get(usize::from(instance.image?))?.id.to_string(),
            "instance" => instance.id.to_string(),
            "network" => project.network_id().to_string(),
            "port" => derived(instance.id, "port").to_string(),
            "project" => project.id.simple().to_string(),
            "target" => cloud.hosts.get(instance.host? as usize)?.name.to_string(),
            _ => return None,
        })
    }

    /// What is neither.
    fn around(&self, cloud: &Cloud, at: Time, name: &str, own: &str) -> Option<String> {
        Some(match name {
            "callback" => format!("req-{}", derived(self.request?, "callback")),
            "caller" => CALLER.to_owned(),
            "cinder" => "http://10.0.0.11:8776".to_owned(),
            "clf" => at.common_log(),
            "connection" => derived(cloud.id, &format!("connection {own}")).to_string(),
            "devices" => {
                let named: Vec<String> = self.devices.iter().map(|id| format!("device_id={id}")).collect();
                named.join("&")
            }
            "host" => self.host?.name.to_string(),
            "node" => cloud.controllers.first()?.name.to_string(),
            "other" => self.devices.first()?.to_string(),
            _ => return None,
        })
    }
}

/// The names in braces.
#[cfg(test)]
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()))
}
