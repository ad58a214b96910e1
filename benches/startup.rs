//! How soon the dashboard is there, and what it costs while nobody touches it: `cargo bench --bench startup`.
//!
//! Prints rows of `benches/run`'s table. Exits with 1 when the median from exec to the first whole frame is above the limit, or when the cloud is
//! asked before that frame is out. `STARTUP_IDLE_SECONDS` shortens the look at an idle dashboard.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)]
#[path = "../tests/it/support/pty.rs"]
mod pty;
#[path = "support/table.rs"]
mod table;

use std::fs;
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use pty::{PATIENCE, Pty, Screen};
use table::Table;

const RUNS: usize = 20;
/// In milliseconds.
const LIMIT: f64 = 50.0;
/// In percent of a core.
const IDLE_LIMIT: f64 = 0.5;
const IDLE: Duration = Duration::from_secs(60);
const SIZE: (u16, u16) = (120, 40);

fn main() -> ExitCode {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("its number").port()
    };
    let mut table = Table::default();
    startup(&mut table, closed);
    let ordered = (0..5).all(|_| asked_after_the_first_frame());
    println!(
        "| the cloud is asked after the first frame | {} | yes | |",
        if ordered { "yes" } else { "**no**" }
    );
    idle(&mut table, closed);
    if table.missed || !ordered { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A dashboard over a cloud at this port of this machine, and its home directory.
fn dashboard(port: u16) -> (Pty, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join(".config/openstack");
    fs::create_dir_all(&directory).expect("a directory");
    let clouds = format!(
        "clouds:\n  bench:\n    auth: {{auth_url: \"http://127.0.0.1:{port}/v3\", username: u, password: p, \
         project_name: p}}\n"
    );
    fs::write(directory.join("clouds.yaml"), clouds).expect("a file");
    let pty = Pty::start(&[], &[("HOME", home.path().to_str().expect("UTF-8"))], SIZE);
    (pty, home)
}

/// The header, the tabs, and the keys in the last row.
fn is_whole(screen: &Screen) -> bool {
    let rows = screen.rows();
    let has = |row: usize, text: &str| rows.get(row).is_some_and(|row| row.contains(text));
    has(0, "bench") && has(1, "read-only") && has(SIZE.1 as usize - 1, "filter")
}

/// The time from exec to the first whole frame on the terminal.
fn startup(table: &mut Table, port: u16) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            let (pty, _home) = dashboard(port);
            pty.wait_for(PATIENCE, "the first frame", is_whole);
            begun.elapsed()
        })
        .collect();
    times.sort();
    let median = milliseconds((times[RUNS / 2 - 1] + times[RUNS / 2]) / 2);
    table.against(&format!("exec to the first whole frame, median of {RUNS}"), median, "", LIMIT, "ms");
    table.plain("the slowest of them", milliseconds(times[RUNS - 1]), "ms");
}

/// The first connection freezes the program: whatever its terminal shows then was written before.
fn asked_after_the_first_frame() -> bool {
    let cloud = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (pty, _home) = dashboard(cloud.local_addr().expect("its number").port());
    let connection = cloud.accept();
    pty.signal(Signal::STOP);
    let shown = pty::poll(Duration::from_secs(2), || is_whole(&pty.screen())).is_some();
    connection.is_ok() && shown
}

/// What a dashboard costs that nobody touches.
fn idle(table: &mut Table, port: u16) {
    let seconds = std::env::var("STARTUP_IDLE_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = seconds.map_or(IDLE, Duration::from_secs);
    let (pty, _home) = dashboard(port);
    pty.see("next try in");
    let (mark, before) = (pty.mark(), cpu(pty.pid()));
    thread::sleep(time);
    let (bytes, used) = (pty.since(mark), cpu(pty.pid()) - before);
    let frames = bytes.windows(8).filter(|window| window == b"\x1b[?2026h").count();
    let share = 100.0 * used.as_secs_f64() / time.as_secs_f64();
    table.against(&format!("idle for {} s", time.as_secs()), share, "", IDLE_LIMIT, "% of a core");
    // The clock in the header moves each second.
    table.plain("frames a second meanwhile", frames as f64 / time.as_secs_f64(), "");
    table.plain("bytes a second to the terminal meanwhile", bytes.len() as f64 / time.as_secs_f64(), "");
}

/// User and system time of a process so far, to the kernel's hundredth of a second.
fn cpu(pid: i32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    // Its name, in parentheses, may hold anything; utime and stime are the fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
