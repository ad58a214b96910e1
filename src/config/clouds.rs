//! Where the clouds are: `clouds.yaml` with its companions, or `OS_*` variables, as openstacksdk reads them.

mod entry;
mod error;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

pub use error::ConfigError;

use super::secret::Secret;
use entry::{Auth as AuthEntry, Clouds, CloudsFile, Entry, PublicFile};

/// Where to look, and for what.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub cloud: Option<String>,
    pub region: Option<String>,
    /// The process's environment, as far as it is ours to read.
    pub env: BTreeMap<String, String>,
    /// Directories that may hold the files; the first that has one wins.
    pub dirs: Vec<PathBuf>,
}

impl Lookup {
    pub fn from_process(cloud: Option<String>, region: Option<String>) -> Self {
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| {
                (name.starts_with("OS_") || name == "HOME" || name == "XDG_CONFIG_HOME") && !value.is_empty()
            })
            .collect();
        let xdg = env.get("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = env.get("HOME").map(|home| Path::new(home).join(".config"));
        let mut dirs = vec![PathBuf::from(".")];
        dirs.extend(xdg.into_iter().chain(home).map(|dir| dir.join("openstack")));
        dirs.extend(["/etc/xdg/openstack", "/etc/openstack", "/etc/kolla"].map(PathBuf::from));
        Self { cloud, region, env, dirs }
    }

    /// The first of these files that is there: the one that a variable names, else by directory.
    fn file(&self, variable: &str, stem: &str) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let named = self.env.get(variable).map(PathBuf::from);
        // JSON is YAML too.
        let names = ["yaml", "yml", "json"].map(|ending| format!("{stem}.{ending}"));
        let usual = self.dirs.iter().flat_map(|dir| names.iter().map(move |name| dir.join(name)));
        for path in named.into_iter().chain(usual) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok(Some((path, text))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                // A directory that we may not enter is no place to find clouds; a file that we may not read
                // is one that somebody meant for us.
                Err(error) if path.exists() => return Err(ConfigError::unreadable(&path, &error)),
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    One(Box<CloudConfig>),
    /// Several clouds, or several regions of one: somebody must choose.
    Choose(Vec<Choice>),
}

/// A cloud (and region) to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub cloud: String,
    pub region: Option<String>,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{}/{region}", self.cloud),
            None => f.write_str(&self.cloud),
        }
    }
}

/// Everything that a session needs to know.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    pub name: String,
    pub region: Option<String>,
    /// keystone, with its `/v3`.
    pub auth_url: Url,
    pub auth: Auth,
    pub scope: Scope,
    pub interface: Interface,
    pub tls: Tls,
    /// What is set for one service alone, by its type in the catalog.
    pub services: BTreeMap<&'static str, ServiceConfig>,
    /// Where this was found, in words.
    pub origin: String,
}

impl CloudConfig {
    /// `cloud/region`, for a chooser.
    pub fn title(&self) -> String {
        Choice { cloud: self.name.clone(), region: self.region.clone() }.to_string()
    }
}

/// What `compute_endpoint_override` and its kin say about a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Stands in for the catalog's.
    pub endpoint: Option<Url>,
    pub interface: Option<Interface>,
    pub region: Option<String>,
    /// No request asks for a higher one.
    pub microversion: Option<(u16, u16)>,
}

/// How to prove who we are.
#[derive(Clone, Debug)]
pub enum Auth {
    Password {
        user: Principal,
        password: Secret,
    },
    /// Cannot be renewed: when it expires, somebody must bring another.
    Token(Secret),
    ApplicationCredential {
        id: Option<String>,
        name: Option<String>,
        user: Option<Principal>,
        secret: Secret,
    },
}

/// A user or project, by id or by name within a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub id: Option<String>,
    pub name: Option<String>,
    pub domain: Domain,
}

/// A domain, by id or name; `default` where nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    Id(String),
    Name(String),
}

/// What a token is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Project(Principal),
    Domain(Domain),
    System,
    /// The credential decides, or the user's default project.
    Implied,
}

/// Which of a service's endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// How far to trust the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub verify: bool,
    pub cacert: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Finds the cloud: the one that was named, `OS_CLOUD`'s, the one of the `OS_*` variables, or the only one.
pub fn find(lookup: &Lookup) -> Result<Found, ConfigError> {
    let named = lookup.cloud.clone().or_else(|| lookup.env.get("OS_CLOUD").cloned());
    let from_env = lookup.env.contains_key("OS_AUTH_URL") || lookup.env.contains_key("OS_ENDPOINT");
    let envvars = lookup.env.get("OS_CLOUD_NAME").map_or("envvars", String::as_str);
    if from_env && named.as_deref().is_none_or(|name| name == envvars) {
        let entry = with_profile(Entry::from_env(&lookup.env), lookup)?;
        return finish(envvars, entry, "the OS_* variables".to_owned(), lookup);
    }
    let Some((path, mut clouds)) = files(lookup)? else {
        return Err(match named {
            Some(name) => ConfigError::no_file_for(&name, &lookup.dirs),
            None => ConfigError::nothing(&lookup.dirs),
        });
    };
    let name = match named {
        Some(name) => name,
        None => match clouds.len() {
            0 => return Err(ConfigError::empty(&path)),
            1 => clouds.keys().next().cloned().unwrap_or_default(),
            _ => {
                let all = clouds.into_iter().flat_map(|(name, entry)| {
                    // A profile may list regions. Its mistakes come to light when the cloud is chosen.
                    let entry = with_profile(entry.clone(), lookup).unwrap_or(entry);
                    choices(&name, &entry)
                });
                return Ok(Found::Choose(all.collect()));
            }
        },
    };
    let Some(entry) = clouds.remove(&name) else {
        return Err(ConfigError::unknown_cloud(&name, &path, clouds.keys().map(String::as_str)));
    };
    let entry = with_profile(entry, lookup)?;
    finish(&name, entry, path.display().to_string(), lookup)
}

/// The clouds of `clouds.yaml` with `secure.yaml` over it, and the file that they stand in.
fn files(lookup: &Lookup) -> Result<Option<(PathBuf, BTreeMap<String, Entry>)>, ConfigError> {
    let mut found = None;
    if let Some((path, text)) = lookup.file("OS_CLIENT_CONFIG_FILE", "clouds")? {
        let clouds = parse::<CloudsFile>(&path, &text)?;
        found = Some((path, clouds));
    }
    if let Some((path, text)) = lookup.file("OS_CLIENT_SECURE_FILE", "secure")? {
        let secure = parse::<CloudsFile>(&path, &text)?;
        let (_, clouds) = found.get_or_insert_with(|| (path, BTreeMap::new()));
        for (name, entry) in secure {
            match clouds.remove(&name) {
                Some(below) => _ = clouds.insert(name, entry.over(below)),
                // A secret alone is no cloud; but nothing forbids to write a whole one there.
                None if entry.is_cloud() => _ = clouds.insert(name, entry),
                None => {}
            }
        }
    }
    Ok(found)
}

/// A vendor's profile lies below the cloud's own words.
fn with_profile(entry: Entry, lookup: &Lookup) -> Result<Entry, ConfigError> {
    let Some(profile) = entry.profile.clone().or_else(|| entry.cloud.clone()) else { return Ok(entry) };
    let file = lookup.file("OS_CLIENT_VENDOR_FILE", "clouds-public")?;
    let (path, mut profiles) = match file {
        Some((path, text)) => {
            let profiles = parse::<PublicFile>(&path, &text)?;
            (Some(path), profiles)
        }
        None => (None, BTreeMap::new()),
    };
    match profiles.remove(&profile) {
        Some(below) => Ok(entry.over(below)),
        // The name alone: openstacksdk goes about its business too.
        None if entry.credentials().auth_url.is_some() => Ok(entry),
        None => {
            let names = profiles.keys().map(String::as_str);
            Err(ConfigError::unknown_profile(&profile, path.as_deref(), names))
        }
    }
}

/// The regions of a cloud: a list, or names with commas between them, as once was the custom.
fn regions(entry: &Entry) -> Vec<String> {
    match (&entry.region_name, &entry.regions) {
        (_, Some(regions)) => regions.iter().map(|region| region.name().to_owned()).collect(),
        (Some(names), None) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        (None, None) => Vec::new(),
    }
}

fn choices(name: &str, entry: &Entry) -> Vec<Choice> {
    let one = |region: Option<String>| Choice { cloud: name.to_owned(), region };
    let regions = regions(entry);
    match &entry.region_name {
        // One of the list, by the cloud's own word.
        Some(region) if !region.contains(',') => vec![one(Some(region.clone()))],
        _ if regions.is_empty() => vec![one(None)],
        _ => regions.into_iter().map(|region| one(Some(region))).collect(),
    }
}

fn parse<T: serde::de::DeserializeOwned + Clouds>(
    path: &Path,
    text: &str,
) -> Result<BTreeMap<String, Entry>, ConfigError> {
    use serde_saphyr::{DuplicateKeyPolicy, from_str_with_options, options};
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    // No snippets: they show lines, and lines hold secrets.
    let file = from_str_with_options::<T>(text, options! { with_snippet: false }).or_else(|error| {
        // Of two equal keys the last one counts, as for PyYAML. Only then: this way has worse words for places.
        let lenient = options! { with_snippet: false, duplicate_keys: DuplicateKeyPolicy::LastWins };
        from_str_with_options::<T>(text, lenient).map_err(|_| error)
    });
    Ok(file.map_err(|error| ConfigError::yaml(path, &error))?.clouds())
}

fn finish(name: &str, mut entry: Entry, origin: String, lookup: &Lookup) -> Result<Found, ConfigError> {
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
    if let Some(different) = chosen.and_then(entry::Region::values) {
        entry = different.over(entry);
    }
    let auth = entry.credentials();
    let url = auth.auth_url.as_deref().ok_or_else(|| ConfigError::no_auth_url(name, &origin))?;
    let url = in_region(url, region.as_deref());
    let auth_url = keystone_v3(&url).ok_or_else(|| ConfigError::bad_url(name, "auth_url", &url, &origin))?;
    Ok(Found::One(Box::new(CloudConfig {
        auth_url,
        auth: credentials(name, &entry, &auth, lookup, &origin)?,
        scope: scope(&auth),
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
const SERVICES: [(&[&str], Option<&str>); 6] = [
    (&["identity"], Some("3")),
    (&["compute"], Some("2")),
    (&["placement"], Some("1")),
    (&["network"], None),
    (&["image"], None),
    (&["block-storage", "volumev3", "volumev2", "volume", "block-store"], None),
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

fn credentials(
    name: &str,
    entry: &Entry,
    auth: &AuthEntry,
    lookup: &Lookup,
    origin: &str,
) -> Result<Auth, ConfigError> {
    let kind = entry.auth_type.as_deref().unwrap_or(if auth.application_credential_secret.is_some() {
        "v3applicationcredential"
    } else if auth.token.is_some() {
        "v3token"
    } else {
        "password"
    });
    let missing = |what: &str| ConfigError::missing(name, what, origin);
    let user = || Principal {
        id: auth.user_id.clone(),
        name: auth.username.clone(),
        domain: domain(auth.user_domain_id.as_ref(), auth.user_domain_name.as_ref(), auth),
    };
    // Asked for on the terminal, or exported beside `OS_CLOUD`.
    let password = || auth.password.clone().or_else(|| lookup.env.get("OS_PASSWORD").map(Secret::new));
    match kind {
        "password" | "v3password" => {
            if auth.username.is_none() && auth.user_id.is_none() {
                return Err(missing("username"));
            }
            let password = password().ok_or_else(|| ConfigError::no_password(name, origin))?;
            Ok(Auth::Password { user: user(), password })
        }
        "token" | "v3token" => Ok(Auth::Token(auth.token.clone().ok_or_else(|| missing("token"))?)),
        "v3applicationcredential" => {
            let id = auth.application_credential_id.clone();
            let app = auth.application_credential_name.clone();
            if id.is_none() && app.is_none() {
                return Err(missing("application_credential_id"));
            }
            if id.is_none() && auth.username.is_none() && auth.user_id.is_none() {
                return Err(missing("username (a credential by name needs its user)"));
            }
            let secret = auth
                .application_credential_secret
                .clone()
                .ok_or_else(|| missing("application_credential_secret"))?;
            let by_name = id.is_none();
            Ok(Auth::ApplicationCredential { id, name: app, user: by_name.then(user), secret })
        }
        other => Err(ConfigError::unsupported(name, other, origin)),
    }
}

/// The domain of a user or project: its own words, else the one domain that is named for both, else the
/// default.
fn domain(id: Option<&String>, name: Option<&String>, auth: &AuthEntry) -> Domain {
    let project = [&auth.project_id, &auth.project_name, &auth.tenant_id, &auth.tenant_name];
    // Without a project, `domain_id` is the scope, and says nothing about the user.
    let scoped = project.iter().any(|word| word.is_some());
    let both = |word: &Option<String>| word.clone().filter(|_| scoped);
    let by_id = |id: Option<String>| id.map(Domain::Id);
    let by_name = |name: Option<String>| name.map(Domain::Name);
    by_id(id.cloned())
        .or_else(|| by_name(name.cloned()))
        .or_else(|| by_id(both(&auth.domain_id)))
        .or_else(|| by_name(both(&auth.domain_name)))
        .or_else(|| by_id(auth.default_domain_id.clone()))
        .or_else(|| by_name(auth.default_domain_name.clone()))
        .unwrap_or_else(|| Domain::Id("default".to_owned()))
}

fn scope(auth: &AuthEntry) -> Scope {
    if auth.system_scope.as_deref() == Some("all") {
        return Scope::System;
    }
    let (id, name) = (auth.project_id.as_ref(), auth.project_name.as_ref());
    let (id, name) = (id.or(auth.tenant_id.as_ref()), name.or(auth.tenant_name.as_ref()));
    if id.is_some() || name.is_some() {
        return Scope::Project(Principal {
            id: id.cloned(),
            name: name.cloned(),
            domain: domain(auth.project_domain_id.as_ref(), auth.project_domain_name.as_ref(), auth),
        });
    }
    match (&auth.domain_id, &auth.domain_name) {
        (Some(id), _) => Scope::Domain(Domain::Id(id.clone())),
        (_, Some(name)) => Scope::Domain(Domain::Name(name.clone())),
        _ => Scope::Implied,
    }
}

fn interface(name: &str, word: &str, origin: &str) -> Result<Interface, ConfigError> {
    match word.strip_suffix("URL").unwrap_or(word) {
        "public" => Ok(Interface::Public),
        "internal" => Ok(Interface::Internal),
        "admin" => Ok(Interface::Admin),
        other => Err(ConfigError::bad_interface(name, other, origin)),
    }
}
