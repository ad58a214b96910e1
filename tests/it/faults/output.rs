//! Where the output goes.

use std::io::{Read, Seek, SeekFrom};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::cloud::{Home, until};
use crate::support::stub::{Stub, run_without_reader};

#[test]
fn the_dashboard_without_a_terminal_says_what_to_take_instead() {
    for args in [&[][..], &["--pane", "instances"], &["--cloud", "stub"]] {
        let run = Stub::new().run(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:#?}");
        run.says(&["the dashboard needs a terminal", "`stackwatch show`", "`stackwatch screen`"]);
    }
}

#[test]
fn a_broken_pipe_is_a_quiet_end() {
    let cloud = Stub::new();
    for args in [
        &["show", "instances"][..],
        &["show", "instances", "-o", "json"],
        &["show", "instances", "-o", "csv"],
        &["screen", "instances"],
        &["screen", "instances", "-o", "svg"],
        &["doctor"],
        &["--help"],
        &["--version"],
    ] {
        assert_eq!(run_without_reader(cloud.command(args)), (0, String::new()), "{args:?}");
    }
}

#[test]
fn a_broken_pipe_for_errors_is_quiet_too() {
    let cloud = Stub::new();
    cloud.set(|cloud| cloud.member = true);
    for (args, code) in
        [(&["show", "hypervisors"][..], 3), (&["show", "nothing"], 2), (&["doctor", "--cloud", "x"], 2)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = cloud.command(args);
        let status = command.stdout(std::process::Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_simulated_cloud_whose_lines_nobody_reads_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackwatch"));
    command.args(["sim", "--hypervisors", "4", "--instances", "10", "--dir"]).arg(dir.path());
    let errors = tempfile::tempfile().unwrap();
    let mut sim = command.stdout(writer).stderr(errors.try_clone().unwrap()).spawn().unwrap();
    let settings = dir.path().join("stackwatch.toml");
    // Written behind its clouds.yaml, which is whole then, and before the lines.
    until("its settings, or its end", Duration::from_secs(60), || {
        (settings.exists() || sim.try_wait().unwrap().is_some()).then_some(())
    });
    let home = Home::new(&dir.path().join("clouds.yaml"), "admin");
    let mut show = home.command(env!("CARGO_BIN_EXE_stackwatch"));
    let shown = show.args(["show", "hypervisors", "-o", "json"]).output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{shown:?}");
    kill_process(Pid::from_child(&sim), Signal::TERM).unwrap();
    let status = sim.wait().unwrap();
    let mut said = String::new();
    (&errors).seek(SeekFrom::Start(0)).unwrap();
    (&errors).read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), &*said), (Some(143), ""));
}
