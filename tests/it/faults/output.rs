//! Where the output goes.

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
