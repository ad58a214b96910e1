//! A server, as nova writes it from microversion 2.1 to 2.96.

use std::fmt;

use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

use crate::model::{Address, AddressKind, Fault, Flavor, Instance, Mac, PowerState, Text, VolumeRef};
use crate::source::wire::{self, Entries, List, Str, Words};

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ServerBody<'a> {
    id: Str<'a>,
    name: Option<Str<'a>>,
    #[serde(default)]
    status: Str<'a>,
    #[serde(default)]
    tenant_id: Str<'a>,
    user_id: Option<Str<'a>>,
    metadata: Option<Entries<'a, Str<'a>>>,
    #[serde(default)]
    image: ImageBody<'a>,
    flavor: Option<FlavorBody<'a>>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    updated: Option<Timestamp>,
    addresses: Option<Entries<'a, List<AddressBody<'a>>>>,
    key_name: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<Str<'a>>,
    #[serde(default, rename = "OS-SRV-USG:launched_at", deserialize_with = "wire::timestamp")]
    launched_at: Option<Timestamp>,
    #[serde(rename = "OS-EXT-SRV-ATTR:host")]
    host: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-SRV-ATTR:hypervisor_hostname")]
    hypervisor_hostname: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-SRV-ATTR:instance_name")]
    instance_name: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task_state: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: Option<i64>,
    #[serde(default, rename = "os-extended-volumes:volumes_attached")]
    volumes: List<VolumeBody<'a>>,
    locked: Option<bool>,
    locked_reason: Option<Str<'a>>,
    host_status: Option<Str<'a>>,
    security_groups: Option<List<GroupBody<'a>>>,
    fault: Option<FaultBody<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct FlavorBody<'a> {
    /// Before 2.47.
    id: Option<Str<'a>>,
    original_name: Option<Str<'a>>,
    vcpus: Option<u32>,
    ram: Option<u32>,
    disk: Option<u32>,
    extra_specs: Option<Entries<'a, Str<'a>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct AddressBody<'a> {
    addr: Str<'a>,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<Str<'a>>,
    #[serde(rename = "OS-EXT-IPS-MAC:mac_addr")]
    mac: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct VolumeBody<'a> {
    id: Str<'a>,
    delete_on_termination: Option<bool>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct GroupBody<'a> {
    name: Str<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct FaultBody<'a> {
    code: Option<i64>,
    #[serde(default)]
    message: Str<'a>,
    details: Option<Str<'a>>,
    #[serde(default, deserialize_with = "wire::timestamp")]
    created: Option<Timestamp>,
}

/// An object, or an empty string when it was booted from a volume.
#[derive(Default)]
struct ImageBody<'a>(Option<Str<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for ImageBody<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Image;
        impl<'de> Visitor<'de> for Image {
            type Value = ImageBody<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an image")
            }

            fn visit_unit<E>(self) -> Result<ImageBody<'de>, E> {
                Ok(ImageBody(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<ImageBody<'de>, E> {
                Ok(ImageBody(None))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ImageBody<'de>, M::Error> {
                let mut image = ImageBody(None);
                while let Some(key) = map.next_key::<Str>()? {
                    if &*key == "id" {
                        image.0 = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(image)
            }
        }
        deserializer.deserialize_any(Image)
    }
}

impl ServerBody<'_> {
    pub fn into_model(self, words: &mut Words) -> Instance {
        // A down cell's row has no name key at all.
        let partial = self.name.is_none();
        Instance {
            id: own(&self.id),
            name: own(&self.name.unwrap_or_default()),
            status: words.text(&self.status),
            vm_state: words.maybe(self.vm_state),
            task_state: words.maybe(self.task_state),
            power_state: self.power_state.map_or(PowerState::Unknown, PowerState::from_number),
            host: words.maybe(self.host),
            hypervisor_hostname: words.maybe(self.hypervisor_hostname),
            instance_name: self.instance_name.as_ref().map(own),
            project_id: words.text(&self.tenant_id),
            user_id: words.maybe(self.user_id),
            flavor: self.flavor.map(|flavor| {
                let flavor = flavor.into_model(words);
                words.flavor(flavor)
            }),
            image_id: words.maybe(self.image.0),
            availability_zone: words.maybe(self.zone),
            addresses: addresses(self.addresses.unwrap_or_default(), words),
            volumes: self
                .volumes
                .iter()
                .map(|volume| VolumeRef {
                    id: own(&volume.id),
                    delete_on_termination: volume.delete_on_termination,
                })
                .collect(),
            security_groups: {
                let groups = self.security_groups.unwrap_or_default();
                let mut names: SmallVec<[Text; 4]> =
                    groups.iter().map(|group| words.text(&group.name)).collect();
                // One entry a port: the same group many times.
                names.sort();
                names.dedup();
                words.list(&names)
            },
            metadata: words.pairs(self.metadata),
            key_name: words.maybe(self.key_name),
            locked: self.locked.unwrap_or(false),
            locked_reason: self.locked_reason.as_ref().map(own),
            host_status: words.maybe(self.host_status),
            fault: self.fault.map(|fault| {
                Box::new(Fault {
                    code: fault.code,
                    message: own(&fault.message),
                    details: fault.details.as_ref().map(own),
                    created: fault.created,
                })
            }),
            created: self.created,
            updated: self.updated,
            launched_at: self.launched_at,
            partial,
        }
    }
}

impl FlavorBody<'_> {
    fn into_model(self, words: &mut Words) -> Flavor {
        let name = self.original_name.as_ref().or(self.id.as_ref());
        Flavor {
            name: words.text(name.map_or("", |name| name)),
            id: words.maybe(self.id.filter(|_| self.original_name.is_none())),
            vcpus: self.vcpus,
            ram: self.ram,
            disk: self.disk,
            extra_specs: words.pairs(self.extra_specs),
        }
    }
}

/// A text of one row alone.
fn own(text: &Str) -> Text {
    Text::from(&**text)
}

fn addresses(networks: Entries<List<AddressBody>>, words: &mut Words) -> Box<[Address]> {
    // Of the right size at once: what shrinks leaves a hole.
    let mut addresses = Vec::with_capacity(networks.iter().map(|(_, list)| list.len()).sum());
    for (network, list) in networks {
        let network = words.text(&network);
        addresses.extend(list.iter().map(|address| Address {
            network: network.clone(),
            addr: own(&address.addr),
            kind: match address.kind.as_deref() {
                Some("floating") => AddressKind::Floating,
                _ => AddressKind::Fixed,
            },
            mac: address.mac.as_deref().and_then(Mac::parse),
        }));
    }
    addresses.into()
}
