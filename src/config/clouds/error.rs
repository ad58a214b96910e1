//! What can be wrong with the configuration: where, what, and what to do.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::words::nearest;

/// One clear paragraph, and the next step.
#[derive(Debug)]
pub struct ConfigError {
    message: String,
    next_step: String,
    wants_password: bool,
    nothing: bool,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn places(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl ConfigError {
    fn new(message: String, next_step: impl Into<String>) -> Self {
        Self { message, next_step: next_step.into(), wants_password: false, nothing: false }
    }

    pub fn next_step(&self) -> &str {
        &self.next_step
    }

    /// Everything is there but the password: it may be asked for.
    pub fn wants_password(&self) -> bool {
        self.wants_password
    }

    /// Nobody said anything of a cloud: a word that needs none goes on without.
    pub fn is_nothing(&self) -> bool {
        self.nothing
    }

    pub(super) fn nothing(dirs: &[PathBuf]) -> Self {
        Self {
            nothing: true,
            ..Self::new(
                format!(
                    "no cloud is configured: no --cloud, no OS_CLOUD, no OS_AUTH_URL, and no clouds.yaml in {}",
                    places(dirs)
                ),
                "source your openrc, or put a clouds.yaml into ~/.config/openstack",
            )
        }
    }

    pub(super) fn no_file_for(name: &str, dirs: &[PathBuf]) -> Self {
        Self::new(
            format!("cloud `{name}` is asked for, but there is no clouds.yaml in {}", places(dirs)),
            "put a clouds.yaml into ~/.config/openstack, or name one by OS_CLIENT_CONFIG_FILE",
        )
    }

    pub(super) fn empty(path: &Path) -> Self {
        Self::new(format!("{}: there is no cloud in it", path.display()), "add one under `clouds:`")
    }

    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("{}: cannot be read: {error}", path.display()),
            "check that the file is there and yours to read",
        )
    }

    /// A mistake in one of our own TOML files.
    pub fn toml(name: &str, text: &str, error: &toml::de::Error) -> Self {
        Self::new(
            crate::words::toml(name, text, error),
            "assets/config.toml lists every key with its default",
        )
    }

    pub(super) fn yaml(path: &Path, error: &serde_saphyr::Error) -> Self {
        let place = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
        // Its first line: those below show the source, which may hold a password.
        let full = error.to_string();
        let what = full.lines().next().unwrap_or("not YAML").trim_start_matches("error: ");
        let what: String = what.chars().take(200).collect();
        Self::new(format!("{}{place}: {what}", path.display()), "mend the file at that place")
    }

    pub(super) fn unknown_cloud<'a>(
        name: &str,
        path: &Path,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let near = nearest(name, names.clone())
            .map_or_else(|| ".".to_owned(), |near| format!("; did you mean `{near}`?"));
        Self::new(
            format!("{}: there is no cloud `{name}`{near} There are: {}", path.display(), list(names)),
            "name one of these with --cloud",
        )
    }

    pub(super) fn unknown_profile<'a>(
        name: &str,
        path: Option<&Path>,
        names: impl Iterator<Item = &'a str>,
    ) -> Self {
        let place = path.map_or_else(|| "clouds-public.yaml".to_owned(), |path| path.display().to_string());
        Self::new(
            format!("{place}: there is no profile `{name}`; there are: {}", list(names)),
            "add the vendor's profile to clouds-public.yaml, or write its auth_url into the cloud itself",
        )
    }

    pub(super) fn no_auth_url(name: &str, origin: &str) -> Self {
        Self::new(format!("cloud `{name}` ({origin}) has no auth_url"), "add keystone's URL as auth.auth_url")
    }

    pub(super) fn bad_url(name: &str, key: &str, url: &str, origin: &str) -> Self {
        Self::new(
            format!("cloud `{name}` ({origin}): {key} `{url}` is no URL"),
            "write it as https://host:port/path",
        )
    }

    pub(super) fn bad_interface(name: &str, word: &str, origin: &str) -> Self {
        let near = nearest(word, ["public", "internal", "admin"].into_iter());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Self::new(
            format!("cloud `{name}` ({origin}): there is no interface `{word}`{near}"),
            "take public, internal or admin",
        )
    }

    pub(super) fn unknown_region(name: &str, region: &str, origin: &str, known: &[String]) -> Self {
        let near = nearest(region, known.iter().map(String::as_str));
        let near = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean `{near}`?"));
        Self::new(
            format!(
                "cloud `{name}` ({origin}) has no region `{region}`{near} There are: {}",
                list(known.iter().map(String::as_str))
            ),
            "name one of these with --region (OS_REGION_NAME)",
        )
    }

    pub(super) fn unsupported_version(name: &str, key: &str, text: &str, major: &str, origin: &str) -> Self {
        Self::new(
            format!("cloud `{name}` ({origin}): {key} `{text}` is not supported"),
            format!("stackwatch speaks version {major} of that API: write `{key}: {major}`, or leave it out"),
        )
    }

    pub(super) fn bad_microversion(name: &str, key: &str, text: &str, origin: &str) -> Self {
        Self::new(
            format!("cloud `{name}` ({origin}): {key} `{text}` is no microversion"),
            "write it as 2.53, in quotes: YAML takes 2.90 for a number",
        )
    }

    pub(super) fn two_microversions(name: &str, key: &str, other: &str, origin: &str) -> Self {
        Self::new(
            format!("cloud `{name}` ({origin}): {key} and {other} name two different microversions"),
            format!("write the major version alone as {other}, or leave one of them out"),
        )
    }

    pub(super) fn missing(name: &str, what: &str, origin: &str) -> Self {
        Self::new(format!("cloud `{name}` ({origin}) has no {what}"), format!("add {what} under its `auth:`"))
    }

    pub(super) fn no_password(name: &str, origin: &str) -> Self {
        Self {
            wants_password: true,
            ..Self::new(
                format!("cloud `{name}` ({origin}) has no password"),
                "set OS_PASSWORD, add auth.password (secure.yaml is the place for it), or start on a terminal to be asked",
            )
        }
    }

    pub(super) fn unsupported(name: &str, kind: &str, origin: &str) -> Self {
        Self::new(
            format!("cloud `{name}` ({origin}): auth_type `{kind}` is not supported"),
            "stackwatch knows password, v3token and v3applicationcredential: \
             `openstack application credential create` makes one that works",
        )
    }
}
