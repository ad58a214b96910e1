//! Services, their endpoints in the catalog, and which microversion both ends know.

use std::fmt;

use serde::Deserialize;
use url::Url;

use super::Error;
use crate::config::clouds::Interface;

/// The services that we ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKind {
    Identity,
    Compute,
    Placement,
    Network,
    Image,
    Volume,
    ObjectStore,
    /// RabbitMQ's management API: in the settings, never in the catalog.
    Broker,
    /// RabbitMQ over AMQP: in the settings too.
    Amqp,
}

impl ServiceKind {
    pub const ALL: [ServiceKind; 9] = [
        Self::Identity,
        Self::Compute,
        Self::Placement,
        Self::Network,
        Self::Image,
        Self::Volume,
        Self::ObjectStore,
        Self::Broker,
        Self::Amqp,
    ];

    /// The project that answers: what operators call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "keystone",
            Self::Compute => "nova",
            Self::Placement => "placement",
            Self::Network => "neutron",
            Self::Image => "glance",
            Self::Volume => "cinder",
            Self::ObjectStore => "swift",
            Self::Broker => "rabbitmq",
            Self::Amqp => "amqp",
        }
    }

    /// The catalog's type, with what else it is called.
    pub(super) fn types(self) -> &'static [&'static str] {
        match self {
            Self::Identity => &["identity"],
            Self::Compute => &["compute"],
            Self::Placement => &["placement"],
            Self::Network => &["network"],
            Self::Image => &["image"],
            Self::Volume => &["block-storage", "volumev3", "volume"],
            Self::ObjectStore => &["object-store"],
            Self::Broker | Self::Amqp => &[],
        }
    }

    /// The version segment that the paths of our requests stand behind.
    pub(super) fn version(self) -> Option<&'static str> {
        match self {
            Self::Identity => Some("v3"),
            Self::Compute => Some("v2.1"),
            // Before 3.67 cinder wants the project behind the version, as the catalog has it; swift's account
            // stands there always.
            Self::Placement | Self::Volume | Self::ObjectStore | Self::Broker | Self::Amqp => None,
            Self::Network => Some("v2.0"),
            Self::Image => Some("v2"),
        }
    }

    /// The word in `OpenStack-API-Version`; services without microversions get no such header (cinder
    /// answers 400 to nova's).
    pub(super) fn microversioned(self) -> Option<&'static str> {
        match self {
            Self::Compute => Some("compute"),
            Self::Placement => Some("placement"),
            _ => None,
        }
    }
}

/// `2.53`: ordered as numbers, not as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Microversion(pub u16, pub u16);

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Microversion {
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CatalogEntry {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub endpoints: Vec<CatalogEndpoint>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct CatalogEndpoint {
    pub url: String,
    #[serde(default)]
    pub interface: String,
    /// Both are there on most clouds, only `region` on old ones.
    #[serde(default)]
    region_id: Option<String>,
    #[serde(default)]
    region: Option<String>,
}

impl CatalogEndpoint {
    fn stands_in(&self, region: &str) -> bool {
        self.region_id.as_deref().or(self.region.as_deref()) == Some(region)
    }
}

/// The URL of a service in the catalog.
pub(super) fn endpoint(
    catalog: &[CatalogEntry],
    service: ServiceKind,
    interface: Interface,
    region: Option<&str>,
) -> Result<Url, Error> {
    let missing = |why: String| {
        Error::new(
            super::ErrorKind::Missing,
            service,
            format!("{} is not in the catalog: {why}", service.name()),
            "`openstack catalog list` shows what is; check region and interface",
        )
    };
    let endpoints: Vec<&CatalogEndpoint> = catalog
        .iter()
        .filter(|entry| service.types().contains(&entry.kind.as_str()))
        .flat_map(|entry| &entry.endpoints)
        .collect();
    if endpoints.is_empty() {
        return Err(missing("no such service".to_owned()));
    }
    let found = endpoints
        .iter()
        .find(|e| e.interface == interface.as_str() && region.is_none_or(|region| e.stands_in(region)));
    let found = found.ok_or_else(|| {
        let region = region.map(|region| format!(" in region {region}")).unwrap_or_default();
        missing(format!("no {} endpoint{region}", interface.as_str()))
    })?;
    Url::parse(&found.url).map_err(|_| missing(format!("its endpoint `{}` is no URL", found.url)))
}

/// The endpoint up to its version segment, whether the catalog gives one (and a project id behind it) or not.
pub(super) fn base(service: ServiceKind, url: &Url) -> Url {
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    let Some(version) = service.version() else {
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        return base;
    };
    let segments: Vec<&str> = url.path().split('/').filter(|s| !s.is_empty()).collect();
    let is_version =
        |s: &&str| s.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let kept = segments.iter().position(is_version).unwrap_or(segments.len());
    let mut path = String::new();
    for segment in segments.iter().take(kept).chain([&version]) {
        path.push('/');
        path.push_str(segment);
    }
    base.set_path(&path);
    base
}

/// A project's own place in a service. The catalog has that of the token's project (`own`), whose id ends the last
/// segment, behind a prefix that is the service's (`AUTH_`): another project's id is put in its stead. An endpoint
/// without it answers for the token's project whoever is meant, so it is refused for all others.
pub(super) fn of_project(
    service: ServiceKind,
    base: &Url,
    own: Option<&str>,
    project: &str,
) -> Result<Url, Error> {
    if own == Some(project) {
        return Ok(base.clone());
    }
    let own = own.filter(|own| !own.is_empty());
    let theirs = own.and_then(|own| {
        let prefix = base.path_segments()?.next_back()?.strip_suffix(own)?;
        let mut url = base.clone();
        url.path_segments_mut().ok()?.pop().push(&format!("{prefix}{project}"));
        Some(url)
    });
    theirs.ok_or_else(|| {
        Error::new(
            super::ErrorKind::Forbidden,
            service,
            format!("{}'s endpoint does not name the token's project: it tells of no other", service.name()),
            "let it end in AUTH_%(project_id)s; Ceph's radosgw needs rgw_swift_account_in_url besides",
        )
    })
}

/// What a version document says: the lowest and highest microversion.
#[derive(Deserialize)]
pub(super) struct VersionDocument {
    version: Option<Version>,
    versions: Option<Vec<Version>>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    id: String,
    #[serde(default, alias = "max_version")]
    version: Option<String>,
    #[serde(default)]
    min_version: Option<String>,
}

impl VersionDocument {
    /// The range of the version that we speak; an old cloud without microversions has none.
    pub fn range(&self, service: ServiceKind) -> Option<(Microversion, Microversion)> {
        let all = self.version.iter().chain(self.versions.iter().flatten());
        all.filter(|v| service.version().is_none_or(|version| v.id == version || v.id.is_empty())).find_map(
            |v| {
                let highest = Microversion::parse(v.version.as_deref()?)?;
                Some((v.min_version.as_deref().and_then(Microversion::parse).unwrap_or(highest), highest))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_with_and_without_version_and_project() {
        for (service, url, expected) in [
            (ServiceKind::Compute, "http://h:8774/v2.1", "http://h:8774/v2.1"),
            (ServiceKind::Compute, "http://h:8774/v2.1/0123abc", "http://h:8774/v2.1"),
            (ServiceKind::Compute, "http://h:8774/", "http://h:8774/v2.1"),
            (ServiceKind::Compute, "https://h/compute/v2.1/", "https://h/compute/v2.1"),
            (ServiceKind::Compute, "https://h/compute", "https://h/compute/v2.1"),
            (ServiceKind::Compute, "http://h:8774/v2/0123", "http://h:8774/v2.1"),
            (ServiceKind::Placement, "http://h/placement/", "http://h/placement"),
            (ServiceKind::Network, "http://h:9696", "http://h:9696/v2.0"),
            (ServiceKind::Image, "http://h:9292/v2", "http://h:9292/v2"),
            (ServiceKind::Image, "http://h/volumes/v", "http://h/volumes/v/v2"),
        ] {
            assert_eq!(
                base(service, &Url::parse(url).unwrap()).as_str().trim_end_matches('/'),
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn another_projects_place_is_behind_the_same_prefix() {
        let check = |url: &str, own: Option<&str>, project: &str, expected: Option<&str>| {
            let base = base(ServiceKind::ObjectStore, &Url::parse(url).unwrap());
            let found = of_project(ServiceKind::ObjectStore, &base, own, project);
            assert_eq!(found.as_ref().ok().map(Url::as_str), expected, "{url} of {project}");
            let kind = found.err().map(|error| error.kind);
            assert_eq!(kind, expected.is_none().then_some(crate::source::ErrorKind::Forbidden), "{url}");
        };
        let own = Some("0a1b");
        for (url, project, expected) in [
            ("http://h:8080/v1/AUTH_0a1b", "0a1b", Some("http://h:8080/v1/AUTH_0a1b")),
            ("http://h:8080/v1/AUTH_0a1b", "77ff", Some("http://h:8080/v1/AUTH_77ff")),
            ("https://h/swift/v1/KEY_0a1b/", "77ff", Some("https://h/swift/v1/KEY_77ff")),
            ("http://h/v1/0a1b", "77ff", Some("http://h/v1/77ff")),
            // The id stands elsewhere in it, too.
            ("http://0a1b.h/0a1b/v1/AUTH_0a1b", "77ff", Some("http://0a1b.h/0a1b/v1/AUTH_77ff")),
            // An id leads nowhere else.
            ("http://h/v1/AUTH_0a1b", "../x?y#z", Some("http://h/v1/AUTH_..%2Fx%3Fy%23z")),
            // It names nobody, or somebody else: that is the token's project.
            ("http://h/swift/v1", "0a1b", Some("http://h/swift/v1")),
            ("http://h/swift/v1", "77ff", None),
            ("http://h/v1/AUTH_9999", "77ff", None),
            ("http://h", "77ff", None),
        ] {
            check(url, own, project, expected);
        }
        // A token of no project, or of one without an id.
        for own in [None, Some("")] {
            check("http://h/v1/AUTH_0a1b", own, "77ff", None);
        }
    }

    #[test]
    fn microversions_are_numbers() {
        let parse = |text| Microversion::parse(text).unwrap();
        assert!(parse("2.100") > parse("2.53"));
        assert_eq!(Microversion::parse("two"), None);
    }
}
