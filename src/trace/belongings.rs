//! What the APIs know of an instance beside its actions: where it was, its ports, its volumes, its image.

use jiff::Timestamp;

use super::Account;
use super::story::Request;
use crate::model::{Migration, Port, Text, Volume};

/// As the services told it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belongings {
    /// The oldest first.
    pub migrations: Vec<Migration>,
    /// nova tells administrators alone of them, and this account is none.
    pub are_migrations_hidden: bool,
    pub ports: Vec<Port>,
    pub volumes: Vec<Volume>,
    /// Its image's name.
    pub image: Option<Text>,
    /// nova has its row still, and says that it was deleted.
    pub is_deleted: bool,
}

/// One thing that is known, for a list: what it is, in words, and in parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    pub what: &'static str,
    /// Not stripped of anything.
    pub words: String,
    /// The host that it leads to.
    pub host: Option<Text>,
    pub at: Option<Timestamp>,
    /// It is not as it should be.
    pub is_bad: bool,
    pub parts: Vec<(&'static str, String)>,
}

impl Account {
    /// All that the APIs know beside the instance's row and actions: first where it was, in the order of time.
    pub fn facts(&self) -> Vec<Fact> {
        let known = &self.belongings;
        let mut facts = self.hosts();
        facts.extend(known.ports.iter().map(port));
        facts.extend(known.volumes.iter().map(volume));
        facts.extend(known.image.as_ref().map(|image| Fact {
            what: "image",
            words: image.to_string(),
            parts: vec![("name", image.to_string())],
            ..Fact::default()
        }));
        facts
    }

    /// Where it was: where it was built, as the logs say it, each migration, and where it is now.
    fn hosts(&self) -> Vec<Fact> {
        let migrations = &self.belongings.migrations;
        let built = self.story.requests.iter().find(|request| self.action(request) == Some("create"));
        let claimed = built.and_then(Request::claimed);
        let mut facts: Vec<Fact> = claimed
            .map(|step| {
                let host: Text = step.host.as_str().into();
                Fact {
                    what: "host",
                    words: format!("{host}: its build was claimed there"),
                    at: Timestamp::from_microsecond(step.at).ok(),
                    parts: vec![("host", host.to_string()), ("by", "create".to_owned())],
                    host: Some(host),
                    ..Fact::default()
                }
            })
            .into_iter()
            .collect();
        facts.extend(migrations.iter().map(migration));
        if self.belongings.are_migrations_hidden {
            facts.push(Fact {
                what: "migration",
                words: "? nova tells of migrations to administrators alone".to_owned(),
                ..Fact::default()
            });
        }
        let last = migrations.last().and_then(|last| last.dest_compute.as_deref());
        let now = self.instance.as_ref().and_then(|instance| instance.host.clone());
        if let Some(host) = now.filter(|host| last != Some(&**host) || facts.is_empty()) {
            let is_told = migrations.is_empty() && facts.iter().any(|fact| fact.host.as_ref() == Some(&host));
            if !is_told {
                facts.push(Fact {
                    what: "host",
                    words: format!("{host}: it is there now"),
                    parts: vec![("host", host.to_string())],
                    host: Some(host),
                    ..Fact::default()
                });
            }
        }
        facts
    }
}

fn migration(row: &Migration) -> Fact {
    let name = |host: &Option<Text>| host.as_deref().unwrap_or("?").to_owned();
    let (from, to) = (name(&row.source_compute), name(&row.dest_compute));
    let kind = row.migration_type.as_deref().unwrap_or("migration");
    Fact {
        what: "migration",
        words: format!("{from} → {to}: {kind}, {}", row.status),
        host: row.dest_compute.clone().or_else(|| row.source_compute.clone()),
        at: row.created_at,
        is_bad: matches!(&*row.status, "error" | "failed"),
        parts: vec![
            ("id", row.id.to_string()),
            ("from", from),
            ("to", to),
            ("type", kind.to_owned()),
            ("status", row.status.to_string()),
            ("begun", row.created_at.map(|at| at.to_string()).unwrap_or_default()),
            ("changed", row.updated_at.map(|at| at.to_string()).unwrap_or_default()),
        ],
    }
}

fn port(row: &Port) -> Fact {
    let addresses = row.addresses.iter().map(|address| &**address).collect::<Vec<_>>().join(", ");
    let on = row.binding_host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    let vif = row.vif_type.as_deref().unwrap_or_default();
    let address = if addresses.is_empty() { "no address" } else { &addresses };
    let vif_words = if vif.is_empty() { String::new() } else { format!(", {vif}") };
    Fact {
        what: "port",
        words: format!("{address} {}{on}: {}{vif_words}", row.mac_address, row.status),
        host: row.binding_host.clone(),
        at: None,
        is_bad: &*row.status != "ACTIVE" || vif == "binding_failed",
        parts: vec![
            ("id", row.id.to_string()),
            ("addresses", addresses.clone()),
            ("mac", row.mac_address.to_string()),
            ("network", row.network_id.to_string()),
            ("host", row.binding_host.as_deref().unwrap_or_default().to_owned()),
            ("vif type", vif.to_owned()),
            ("status", row.status.to_string()),
        ],
    }
}

fn volume(row: &Volume) -> Fact {
    let name = row.name.as_ref().unwrap_or(&row.id);
    let device = row.device.as_deref().unwrap_or("attached");
    let size = row.size.map(|size| format!(" {size} GiB")).unwrap_or_default();
    let status = row.status.as_ref().map(|status| format!(": {status}")).unwrap_or_default();
    let text = |text: &Option<Text>| text.as_deref().unwrap_or_default().to_owned();
    Fact {
        what: "volume",
        words: format!("{device} {name}{size}{status}"),
        // `ctl01@backend#pool` is a service's, no hypervisor.
        host: None,
        at: None,
        is_bad: row.status.as_deref().is_some_and(|status| status.starts_with("error")),
        parts: vec![
            ("id", row.id.to_string()),
            ("name", text(&row.name)),
            ("device", text(&row.device)),
            ("size", row.size.map(|size| format!("{size} GiB")).unwrap_or_default()),
            ("status", text(&row.status)),
            ("type", text(&row.volume_type)),
            ("backend", text(&row.host)),
            (
                "with instance",
                row.delete_on_termination
                    .map(|it| if it { "deleted with it" } else { "stays when it goes" }.to_owned())
                    .unwrap_or_default(),
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Subject;

    fn moved(from: &str, to: &str, status: &str) -> Migration {
        Migration {
            id: "3".into(),
            instance_id: "x".into(),
            status: status.into(),
            migration_type: Some("live-migration".into()),
            source_compute: Some(from.into()),
            dest_compute: Some(to.into()),
            created_at: None,
            updated_at: None,
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_said_to_be_bad() {
        let mut account = Account::new(Subject::parse(b"f064d769-2144-43c6-a1f6-7967745cf373").unwrap());
        account.belongings = Belongings {
            migrations: vec![moved("cmp01", "cmp02", "completed"), moved("cmp02", "cmp03", "error")],
            ports: vec![Port {
                status: "DOWN".into(),
                mac_address: "fa:16:3e:00:00:01".into(),
                addresses: vec!["10.0.0.7".into()],
                binding_host: Some("cmp02".into()),
                vif_type: Some("binding_failed".into()),
                ..Port::default()
            }],
            volumes: vec![Volume {
                id: "v".into(),
                device: Some("/dev/vdb".into()),
                size: Some(20),
                status: Some("in-use".into()),
                ..Volume::default()
            }],
            image: Some("debian-12".into()),
            are_migrations_hidden: false,
            is_deleted: false,
        };
        let facts = account.facts();
        let told: Vec<(&str, &str, bool)> =
            facts.iter().map(|fact| (fact.what, &*fact.words, fact.is_bad)).collect();
        assert_eq!(
            told,
            [
                ("migration", "cmp01 → cmp02: live-migration, completed", false),
                ("migration", "cmp02 → cmp03: live-migration, error", true),
                ("port", "10.0.0.7 fa:16:3e:00:00:01 on cmp02: DOWN, binding_failed", true),
                ("volume", "/dev/vdb v 20 GiB: in-use", false),
                ("image", "debian-12", false),
            ]
        );
        assert_eq!(facts[2].host.as_deref(), Some("cmp02"));
    }
}
