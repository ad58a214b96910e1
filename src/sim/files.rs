//! The files that tell clients where the simulated cloud is.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::genesis::PASSWORD;

/// The first line of what is ours: nothing else is ever overwritten.
const OURS: &str = "# Written by `stackwatch sim`; it goes with it.";

/// What was written.
pub struct Files {
    pub clouds: PathBuf,
    pub config: PathBuf,
    pub log: PathBuf,
}

/// What must be known to log in.
pub struct Access<'a> {
    /// keystone, without its `/v3`.
    pub auth_url: &'a str,
    pub region: &'a str,
    pub member: &'a str,
    pub member_project: &'a str,
    pub credential: (String, &'a str),
    /// `[broker]` of the settings.
    pub broker: &'a str,
}

/// Makes room: what another simulated cloud has left behind goes, and nothing else ever does. Where the logs go.
pub fn clear(dir: &Path) -> Result<PathBuf, String> {
    let (clouds, log) = (dir.join("clouds.yaml"), dir.join("log"));
    for path in [&clouds, &dir.join("stackwatch.toml")] {
        may_be_written(path)?;
    }
    let is_used = fs::read_dir(&log).is_ok_and(|mut entries| entries.next().is_some());
    if is_used && !clouds.exists() {
        return Err(foreign(&log));
    }
    if is_used {
        fs::remove_dir_all(&log).map_err(|error| format!("cannot clear {}: {error}", log.display()))?;
    }
    Ok(log)
}

/// It is not there, or another simulated cloud has written it.
fn may_be_written(path: &Path) -> Result<(), String> {
    match fs::read_to_string(path) {
        Ok(old) if !old.starts_with(OURS) => Err(foreign(path)),
        _ => Ok(()),
    }
}

fn foreign(path: &Path) -> String {
    format!("{} is there and was not written by a simulated cloud: choose another --dir", path.display())
}

pub fn write(dir: &Path, access: &Access<'_>) -> Result<Files, String> {
    let failed = |path: &Path, error: io::Error| format!("cannot write {}: {error}", path.display());
    let files =
        Files { clouds: dir.join("clouds.yaml"), config: dir.join("stackwatch.toml"), log: dir.join("log") };
    fs::create_dir_all(&files.log).map_err(|error| failed(&files.log, error))?;
    let config = format!(
        "{OURS}\n{}\n[[logs]]\npath = \"{}\"\ntime_zone = \"UTC\"\n\n[cloud]\nname = \"admin\"\n",
        access.broker,
        // Settings are read from anywhere.
        std::path::absolute(&files.log).unwrap_or_else(|_| files.log.clone()).display()
    );
    for (path, text) in [(&files.clouds, clouds(access)), (&files.config, config)] {
        may_be_written(path)?;
        // It holds a password, even if one that opens nothing.
        let file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(path, error))?;
    }
    Ok(files)
}

impl Files {
    /// Takes away what was written. The directory stays unless it is empty.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.clouds);
        let _ = fs::remove_file(&self.config);
        let _ = fs::remove_dir_all(&self.log);
    }
}

fn clouds(access: &Access<'_>) -> String {
    let Access { auth_url, region, member, member_project, credential: (id, secret), .. } = access;
    let user = |name: &str, project: &str| {
        format!(
            "    auth:\n      auth_url: {auth_url}/v3\n      username: {name}\n      password: {PASSWORD}\n      \
             project_name: {project}\n      user_domain_name: Default\n      project_domain_name: Default\n    \
             region_name: {region}\n    identity_api_version: 3\n"
        )
    };
    format!(
        "{OURS}\nclouds:\n  admin:\n{}  member:\n{}  appcred:\n    auth_type: v3applicationcredential\n    auth:\n      \
         auth_url: {auth_url}/v3\n      application_credential_id: {id}\n      application_credential_secret: \
         {secret}\n    region_name: {region}\n    identity_api_version: 3\n",
        user("admin", "admin"),
        user(member, member_project),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access<'static> {
        Access {
            auth_url: "http://127.0.0.1:5000",
            region: "RegionOne",
            member: "alice",
            member_project: "web-shop",
            credential: ("0123".to_owned(), "s3cret"),
            broker: "[broker]\nmanagement = \"http://u:p@127.0.0.1:1\"\n",
        }
    }

    #[test]
    fn files_are_for_their_owner_alone_and_may_be_written_again() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let files = write(dir.path(), &access()).unwrap();
        write(dir.path(), &access()).unwrap();
        assert_eq!(fs::metadata(&files.clouds).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(files.log.is_dir());
        files.remove();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn somebody_elses_clouds_are_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("clouds.yaml"), "clouds: {prod: {}}\n").unwrap();
        let error = write(dir.path(), &access()).err().unwrap();
        assert!(error.contains("clouds.yaml is there"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join("clouds.yaml")).unwrap(), "clouds: {prod: {}}\n");
    }
}
