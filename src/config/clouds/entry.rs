//! The format of `clouds.yaml`, and how one entry lies over another.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::secret::Secret;

#[derive(Debug, Default, Deserialize)]
pub(super) struct CloudsFile {
    #[serde(default)]
    pub clouds: BTreeMap<String, Entry>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PublicFile {
    #[serde(default, rename = "public-clouds")]
    pub clouds: BTreeMap<String, Entry>,
}

/// A region: its name, or a map with one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Region {
    Name(String),
    Map { name: String },
}

impl Region {
    pub fn name(&self) -> &str {
        match self {
            Region::Name(name) | Region::Map { name } => name,
        }
    }
}

/// Structs of optional fields where one lies over another: what it says wins.
macro_rules! layered {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct $name { $($(#[$field_meta])* pub $field: Option<$type>,)* }

        impl $name {
            fn fields_over(self, below: Self) -> Self {
                Self { $($field: self.$field.or(below.$field),)* }
            }
        }
    };
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
        endpoint_type: String,
        // As text: `no`, `False` and `0` all mean it.
        verify: String,
        insecure: String,
        cacert: String,
        cert: String,
        key: String,
        identity_endpoint_override: String,
        compute_endpoint_override: String,
        placement_endpoint_override: String,
        network_endpoint_override: String,
        image_endpoint_override: String,
        volume_endpoint_override: String,
        volumev3_endpoint_override: String,
        block_storage_endpoint_override: String,
    }
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
        #[serde(alias = "default_domain")]
        default_domain_name: String,
        system_scope: String,
        application_credential_id: String,
        application_credential_name: String,
        application_credential_secret: Secret,
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

    pub fn is_insecure(&self) -> bool {
        let said = |word: &Option<String>, meant: &[&str]| {
            word.as_deref().is_some_and(|word| meant.contains(&word.to_lowercase().as_str()))
        };
        said(&self.verify, &["false", "no", "off", "0", "n"])
            || said(&self.insecure, &["true", "yes", "on", "1", "y"])
    }

    /// Endpoint overrides by service type.
    pub fn overrides(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let volume = self
            .block_storage_endpoint_override
            .as_ref()
            .or(self.volumev3_endpoint_override.as_ref())
            .or(self.volume_endpoint_override.as_ref());
        [
            ("identity", self.identity_endpoint_override.as_ref()),
            ("compute", self.compute_endpoint_override.as_ref()),
            ("placement", self.placement_endpoint_override.as_ref()),
            ("network", self.network_endpoint_override.as_ref()),
            ("image", self.image_endpoint_override.as_ref()),
            ("block-storage", volume),
        ]
        .into_iter()
        .filter_map(|(service, url)| url.map(|url| (service, url.as_str())))
    }

    /// The cloud of the `OS_*` variables.
    pub fn from_env(env: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| env.get(name).cloned();
        let secret = |name: &str| get(name).map(Secret::new);
        Self {
            auth_type: get("OS_AUTH_TYPE"),
            interface: get("OS_INTERFACE"),
            endpoint_type: get("OS_ENDPOINT_TYPE"),
            region_name: get("OS_REGION_NAME"),
            insecure: get("OS_INSECURE"),
            verify: get("OS_VERIFY"),
            cacert: get("OS_CACERT"),
            cert: get("OS_CERT"),
            key: get("OS_KEY"),
            identity_endpoint_override: get("OS_IDENTITY_ENDPOINT_OVERRIDE"),
            compute_endpoint_override: get("OS_COMPUTE_ENDPOINT_OVERRIDE"),
            placement_endpoint_override: get("OS_PLACEMENT_ENDPOINT_OVERRIDE"),
            network_endpoint_override: get("OS_NETWORK_ENDPOINT_OVERRIDE"),
            image_endpoint_override: get("OS_IMAGE_ENDPOINT_OVERRIDE"),
            volume_endpoint_override: get("OS_VOLUME_ENDPOINT_OVERRIDE"),
            auth: Some(Auth {
                auth_url: get("OS_AUTH_URL"),
                username: get("OS_USERNAME"),
                user_id: get("OS_USER_ID"),
                password: secret("OS_PASSWORD"),
                token: secret("OS_TOKEN"),
                user_domain_id: get("OS_USER_DOMAIN_ID"),
                user_domain_name: get("OS_USER_DOMAIN_NAME"),
                project_id: get("OS_PROJECT_ID"),
                project_name: get("OS_PROJECT_NAME"),
                tenant_id: get("OS_TENANT_ID"),
                tenant_name: get("OS_TENANT_NAME"),
                project_domain_id: get("OS_PROJECT_DOMAIN_ID"),
                project_domain_name: get("OS_PROJECT_DOMAIN_NAME"),
                domain_id: get("OS_DOMAIN_ID"),
                domain_name: get("OS_DOMAIN_NAME"),
                default_domain_id: get("OS_DEFAULT_DOMAIN_ID"),
                default_domain_name: get("OS_DEFAULT_DOMAIN"),
                system_scope: get("OS_SYSTEM_SCOPE"),
                application_credential_id: get("OS_APPLICATION_CREDENTIAL_ID"),
                application_credential_name: get("OS_APPLICATION_CREDENTIAL_NAME"),
                application_credential_secret: secret("OS_APPLICATION_CREDENTIAL_SECRET"),
            }),
            ..Self::default()
        }
    }
}
