//! Where the clouds are: `clouds.yaml` with its companions, or `OS_*` variables, as openstacksdk reads them.

mod entry;
mod error;
mod find;
mod finish;
mod login;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;
use zeroize::Zeroizing;

pub use error::ConfigError;
pub use find::find;

use super::secret::Secret;

/// Where to look, and for what.
#[derive(Clone)]
pub struct Lookup {
    pub cloud: Option<String>,
    pub region: Option<String>,
    /// The process's environment, as far as it is ours to read.
    pub env: BTreeMap<String, String>,
    /// Directories that may hold the files; the first that has one wins.
    pub dirs: Vec<PathBuf>,
}

/// Of the environment only the names: values may be passwords.
impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cloud, region, env, dirs } = self;
        let names: Vec<&String> = env.keys().collect();
        let mut lookup = f.debug_struct("Lookup");
        lookup.field("cloud", cloud).field("region", region).field("env", &names).field("dirs", dirs).finish()
    }
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
        dirs.dedup();
        dirs.extend(["etc/xdg/openstack", "etc/openstack", "etc/kolla"].map(|dir| super::root().join(dir)));
        Self { cloud, region, env, dirs }
    }

    /// The first of these files that is there: the one that a variable names, else by directory.
    fn file(&self, variable: &str, stem: &str) -> Result<Option<(PathBuf, Zeroizing<String>)>, ConfigError> {
        let named = self.env.get(variable).map(PathBuf::from);
        // JSON is YAML too.
        let names = ["yaml", "yml", "json"].map(|ending| format!("{stem}.{ending}"));
        let usual = self.dirs.iter().flat_map(|dir| names.iter().map(move |name| dir.join(name)));
        for path in named.into_iter().chain(usual) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok(Some((path, text.into()))),
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

    /// What tells it from all others, whatever it is called: keystone's URL, the region, and who looks at which part of
    /// it. No secret is in it.
    pub fn identity(&self) -> [String; 4] {
        let mut url = self.auth_url.clone();
        // Of a URL without a host there is none to be taken away.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        let user = match &self.auth {
            Auth::Password { user, .. } => user.words(),
            Auth::Token(_) => String::new(),
            Auth::ApplicationCredential { id, name, user, .. } => {
                let user = user.as_ref().map(Principal::words).unwrap_or_default();
                id.clone().unwrap_or_else(|| format!("{} {user}", name.as_deref().unwrap_or_default()))
            }
        };
        let scope = match &self.scope {
            Scope::Project(project) => project.words(),
            Scope::Domain(Domain::Id(domain) | Domain::Name(domain)) => format!("domain {domain}"),
            Scope::System => "system".to_owned(),
            Scope::Implied => String::new(),
        };
        let url = url.as_str().trim_end_matches('/').to_owned();
        [url, self.region.clone().unwrap_or_default(), user, scope]
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

impl Principal {
    /// The id, else the name with its domain.
    fn words(&self) -> String {
        let (Domain::Id(domain) | Domain::Name(domain)) = &self.domain;
        self.id.clone().unwrap_or_else(|| format!("{}@{domain}", self.name.as_deref().unwrap_or_default()))
    }
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
