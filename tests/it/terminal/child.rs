//! Programs that are no stackwatch: its loop with collectors and a backend that fail on purpose. They run as
//! this test binary in a terminal, so that no hook for tests stands in the product.

use std::io;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use clap::Parser;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::watch;

use stackwatch::app::App;
use stackwatch::cli::Cli;
use stackwatch::collect::{Collector, Outlet};
use stackwatch::config::clouds::{self, Found, Lookup};
use stackwatch::config::file::File;
use stackwatch::config::looks::Looks;
use stackwatch::exit::Exit;
use stackwatch::feed::Feed;
use stackwatch::model::{Hypervisor, ServiceState, ServiceStatus};
use stackwatch::report::{Delta, Topic};
use stackwatch::request::Wanted;
use stackwatch::run::{Loop, Signals};
use stackwatch::source::{Error, Limits, Session};
use stackwatch::terminal::{self, Frames, panics};

use super::away;
use crate::support::pty::Pty;

const WHICH: &str = "STACKWATCH_TEST_CHILD";

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Its collector panics when it is asked to read anew.
    PanicsInCollector,
    /// Its backend cannot draw a [`DREADED`] cell.
    FailsToDraw,
    /// Its backend panics at a [`DREADED`] cell.
    PanicsInDrawing,
    /// Its collector knows a hypervisor with a hostile name.
    HasRows,
}

const ALL: [Child; 4] =
    [Child::PanicsInCollector, Child::FailsToDraw, Child::PanicsInDrawing, Child::HasRows];

/// What the failing backends do not draw.
pub const DREADED: char = '☠';

/// A name with an OSC that sets a title, a C1 CSI that sets a colour, and a bidi override.
pub const HOSTILE: &str = "cmp\x1b]0;pwned\x07\u{9b}31m\u{202e}01";
pub const ID: &str = "5e7b0ad1-2c0f-4a6a-9b61-1f6ef36e5a10";

impl Child {
    pub fn start(self) -> Pty {
        let program = std::env::current_exe().unwrap();
        let args = ["--exact", "terminal::child::child", "--ignored", "--nocapture", "--test-threads=1"];
        Pty::spawn(program.to_str().unwrap(), &args, &[(WHICH, &format!("{self:?}"))], away::SIZE)
    }
}

#[test]
#[ignore = "no test by itself: the program that others run in a terminal"]
fn child() {
    let Ok(which) = std::env::var(WHICH) else { return };
    let child = ALL.into_iter().find(|child| format!("{child:?}") == which).expect("one of the children");
    panics::install().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let exit = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(child)))).unwrap_or(Exit::Bug);
    std::process::exit(exit as i32);
}

async fn run(child: Child) -> Exit {
    let common = Cli::parse_from(["stackwatch"]).common;
    let mut app = App::new(Looks::load(&common, &File::default()).unwrap(), None);
    app.open("child", None);
    let collector: Box<dyn Collector> = match child {
        Child::PanicsInCollector => Box::new(Panics),
        _ => Box::new(Knows),
    };
    let feed = Feed::over(session(), 0, [collector]);
    let signals = Signals::listen().unwrap();
    // The modes are set by the terminal that stackwatch takes; what it draws goes through ours.
    let _taken = ManuallyDrop::new(terminal::take(true).unwrap());
    let backend = Fragile { inner: CrosstermBackend::new(Frames::default()), child };
    let outcome = Loop {
        terminal: &mut Terminal::new(backend).unwrap(),
        app: &mut app,
        events: terminal::events().unwrap(),
        signals,
        connect: &mut |_, _| unreachable!("nothing to choose"),
        opens: None,
        feed: Some(feed),
        writing: None,
        now: Timestamp::now,
    }
    .run()
    .await;
    terminal::restore();
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:?}");
        Exit::Bug
    })
}

fn session() -> Session {
    let env = [("OS_AUTH_URL", "http://127.0.0.1:1/v3"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    match clouds::find(&Lookup { cloud: None, region: None, env, dirs: Vec::new() }).unwrap() {
        Found::One(cloud) => Session::new(*cloud, Limits::default()).unwrap(),
        Found::Choose(choices) => panic!("{choices:?}"),
    }
}

struct Panics;

impl Collector for Panics {
    fn topic(&self) -> Topic {
        Topic::Hypervisors
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    fn round<'a>(
        &'a mut self,
        wanted: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            assert!(wanted.borrow().refresh.is_empty(), "the collector has a bug");
            out.whole(Topic::Hypervisors, Delta::Hypervisors(Vec::new())).await;
            Ok(())
        }
        .boxed()
    }
}

struct Knows;

impl Collector for Knows {
    fn topic(&self) -> Topic {
        Topic::Hypervisors
    }

    fn every(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let hypervisor = Hypervisor {
            id: ID.into(),
            hypervisor_hostname: HOSTILE.into(),
            host: HOSTILE.into(),
            state: ServiceState::Up,
            status: ServiceStatus::Enabled,
            disabled_reason: None,
            hypervisor_type: "QEMU".into(),
            hypervisor_version: None,
            host_ip: None,
            vcpus: Some(8),
            vcpus_used: Some(2),
            memory_mb: Some(8_192),
            memory_mb_used: Some(512),
            local_gb: Some(100),
            local_gb_used: Some(0),
            running_vms: Some(1),
            cpu_model: None,
        };
        async move {
            out.whole(Topic::Hypervisors, Delta::Hypervisors(vec![hypervisor])).await;
            Ok(())
        }
        .boxed()
    }
}

/// A backend that fears one cell, if its child does.
struct Fragile {
    inner: CrosstermBackend<Frames>,
    child: Child,
}

impl Backend for Fragile {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let cells: Vec<_> = content.collect();
        if cells.iter().any(|(_, _, cell)| cell.symbol().starts_with(DREADED)) {
            match self.child {
                Child::FailsToDraw => return Err(io::Error::other("the backend has a bug")),
                Child::PanicsInDrawing => panic!("the backend has a bug"),
                _ => {}
            }
        }
        self.inner.draw(cells.into_iter())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}
