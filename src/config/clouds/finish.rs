//! From an entry to all that a session needs to know, or to the first mistake in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use super::entry::{Entry, Region};
use super::find::{choices, regions};
use super::{CloudConfig, ConfigError, Found, Interface, Lookup, ServiceConfig, Tls, login};

pub(super) fn finish(
    name: &str,
    mut entry: Entry,
    origin: String,
    lookup: &Lookup,
) -> Result<Found, ConfigError> {
    let asked = lookup.region.clone().or_else(|| lookup.env.get("OS_REGION_NAME").cloned());
    let region = match asked {
        Some(region) => {
            let known = regions(&entry);
            if known.len() > 1 && !known.contains(&region) {
                return Err(ConfigError::unknown_region(name, &region, &origin, &known));
            }
            Some(region)
        }
        None => {
            let mut choices = choices(name, &entry);
            if choices.len() > 1 {
                return Ok(Found::Choose(choices));
            }
            choices.pop().and_then(|only| only.region)
        }
    };
    let chosen =
        entry.regions.as_deref().unwrap_or_default().iter().find(|r| Some(r.name()) == region.as_deref());
    if let Some(different) = chosen.and_then(Region::values) {
        entry = different.over(entry);
    }
    let auth = entry.credentials();
    let url = auth.auth_url.as_deref().ok_or_else(|| ConfigError::no_auth_url(name, &origin))?;
    let url = in_region(url, region.as_deref());
    let auth_url = keystone_v3(&url).ok_or_else(|| ConfigError::bad_url(name, "auth_url", &url, &origin))?;
    Ok(Found::One(Box::new(CloudConfig {
        auth_url,
        auth: login::credentials(name, &entry, &auth, lookup, &origin)?,
        scope: login::scope(&auth),
        interface: interface(name, entry.interface.as_deref().unwrap_or("public"), &origin)?,
        tls: Tls {
            verify: !entry.is_insecure(),
            cacert: entry.cacert.as_deref().map(expand),
            cert: entry.cert.as_deref().map(expand),
            key: entry.key.as_deref().map(expand),
        },
        services: services(name, &entry, region.as_deref(), &origin)?,
        name: name.to_owned(),
        region,
        origin,
    })))
}

/// URLs may name the region: `https://{region_name}.example.org`.
fn in_region(url: &str, region: Option<&str>) -> String {
    url.replace("{region_name}", region.unwrap_or_default())
}

/// The services that we ask, by their types, the catalog's own first; and the major version that we speak,
/// where another one would be another API altogether.
const SERVICES: [(&[&str], Option<&str>); 7] = [
    (&["identity"], Some("3")),
    (&["compute"], Some("2")),
    (&["placement"], Some("1")),
    (&["network"], None),
    (&["image"], None),
    (&["block-storage", "volumev3", "volumev2", "volume", "block-store"], None),
    (&["object-store"], None),
];

fn services(
    name: &str,
    entry: &Entry,
    region: Option<&str>,
    origin: &str,
) -> Result<BTreeMap<&'static str, ServiceConfig>, ConfigError> {
    let mut services = BTreeMap::new();
    for (types, major) in SERVICES {
        let mut service = ServiceConfig::default();
        if let Some((key, url)) = entry.of_service(types, "endpoint_override") {
            let url = in_region(url, region);
            let parsed = Url::parse(&url).map_err(|_| ConfigError::bad_url(name, &key, &url, origin))?;
            service.endpoint = Some(parsed);
        }
        if let Some((_, word)) = entry.of_service(types, "interface") {
            service.interface = Some(interface(name, word, origin)?);
        }
        service.region = entry.of_service(types, "region_name").map(|(_, region)| region.to_owned());
        if let Some(major) = major {
            service.microversion = microversion(name, entry, types, major, origin)?;
        }
        if let Some(kind) = types.first().filter(|_| service != ServiceConfig::default()) {
            services.insert(*kind, service);
        }
    }
    Ok(services)
}

/// The highest microversion to ask for. `*_api_version` names a major version, or a microversion with its
/// dot; two that contradict each other are a mistake, as for openstacksdk.
fn microversion(
    name: &str,
    entry: &Entry,
    types: &[&str],
    major: &str,
    origin: &str,
) -> Result<Option<(u16, u16)>, ConfigError> {
    let mut cap = None;
    // What is no number (`latest`) bounds nothing.
    let version = entry.of_service(types, "api_version").filter(|(_, text)| text.parse::<f64>().is_ok());
    if let Some((key, text)) = version {
        let (said, minor) = text.split_once('.').unwrap_or((text, "0"));
        if said != major {
            return Err(ConfigError::unsupported_version(name, &key, text, major, origin));
        }
        // `2.0` is a habit of old files, and no microversion.
        if minor != "0" {
            cap = Some((key, pair(text)));
        }
    }
    let default = entry.of_service(types, "default_microversion").filter(|(_, text)| *text != "latest");
    if let Some((key, text)) = default {
        let asked = pair(text).ok_or_else(|| ConfigError::bad_microversion(name, &key, text, origin))?;
        if let Some((other, Some(implied))) = &cap
            && *implied != asked
        {
            return Err(ConfigError::two_microversions(name, &key, other, origin));
        }
        cap = Some((key, Some(asked)));
    }
    Ok(cap.and_then(|(_, version)| version))
}

/// `2.53`.
fn pair(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `~` as a shell has it.
fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The URL with `/v3`, whatever version stood there.
fn keystone_v3(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.host()?;
    let path = url.path().trim_end_matches('/').to_owned();
    let path = path.strip_suffix("/v3").or_else(|| path.strip_suffix("/v2.0")).unwrap_or(&path);
    let path = format!("{path}/v3");
    url.set_path(&path);
    url.set_query(None);
    Some(url)
}

fn interface(name: &str, word: &str, origin: &str) -> Result<Interface, ConfigError> {
    match word.strip_suffix("URL").unwrap_or(word) {
        "public" => Ok(Interface::Public),
        "internal" => Ok(Interface::Internal),
        "admin" => Ok(Interface::Admin),
        other => Err(ConfigError::bad_interface(name, other, origin)),
    }
}
