//! Clouds that do not answer.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use tempfile::TempDir;

use crate::support::pty::{Pty, Screen};

/// A size at which every part of the dashboard has room.
pub const SIZE: (u16, u16) = (100, 30);

/// A home directory with a `clouds.yaml`.
pub struct Home(TempDir);

impl Home {
    pub fn with(clouds: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join(".config/openstack");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("clouds.yaml"), clouds).unwrap();
        Self(home)
    }

    /// One cloud, `away` in region `north`, where nobody listens.
    pub fn away() -> Self {
        Self::with(&format!("clouds:\n{}", cloud("away", "north")))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The dashboard, with these variables.
    pub fn dashboard(&self, env: &[(&str, &str)], size: (u16, u16)) -> Pty {
        let mut all = vec![("HOME", self.path().to_str().unwrap())];
        all.extend(env);
        Pty::start(&[], &all, size)
    }
}

/// An entry of `clouds.yaml` for a cloud where nobody listens.
pub fn cloud(name: &str, region: &str) -> String {
    format!(
        "  {name}:\n    auth: {{auth_url: \"{}\", username: ops, password: s3cret, project_name: admin}}\n    \
         region_name: {region}\n",
        closed()
    )
}

/// A URL on a port that was free a moment ago.
pub fn closed() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/v3")
}

/// The dashboard over a cloud that is away, with the first refusal on the screen.
pub fn open(home: &Home) -> Pty {
    let pty = home.dashboard(&[], SIZE);
    pty.see("next try in");
    pty
}

/// The rows of a screen without what the time changes.
pub fn timeless(screen: &Screen) -> Vec<String> {
    screen
        .rows()
        .iter()
        .filter(|row| !row.contains("next try") && !row.contains("trying again"))
        .map(|row| row.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect())
        .collect()
}
