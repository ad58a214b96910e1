//! The format of `clouds.yaml`, and how one entry lies over another.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::secret::Secret;

#[derive(Debug, Default, Deserialize)]
pub(super) struct CloudsFile {
    #[serde(default)]
    clouds: Option<BTreeMap<String, Option<Entry>>>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PublicFile {
    #[serde(default, rename = "public-clouds")]
    clouds: Option<BTreeMap<String, Option<Entry>>>,
}

/// A file of clouds, whatever it calls them.
pub(super) trait Clouds {
    fn clouds(self) -> BTreeMap<String, Entry>;
}

impl Clouds for CloudsFile {
    fn clouds(self) -> BTreeMap<String, Entry> {
        filled(self.clouds)
    }
}

impl Clouds for PublicFile {
    fn clouds(self) -> BTreeMap<String, Entry> {
        filled(self.clouds)
    }
}

/// A key without a value is an entry that says nothing.
fn filled(clouds: Option<BTreeMap<String, Option<Entry>>>) -> BTreeMap<String, Entry> {
    clouds.unwrap_or_default().into_iter().map(|(name, entry)| (name, entry.unwrap_or_default())).collect()
}

/// A region: its name, or a map with one and with what is different there.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Region {
    Name(String),
    Map {
        name: String,
        #[serde(default)]
        values: Option<Box<Entry>>,
    },
}

impl Region {
    pub fn name(&self) -> &str {
        match self {
            Region::Name(name) | Region::Map { name, .. } => name,
        }
    }

    pub fn values(&self) -> Option<Entry> {
        match self {
            Region::Map { values: Some(values), .. } => Some((**values).clone()),
            _ => None,
        }
    }
}

/// A value that an environment variable can give.
trait FromText: Sized {
    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromText for Secret {
    fn from_text(text: &str) -> Option<Self> {
        Some(Secret::new(text))
    }
}

impl FromText for Auth {
    fn from_text(_: &str) -> Option<Self> {
        None
    }
}

impl FromText for Vec<Region> {
    fn from_text(_: &str) -> Option<Self> {
        None
    }
}

/// Structs of optional fields where one lies over another: what it says wins.
macro_rules! layered {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* } $($more:ident: $more_type:ty,)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name { $(pub $field: Option<$type>,)* $($more: $more_type,)* }

        impl $name {
            fn fields_over(self, below: Self) -> Self {
                Self {
                    $($field: self.$field.or(below.$field),)*
                    $($more: below.$more.overlaid(self.$more),)*
                }
            }

            /// Reads the value of a key that is one of the fields.
            fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                match key {
                    $(stringify!($field) => self.$field = map.next_value()?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            fn set(&mut self, key: &str, text: &str) -> bool {
                match key {
                    $(stringify!($field) => self.$field = FromText::from_text(text),)*
                    _ => return false,
                }
                true
            }
        }
    };
}

trait Overlaid {
    fn overlaid(self, above: Self) -> Self;
}

impl Overlaid for Auth {
    fn overlaid(self, above: Self) -> Self {
        above.fields_over(self)
    }
}

impl Overlaid for BTreeMap<String, String> {
    fn overlaid(mut self, above: Self) -> Self {
        self.extend(above);
        self
    }
}

layered! {
    /// One cloud. Unknown keys are other tools' business.
    Entry {
        profile: String,
        cloud: String,
        auth_type: String,
        auth: Auth,
        region_name: String,
        regions: Vec<Region>,
        interface: String,
        // As text: `no`, `False` and `0` all mean it.
        verify: String,
        insecure: String,
        cacert: String,
        cert: String,
        key: String,
    }
    // What belongs into `auth:` and stands beside it.
    beside: Auth,
    // `compute_endpoint_override` and its kin.
    services: BTreeMap<String, String>,
}

layered! {
    /// The `auth:` of a cloud. Numbers become the text they were written as.
    Auth {
        auth_url: String,
        username: String,
        user_id: String,
        password: Secret,
        token: Secret,
        user_domain_id: String,
        user_domain_name: String,
        project_id: String,
        project_name: String,
        tenant_id: String,
        tenant_name: String,
        project_domain_id: String,
        project_domain_name: String,
        domain_id: String,
        domain_name: String,
        default_domain_id: String,
        default_domain_name: String,
        system_scope: String,
        application_credential_id: String,
        application_credential_name: String,
        application_credential_secret: Secret,
    }
}

/// A key as we know it: older names, and `-` for `_`.
fn canonical(key: &str) -> String {
    let key = key.replace('-', "_");
    match key.as_str() {
        "auth_plugin" => "auth_type".to_owned(),
        "auth_token" => "token".to_owned(),
        "user_name" => "username".to_owned(),
        // An id, as python-openstackclient takes it.
        "default_domain" => "default_domain_id".to_owned(),
        _ => match key.strip_suffix("endpoint_type") {
            Some(service) => format!("{service}interface"),
            None => key,
        },
    }
}

/// Settings that a cloud can have for one service alone.
const OF_SERVICES: [&str; 5] =
    ["_endpoint_override", "_api_version", "_default_microversion", "_interface", "_region_name"];

fn is_of_service(key: &str) -> bool {
    OF_SERVICES.iter().any(|suffix| key.strip_suffix(suffix).is_some_and(|service| !service.is_empty()))
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a cloud: a map with `auth`, `region_name` and so on")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut entry = Entry::default();
                while let Some(key) = map.next_key::<String>()? {
                    let key = canonical(&key);
                    if entry.read(&key, &mut map)? || entry.beside.read(&key, &mut map)? {
                        continue;
                    }
                    if is_of_service(&key) {
                        if let Some(value) = map.next_value::<Option<String>>()? {
                            entry.services.insert(key, value);
                        }
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(entry)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Auth;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a map with `auth_url`, `username` and so on")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Auth, A::Error> {
                let mut auth = Auth::default();
                while let Some(key) = map.next_key::<String>()? {
                    if !auth.read(&canonical(&key), &mut map)? {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(auth)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl Entry {
    /// This entry over another: what it says wins, and `auth` is merged key by key.
    pub fn over(mut self, mut below: Self) -> Self {
        let auth = match (self.auth.take(), below.auth.take()) {
            (Some(own), Some(below)) => Some(own.fields_over(below)),
            (own, below) => own.or(below),
        };
        Self { auth, ..self.fields_over(below) }
    }

    /// Whether it is a cloud by itself, and not only the secrets of one.
    pub fn is_cloud(&self) -> bool {
        let auth = self.credentials();
        auth.auth_url.is_some() || self.profile.is_some() || self.cloud.is_some()
    }

    /// What to log in with. What stands beside `auth` counts too: scopes and domains before those in it,
    /// everything else behind.
    pub fn credentials(&self) -> Auth {
        let (inner, beside) = (self.auth.clone().unwrap_or_default(), self.beside.clone());
        let scopes = Auth {
            auth_url: None,
            username: None,
            user_id: None,
            password: None,
            default_domain_id: None,
            default_domain_name: None,
            system_scope: None,
            application_credential_id: None,
            application_credential_name: None,
            application_credential_secret: None,
            ..beside.clone()
        };
        scopes.fields_over(inner.fields_over(beside))
    }

    pub fn is_insecure(&self) -> bool {
        let said = |word: &Option<String>, meant: &[&str]| {
            word.as_deref().is_some_and(|word| meant.contains(&word.to_lowercase().as_str()))
        };
        said(&self.verify, &["false", "no", "off", "0", "n"])
            || said(&self.insecure, &["true", "yes", "on", "1", "y"])
    }

    /// What is set for one service, by any of its types: the key, and the value.
    pub fn of_service(&self, types: &[&str], setting: &str) -> Option<(String, &str)> {
        types.iter().find_map(|kind| {
            let key = format!("{}_{setting}", kind.replace('-', "_"));
            self.services.get(&key).map(|value| (key, value.as_str()))
        })
    }

    /// The cloud of the `OS_*` variables: each is the key of its name.
    pub fn from_env(env: &BTreeMap<String, String>) -> Self {
        let mut entry = Self::default();
        for (name, value) in env {
            let Some(key) = name.strip_prefix("OS_") else { continue };
            let key = canonical(&key.to_lowercase());
            if !entry.set(&key, value) && !entry.beside.set(&key, value) && is_of_service(&key) {
                entry.services.insert(key, value.clone());
            }
        }
        // `OS_CLOUD` chooses a cloud; it is no vendor's profile.
        entry.cloud = None;
        entry
    }
}
