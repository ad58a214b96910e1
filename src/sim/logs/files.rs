//! Files that grow, one for each service of each host, rotated as logrotate does.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// From this size on a file becomes `FILE.1`, and the one before it goes.
const LARGE: u64 = 8 << 20;

pub(super) struct Files {
    dir: PathBuf,
    /// It was said once that it cannot be written.
    complained: bool,
}

impl Files {
    pub fn new(dir: PathBuf) -> Self {
        // Made once: when it is taken away, the cloud is on its way out.
        let complained = fs::create_dir_all(&dir).is_err();
        Self { dir, complained }
    }

    /// Lines with their host and service, in the order of time. Each file is opened anew: it may have been moved.
    pub fn append(&mut self, lines: Vec<(Box<str>, Box<str>, String)>) {
        let mut texts: BTreeMap<(Box<str>, Box<str>), String> = BTreeMap::new();
        for (host, service, line) in lines {
            texts.entry((host, service)).or_default().push_str(&line);
        }
        for ((host, service), text) in texts {
            let path = self.dir.join(&*host).join(format!("{service}.log"));
            if let Err(error) = append(&path, &text)
                && !std::mem::replace(&mut self.complained, true)
            {
                tracing::warn!("the simulated cloud's log {} cannot be written: {error}", path.display());
            }
        }
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        match fs::create_dir(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())?;
    if file.metadata()?.len() > LARGE {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    Ok(())
}
