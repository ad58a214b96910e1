//! From the files and variables to one entry: which cloud, and what lies over what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::{Clouds, CloudsFile, Entry, PublicFile};
use super::finish::finish;
use super::{Choice, ConfigError, Found, Lookup};

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

type Entries = BTreeMap<String, Entry>;

/// The clouds of `clouds.yaml` with `secure.yaml` over it, and the file that they stand in.
fn files(lookup: &Lookup) -> Result<Option<(PathBuf, Entries)>, ConfigError> {
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
pub(super) fn regions(entry: &Entry) -> Vec<String> {
    match (&entry.region_name, &entry.regions) {
        (_, Some(regions)) => regions.iter().map(|region| region.name().to_owned()).collect(),
        (Some(names), None) => names.split(',').map(|name| name.trim().to_owned()).collect(),
        (None, None) => Vec::new(),
    }
}

pub(super) fn choices(name: &str, entry: &Entry) -> Vec<Choice> {
    let one = |region: Option<String>| Choice { cloud: name.to_owned(), region };
    let regions = regions(entry);
    match &entry.region_name {
        // One of the list, by the cloud's own word.
        Some(region) if !region.contains(',') => vec![one(Some(region.clone()))],
        _ if regions.is_empty() => vec![one(None)],
        _ => regions.into_iter().map(|region| one(Some(region))).collect(),
    }
}

fn parse<T: serde::de::DeserializeOwned + Clouds>(path: &Path, text: &str) -> Result<Entries, ConfigError> {
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
