//! Time, retries and floods, over paused time: no test waits for the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers as it is told, and counts its rounds.
struct Scripted {
    rounds: Arc<AtomicUsize>,
    answer: Box<dyn FnMut(usize) -> Result<Duration, Error> + Send>,
}

impl Collector for Scripted {
    fn topic(&self) -> Topic {
        Topic::Services
    }

    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    fn round<'a>(
        &'a mut self,
        _: &'a watch::Receiver<Wanted>,
        out: &'a Outlet,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let round = self.rounds.fetch_add(1, Ordering::SeqCst);
            let took = (self.answer)(round)?;
            tokio::time::sleep(took).await;
            out.whole(Topic::Services, Delta::Services(Vec::new())).await;
            Ok(())
        })
    }
}

/// Runs a scripted collector for so long, and says how many rounds it made and what it reported.
async fn run(
    seconds: u64,
    answer: impl FnMut(usize) -> Result<Duration, Error> + Send + 'static,
) -> (usize, Vec<Report>) {
    let rounds = Arc::new(AtomicUsize::new(0));
    let (to, mut reports) = mpsc::channel(4);
    let (_wanted, wants) = watch::channel(Wanted::default());
    let collector = Box::new(Scripted { rounds: rounds.clone(), answer: Box::new(answer) });
    let task = tokio::spawn(supervise(collector, wants, Outlet::new(to, 0)));
    let mut heard = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while let Ok(Some(report)) = tokio::time::timeout_at(deadline, reports.recv()).await {
        heard.push(report);
    }
    task.abort();
    (rounds.load(Ordering::SeqCst), heard)
}

fn failure(kind: ErrorKind, retry_after: Option<Duration>) -> Error {
    Error {
        kind,
        service: "nova",
        message: "no".into(),
        next_step: String::new(),
        request_id: None,
        retry_after,
        status: None,
    }
}

#[tokio::test(start_paused = true)]
async fn rounds_keep_their_rhythm_within_the_jitter() {
    let (rounds, _) = run(300, |_| Ok(Duration::ZERO)).await;
    assert!((9..=12).contains(&rounds), "{rounds} rounds of 30 s in 300 s");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_not_asked_again_without_pause() {
    let (rounds, _) = run(300, |_| Ok(Duration::from_secs(50))).await;
    assert!((3..=4).contains(&rounds), "{rounds} rounds, each 50 s and a pause");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_to_a_minute_and_no_further() {
    let (rounds, heard) = run(600, |_| Err(failure(ErrorKind::Unreachable, None))).await;
    // 2, 4, 8, 16, 32 s, then each 60 s, all within a tenth.
    assert!((13..=16).contains(&rounds), "{rounds}");
    assert_eq!(heard.len(), rounds, "each failure is reported");
    let last = heard.last().and_then(|report| match &report.outcome {
        Outcome::Outage { outage, .. } => outage.retry_in,
        _ => None,
    });
    assert!(last.is_some_and(|pause| pause <= Duration::from_secs(66) && pause >= Duration::from_secs(54)));
}

#[tokio::test(start_paused = true)]
async fn a_success_forgets_the_failures_before() {
    let (rounds, _) =
        run(
            120,
            |round| {
                if round < 5 { Err(failure(ErrorKind::Unreachable, None)) } else { Ok(Duration::ZERO) }
            },
        )
        .await;
    assert!(rounds >= 6, "{rounds}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let (rounds, _) =
        run(250, |_| Err(failure(ErrorKind::RateLimited, Some(Duration::from_secs(100))))).await;
    assert_eq!(rounds, 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_asked_rarely_and_what_is_not_found_yet_is_not() {
    let (rounds, _) = run(600, |_| Err(failure(ErrorKind::Forbidden, None))).await;
    assert!(rounds <= 3, "{rounds}");
    let (rounds, _) = run(600, |_| Err(failure(ErrorKind::Missing, None))).await;
    assert!(rounds <= 3, "not in the catalog: {rounds}");
    let (rounds, _) =
        run(600, |_| Err(Error { status: Some(404), ..failure(ErrorKind::Missing, None) })).await;
    assert!(rounds >= 13, "a 404 passes when the service has started: {rounds}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_not_hammered() {
    let (rounds, _) = run(600, |_| Err(failure(ErrorKind::Auth, None))).await;
    assert!(rounds <= 6, "{rounds} logins in ten minutes lock an account");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_wakes_a_collector_that_sleeps() {
    let rounds = Arc::new(AtomicUsize::new(0));
    let (to, mut reports) = mpsc::channel(16);
    let (wanted, wants) = watch::channel(Wanted::default());
    let collector = Box::new(Scripted { rounds: rounds.clone(), answer: Box::new(|_| Ok(Duration::ZERO)) });
    let task = tokio::spawn(supervise(collector, wants, Outlet::new(to, 0)));
    for _ in 0..3 {
        reports.recv().await.unwrap();
    }
    // Something else that is wanted wakes nobody.
    wanted.send_modify(|wanted| wanted.slow = true);
    wanted.send_modify(|wanted| {
        wanted.refresh.insert(Topic::Services, 1);
    });
    let started = Instant::now();
    reports.recv().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(rounds.load(Ordering::SeqCst), 2);
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_full_channel_slows_the_source_and_loses_nothing() {
    let (to, mut reports) = mpsc::channel(1);
    let out = Outlet::new(to, 0);
    let flood = tokio::spawn(async move {
        for _ in 0..1_000 {
            out.say(Outcome::Current { topic: Topic::Services }).await;
        }
    });
    let mut heard = 0;
    while reports.recv().await.is_some() {
        heard += 1;
    }
    flood.await.unwrap();
    assert_eq!(heard, 1_000);
}
