//! The simulated cloud as a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cloud::until;
use super::stub::command;

/// `stackwatch sim`, killed when this is dropped.
pub struct Serving {
    child: Child,
    dir: PathBuf,
}

impl Serving {
    /// Its files come into `cloud/` there; its home is there too.
    pub fn start(dir: &Path, args: &[&str]) -> Self {
        let mut command = command(dir, &[&["sim", "--dir", "cloud"][..], args].concat());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Before the wait: it is killed too when its files never come.
        let serving = Self { child, dir: dir.join("cloud") };
        until("the files of the simulated cloud", Duration::from_secs(30), || {
            // The last that is written.
            fs::read_to_string(serving.dir.join("stackwatch.toml"))
                .is_ok_and(|text| text.ends_with("\"\n"))
                .then_some(())
        });
        serving
    }

    pub fn clouds_yaml(&self) -> PathBuf {
        self.dir.join("clouds.yaml")
    }

    /// Its exit code after a signal.
    pub fn end(&mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
        until("its end", Duration::from_secs(30), || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
