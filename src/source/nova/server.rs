//! A server, as nova writes it from microversion 2.1 to 2.96.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Address, AddressKind, Fault, Flavor, Instance, PowerState, VolumeRef};
use crate::source::wire::{self, Interner};

#[derive(Deserialize)]
pub(super) struct ServerBody {
    id: String,
    name: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    tenant_id: String,
    user_id: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    /// An object, or an empty string when it was booted from a volume.
    #[serde(default)]
    image: Value,
    flavor: Option<FlavorBody>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    updated: Option<Timestamp>,
    addresses: Option<BTreeMap<String, Vec<AddressBody>>>,
    key_name: Option<String>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<String>,
    #[serde(default, rename = "OS-SRV-USG:launched_at", deserialize_with = "wire::timestamp")]
    launched_at: Option<Timestamp>,
    #[serde(default, rename = "OS-SRV-USG:terminated_at", deserialize_with = "wire::timestamp")]
    terminated_at: Option<Timestamp>,
    #[serde(rename = "OS-EXT-SRV-ATTR:host")]
    host: Option<String>,
    #[serde(rename = "OS-EXT-SRV-ATTR:hypervisor_hostname")]
    hypervisor_hostname: Option<String>,
    #[serde(rename = "OS-EXT-SRV-ATTR:instance_name")]
    instance_name: Option<String>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: Option<i64>,
    #[serde(default, rename = "os-extended-volumes:volumes_attached")]
    volumes: Vec<VolumeBody>,
    locked: Option<bool>,
    locked_reason: Option<String>,
    host_status: Option<String>,
    security_groups: Option<Vec<GroupBody>>,
    fault: Option<FaultBody>,
}

#[derive(Deserialize)]
struct FlavorBody {
    /// Before 2.47.
    id: Option<String>,
    original_name: Option<String>,
    vcpus: Option<u32>,
    ram: Option<u32>,
    disk: Option<u32>,
    extra_specs: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct AddressBody {
    addr: String,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<String>,
    #[serde(rename = "OS-EXT-IPS-MAC:mac_addr")]
    mac: Option<String>,
}

#[derive(Deserialize)]
struct VolumeBody {
    id: String,
    delete_on_termination: Option<bool>,
}

#[derive(Deserialize)]
struct GroupBody {
    name: String,
}

#[derive(Deserialize)]
struct FaultBody {
    code: Option<i64>,
    #[serde(default)]
    message: String,
    details: Option<String>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    created: Option<Timestamp>,
}

impl ServerBody {
    pub fn into_model(self, words: &mut Interner) -> Instance {
        // A down cell's row has no name key at all.
        let partial = self.name.is_none();
        let addresses = self.addresses.unwrap_or_default();
        Instance {
            id: self.id.into(),
            name: self.name.unwrap_or_default().into(),
            status: words.text(self.status),
            vm_state: words.maybe(self.vm_state),
            task_state: words.maybe(self.task_state),
            power_state: self.power_state.map_or(PowerState::Unknown, PowerState::from_number),
            host: words.maybe(self.host),
            hypervisor_hostname: words.maybe(self.hypervisor_hostname),
            instance_name: self.instance_name.map(Into::into),
            project_id: words.text(self.tenant_id),
            user_id: words.maybe(self.user_id),
            flavor: self.flavor.map(|flavor| Flavor {
                id: words.maybe(flavor.id.clone().filter(|_| flavor.original_name.is_none())),
                name: words.text(flavor.original_name.or(flavor.id).unwrap_or_default()),
                vcpus: flavor.vcpus,
                ram: flavor.ram,
                disk: flavor.disk,
                extra_specs: flavor
                    .extra_specs
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(key, value)| (words.text(key), words.text(value)))
                    .collect(),
            }),
            image_id: words.maybe(self.image.get("id").and_then(Value::as_str).map(str::to_owned)),
            availability_zone: words.maybe(self.zone),
            addresses: addresses
                .into_iter()
                .flat_map(|(network, list)| list.into_iter().map(move |address| (network.clone(), address)))
                .map(|(network, address)| Address {
                    network: words.text(network),
                    addr: address.addr.into(),
                    kind: match address.kind.as_deref() {
                        Some("floating") => AddressKind::Floating,
                        _ => AddressKind::Fixed,
                    },
                    mac: address.mac.map(Into::into),
                })
                .collect(),
            volumes: self
                .volumes
                .into_iter()
                .map(|volume| VolumeRef {
                    id: volume.id.into(),
                    delete_on_termination: volume.delete_on_termination,
                })
                .collect(),
            security_groups: {
                let mut names: Vec<_> = self
                    .security_groups
                    .unwrap_or_default()
                    .into_iter()
                    .map(|g| words.text(g.name))
                    .collect();
                // One entry a port: the same group many times.
                names.sort();
                names.dedup();
                names
            },
            metadata: self
                .metadata
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            key_name: words.maybe(self.key_name),
            locked: self.locked.unwrap_or(false),
            locked_reason: self.locked_reason.map(Into::into),
            host_status: words.maybe(self.host_status),
            fault: self.fault.map(|fault| Fault {
                code: fault.code,
                message: fault.message.into(),
                details: fault.details.map(Into::into),
                created: fault.created,
            }),
            created: self.created,
            updated: self.updated,
            launched_at: self.launched_at,
            terminated_at: self.terminated_at,
            partial,
        }
    }
}
