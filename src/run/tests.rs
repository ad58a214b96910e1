use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use futures::FutureExt;
use futures::future::BoxFuture;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::layout::Rect;
use ratatui::{TerminalOptions, Viewport};
use tokio::sync::watch;

use super::*;
use crate::cli::Cli;
use crate::collect::{Collector, Outlet};
use crate::config::clouds::{self, Found, Lookup};
use crate::config::file::File;
use crate::config::looks::Looks;
use crate::model::{Hypervisor, ServiceState, ServiceStatus};
use crate::report::{Delta, Outcome, Topic};
use crate::request::Wanted;
use crate::source::{Error, Limits, Session};

const CTRL_C: Event = Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));

fn key(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
}

/// A clock that goes with tokio's paused one.
fn now() -> Timestamp {
    thread_local!(static START: Instant = Instant::now());
    let since = START.with(Instant::elapsed);
    Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_000_000_000) + since
}

fn app() -> App {
    let looks = Looks::load(&Cli::parse_from(["stackwatch"]).common, &File::default()).unwrap();
    App::new(looks, None)
}

fn feed(collector: Box<dyn Collector>) -> Feed {
    let env = [("OS_AUTH_URL", "http://127.0.0.1:1/v3"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    match clouds::find(&Lookup { cloud: None, region: None, env, dirs: Vec::new() }).unwrap() {
        Found::One(cloud) => Feed::over(Session::new(*cloud, Limits::default()).unwrap(), 0, [collector]),
        Found::Choose(choices) => panic!("{choices:?}"),
    }
}

/// Runs the loop over these events, each after its pause; then ctrl-c.
async fn run(app: &mut App, feed: Option<Feed>, events: Vec<(Duration, Event)>) -> Exit {
    let (to, from) = mpsc::channel(1);
    tokio::spawn(async move {
        for (pause, event) in events {
            tokio::time::sleep(pause).await;
            to.send(Ok(event)).await.unwrap();
        }
        to.send(Ok(CTRL_C)).await.unwrap();
        std::future::pending::<()>().await;
    });
    Loop {
        terminal: &mut Terminal::new(TestBackend::new(100, 30)).unwrap(),
        app,
        events: from,
        signals: Signals::listen().unwrap(),
        connect: &mut |_, _| unreachable!("nothing to choose"),
        opens: None,
        feed,
        writing: None,
        now,
    }
    .run()
    .await
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_frame_is_drawn_only_when_something_shown_has_changed() {
    let secs = Duration::from_secs;
    let nothing = Event::Key(KeyEvent::new(KeyCode::F(9), KeyModifiers::NONE));
    for (name, events, frames) in [
        // The clock in the header changes with each second.
        ("ten seconds", vec![(secs(10) + FRAME * 2, nothing.clone())], 1 + 10),
        ("ten seconds without the focus", vec![(secs(0), Event::FocusLost), (secs(10), nothing.clone())], 1),
        ("a key that means nothing", vec![(FRAME * 2, nothing.clone())], 1),
        ("the beginning of a sequence", vec![(FRAME * 2, key('g'))], 1),
        ("a key that means something", vec![(FRAME * 2, key('?'))], 1 + 1),
        ("a resize", vec![(FRAME * 2, Event::Resize(80, 24))], 1 + 1),
        (
            "a focus that comes back",
            vec![(secs(0), Event::FocusLost), (FRAME * 2, Event::FocusGained)],
            1 + 1,
        ),
        ("a paste without a prompt", vec![(FRAME * 2, Event::Paste("q".to_owned()))], 1),
    ] {
        let mut app = app();
        assert_eq!(run(&mut app, None, events).await, Exit::Interrupt);
        assert_eq!(app.frames(), frames, "{name}");
    }
}

/// Says these deltas, one each, and then nothing more.
struct Says(Vec<Delta>);

impl Collector for Says {
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
        async move {
            for delta in self.0.drain(..) {
                out.whole(Topic::Hypervisors, delta).await;
            }
            Ok(())
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_reports_is_one_frame() {
    let reads = (0..10).map(|_| Delta::Hypervisors(Vec::new())).collect();
    let feed = feed(Box::new(Says(reads)));
    let mut app = app();
    run(&mut app, Some(feed), vec![(FRAME * 10, Event::FocusLost)]).await;
    assert_eq!(app.frames(), 2);
}

fn host(n: usize) -> Hypervisor {
    Hypervisor {
        id: format!("id-{n}").into(),
        hypervisor_hostname: format!("cmp{n:05}").into(),
        host: format!("cmp{n:05}").into(),
        hypervisor_type: "QEMU".into(),
        hypervisor_version: None,
        host_ip: None,
        state: ServiceState::Up,
        status: ServiceStatus::Enabled,
        disabled_reason: None,
        running_vms: None,
        vcpus: None,
        vcpus_used: None,
        memory_mb: None,
        memory_mb_used: None,
        local_gb: None,
        local_gb_used: None,
        cpu_model: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_key_leaves_to_do_is_done_without_another() {
    let mut app = app();
    let hosts = Delta::Hypervisors((0..5_000).map(host).collect());
    for outcome in [
        Outcome::Begin { topic: Topic::Hypervisors, expected: None },
        Outcome::Part(hosts),
        Outcome::End { topic: Topic::Hypervisors, complete: true, limit: None },
    ] {
        app.on_report(Report { at: now(), epoch: 0, outcome });
    }
    let shown = |app: &mut App| {
        let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
        let frame = terminal.draw(|frame| app.draw(frame)).unwrap();
        crate::ui::ansi::plain(frame.buffer)
    };
    for code in [KeyCode::Char('/'), KeyCode::Char('7'), KeyCode::Enter] {
        app.on_key(KeyEvent::new(code, KeyModifiers::NONE), now());
    }
    assert!(app.is_behind());
    assert!(shown(&mut app).contains(" of 5,000 …"), "{}", shown(&mut app));
    run(&mut app, None, vec![(FRAME * 2, Event::FocusLost)]).await;
    assert!(!app.is_behind());
    assert!(shown(&mut app).contains("1,355 of 5,000 shown"), "{}", shown(&mut app));
}

/// Says something for as long as anybody listens, and counts it.
struct Floods(Arc<AtomicUsize>);

impl Collector for Floods {
    fn topic(&self) -> Topic {
        Topic::Hypervisors
    }

    fn every(&self) -> Duration {
        Duration::ZERO
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            loop {
                out.say(Outcome::Current { topic: Topic::Hypervisors }).await;
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        .boxed()
    }
}

#[tokio::test]
async fn keys_stand_above_a_flood_of_reports() {
    let said = Arc::new(AtomicUsize::new(0));
    let feed = feed(Box::new(Floods(said.clone())));
    let (to, from) = mpsc::channel(1);
    let heard = Arc::new(AtomicUsize::new(0));
    tokio::spawn({
        let (said, heard) = (said.clone(), heard.clone());
        async move {
            while said.load(Ordering::Relaxed) < 5_000 {
                tokio::task::yield_now().await;
            }
            heard.store(said.load(Ordering::Relaxed), Ordering::Relaxed);
            to.send(Ok(CTRL_C)).await.unwrap();
            std::future::pending::<()>().await;
        }
    });
    let mut app = app();
    let exit = Loop {
        terminal: &mut Terminal::new(TestBackend::new(100, 30)).unwrap(),
        app: &mut app,
        events: from,
        signals: Signals::listen().unwrap(),
        connect: &mut |_, _| unreachable!("nothing to choose"),
        opens: None,
        feed: Some(feed),
        writing: None,
        now: Timestamp::now,
    }
    .run()
    .await
    .unwrap();
    assert_eq!(exit, Exit::Interrupt);
    // What was under way: a full channel, a batch, and what was said while the key was on its way.
    let behind = said.load(Ordering::Relaxed) - heard.load(Ordering::Relaxed);
    assert!(behind < 1_000, "{behind} reports were taken in before the key");
}

#[test]
fn a_slice_of_reports_leaves_the_rest_for_later_in_their_order() {
    let mut app = app();
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    let report = |at: i64| Report {
        at: Timestamp::from_second(at).unwrap(),
        epoch: 0,
        outcome: Outcome::Current { topic: Topic::Hypervisors },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _runtime = runtime.enter();
    let mut looped = Loop {
        terminal: &mut terminal,
        app: &mut app,
        events: mpsc::channel(1).1,
        signals: Signals::listen().unwrap(),
        connect: &mut |_, _| unreachable!("nothing to choose"),
        opens: None,
        feed: None,
        writing: None,
        now,
    };
    let all = 100_000;
    let mut batch: Vec<Report> = (0..all).map(report).collect();
    looped.take_in(&mut batch);
    let left: Vec<i64> = batch.iter().map(|report| report.at.as_second()).collect();
    assert!(!left.is_empty() && left.len() < all as usize, "{} are left", left.len());
    let first = all - left.len() as i64;
    assert!(left.iter().copied().eq(first..all));
}

/// A terminal's end that keeps what comes.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_cloud_is_opened_after_the_first_frame() {
    let written = Written::default();
    let viewport = Viewport::Fixed(Rect::new(0, 0, 100, 30));
    let mut terminal =
        Terminal::with_options(CrosstermBackend::new(written.clone()), TerminalOptions { viewport }).unwrap();
    let (_to, from) = mpsc::channel(1);
    let mut connect = |cloud, _| {
        let frame = String::from_utf8(written.0.borrow().clone()).unwrap();
        assert!(cloud == 7 && frame.contains("Hypervisors") && frame.ends_with("\x1b[?25l"), "{frame:?}");
        Err(Unopened { message: "no certificate".to_owned(), next_step: "check cacert".to_owned() })
    };
    let outcome = Loop {
        terminal: &mut terminal,
        app: &mut app(),
        events: from,
        signals: Signals::listen().unwrap(),
        connect: &mut connect,
        opens: Some(7),
        feed: None,
        writing: None,
        now,
    }
    .run()
    .await;
    // The only cloud there is cannot be opened: that ends the program, with the reason.
    let unopened = outcome.unwrap_err().downcast::<Unopened>().unwrap();
    assert_eq!(unopened.message, "no certificate");
}

#[tokio::test]
async fn no_more_events_mean_that_the_terminal_is_gone() {
    for last in [None, Some(Err(io::ErrorKind::Other.into()))] {
        let (to, from) = mpsc::channel(1);
        if let Some(last) = last {
            to.send(last).await.unwrap();
        }
        drop(to);
        let exit = Loop {
            terminal: &mut Terminal::new(TestBackend::new(100, 30)).unwrap(),
            app: &mut app(),
            events: from,
            signals: Signals::listen().unwrap(),
            connect: &mut |_, _| unreachable!("nothing to choose"),
            opens: None,
            feed: None,
            writing: None,
            now,
        }
        .run()
        .await;
        assert_eq!(exit.unwrap(), Exit::HangUp);
    }
}

#[test]
fn a_file_is_written_for_its_owner_alone_and_none_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("marked.log");
    assert_eq!(write(&path, b"one\n"), Ok(format!("written to {}", path.display())));
    assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(write(&path, b"two\n").unwrap_err().contains("is there already: choose another name"));
    assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
    assert!(write(&dir.path().join("none/x"), b"").unwrap_err().contains("cannot write"));
}
