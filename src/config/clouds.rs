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
use entry::{Auth as AuthEntry, CloudsFile, Entry, PublicFile};

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
        let config = env
            .get("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| env.get("HOME").map(|home| Path::new(home).join(".config")));
        let mut dirs = vec![PathBuf::from(".")];
        dirs.extend(config.map(|dir| dir.join("openstack")));
        dirs.extend(["/etc/openstack", "/etc/kolla"].map(PathBuf::from));
        Self { cloud, region, env, dirs }
    }

    /// The first of these files that is there: the one that a variable names, else by directory.
    fn file(&self, variable: &str, names: &[&str]) -> Result<Option<(PathBuf, String)>, ConfigError> {
        let named = self.env.get(variable).map(PathBuf::from);
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
    /// Endpoints that stand in for the catalog's, by service type.
    pub overrides: BTreeMap<String, Url>,
    /// Where this was found, in words.
    pub origin: String,
}

impl CloudConfig {
    /// `cloud/region`, for a chooser.
    pub fn title(&self) -> String {
        Choice { cloud: self.name.clone(), region: self.region.clone() }.to_string()
    }
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
    if named.is_none() && (lookup.env.contains_key("OS_AUTH_URL") || lookup.env.contains_key("OS_ENDPOINT")) {
        let entry = Entry::from_env(&lookup.env);
        return finish("envvars", entry, "the OS_* variables".to_owned(), lookup);
    }
    let Some((path, text)) = lookup.file("OS_CLIENT_CONFIG_FILE", &["clouds.yaml", "clouds.yml"])? else {
        return Err(match named {
            Some(name) => ConfigError::no_file_for(&name, &lookup.dirs),
            None => ConfigError::nothing(&lookup.dirs),
        });
    };
    let mut clouds = parse::<CloudsFile>(&path, &text)?.clouds;
    if let Some((path, text)) = lookup.file("OS_CLIENT_SECURE_FILE", &["secure.yaml", "secure.yml"])? {
        for (name, secure) in parse::<CloudsFile>(&path, &text)?.clouds {
            // A secret alone is no cloud.
            if let Some(entry) = clouds.remove(&name) {
                clouds.insert(name, secure.over(entry));
            }
        }
    }
    let name = match named {
        Some(name) => name,
        None => match clouds.len() {
            0 => return Err(ConfigError::empty(&path)),
            1 => clouds.keys().next().cloned().unwrap_or_default(),
            _ => {
                let choices = clouds.into_iter().flat_map(|(name, entry)| choices(&name, &entry)).collect();
                return Ok(Found::Choose(choices));
            }
        },
    };
    let Some(entry) = clouds.remove(&name) else {
        return Err(ConfigError::unknown_cloud(&name, &path, clouds.keys().map(String::as_str)));
    };
    let entry = with_profile(entry, lookup)?;
    finish(&name, entry, path.display().to_string(), lookup)
}

/// A vendor's profile lies below the cloud's own words.
fn with_profile(entry: Entry, lookup: &Lookup) -> Result<Entry, ConfigError> {
    let Some(profile) = entry.profile.clone().or_else(|| entry.cloud.clone()) else { return Ok(entry) };
    let names = ["clouds-public.yaml", "clouds-public.yml"];
    let Some((path, text)) = lookup.file("OS_CLIENT_VENDOR_FILE", &names)? else {
        return Err(ConfigError::unknown_profile(&profile, None, std::iter::empty()));
    };
    let mut profiles = parse::<PublicFile>(&path, &text)?.clouds;
    match profiles.remove(&profile) {
        Some(below) => Ok(entry.over(below)),
        None => Err(ConfigError::unknown_profile(&profile, Some(&path), profiles.keys().map(String::as_str))),
    }
}

fn choices(name: &str, entry: &Entry) -> Vec<Choice> {
    let one = |region: Option<String>| Choice { cloud: name.to_owned(), region };
    match (&entry.region_name, entry.regions.as_deref()) {
        (None, Some(regions)) if regions.len() > 1 => {
            regions.iter().map(|region| one(Some(region.name().to_owned()))).collect()
        }
        (region, _) => vec![one(region.clone())],
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| ConfigError::yaml(path, &error))
}

fn finish(name: &str, entry: Entry, origin: String, lookup: &Lookup) -> Result<Found, ConfigError> {
    let region = lookup
        .region
        .clone()
        .or_else(|| entry.region_name.clone())
        .or_else(|| lookup.env.get("OS_REGION_NAME").cloned());
    if region.is_none() {
        let several = choices(name, &entry);
        if several.len() > 1 {
            return Ok(Found::Choose(several));
        }
    }
    let region =
        region.or_else(|| entry.regions.as_deref().and_then(|r| r.first()).map(|r| r.name().to_owned()));
    let empty = AuthEntry::default();
    let auth = entry.auth.as_ref().unwrap_or(&empty);
    let url = auth.auth_url.as_deref().ok_or_else(|| ConfigError::no_auth_url(name, &origin))?;
    let auth_url = keystone_v3(url).ok_or_else(|| ConfigError::bad_url(name, "auth_url", url, &origin))?;
    let mut overrides = BTreeMap::new();
    for (service, url) in entry.overrides() {
        let parsed = Url::parse(url).map_err(|_| ConfigError::bad_url(name, service, url, &origin))?;
        overrides.insert(service.to_owned(), parsed);
    }
    Ok(Found::One(Box::new(CloudConfig {
        name: name.to_owned(),
        region,
        auth_url,
        auth: credentials(name, &entry, auth, &origin)?,
        scope: scope(auth),
        interface: interface(name, &entry, &origin)?,
        tls: Tls {
            verify: !entry.is_insecure(),
            cacert: entry.cacert.as_deref().map(expand),
            cert: entry.cert.as_deref().map(expand),
            key: entry.key.as_deref().map(expand),
        },
        overrides,
        origin,
    })))
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

fn credentials(name: &str, entry: &Entry, auth: &AuthEntry, origin: &str) -> Result<Auth, ConfigError> {
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
    match kind {
        "password" | "v3password" => {
            if auth.username.is_none() && auth.user_id.is_none() {
                return Err(missing("username"));
            }
            let password = auth.password.clone().ok_or_else(|| ConfigError::no_password(name, origin))?;
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

fn domain(id: Option<&String>, name: Option<&String>, auth: &AuthEntry) -> Domain {
    match (id.or(auth.default_domain_id.as_ref()), name.or(auth.default_domain_name.as_ref())) {
        (Some(id), _) if name.is_none() => Domain::Id(id.clone()),
        (_, Some(name)) => Domain::Name(name.clone()),
        (Some(id), None) => Domain::Id(id.clone()),
        (None, None) => Domain::Id("default".to_owned()),
    }
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

fn interface(name: &str, entry: &Entry, origin: &str) -> Result<Interface, ConfigError> {
    let word = entry.interface.as_deref().or(entry.endpoint_type.as_deref()).unwrap_or("public");
    match word.strip_suffix("URL").unwrap_or(word) {
        "public" => Ok(Interface::Public),
        "internal" => Ok(Interface::Internal),
        "admin" => Ok(Interface::Admin),
        other => Err(ConfigError::bad_interface(name, other, origin)),
    }
}
