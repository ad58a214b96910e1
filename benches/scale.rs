//! The dashboard over 10,000 hypervisors and 100,000 instances in 2,000 projects: `cargo bench --bench scale`.
//!
//! Each figure stands beside its limit or a peer measured in the same run. The cloud is a process of its own
//! that sends pre-rendered pages (`benches/scale/server.rs`); the dashboard's half runs here as the loop runs
//! it: reports are taken in, a frame is drawn at most each 16 ms, a key is drawn at once.
//! `SCALE=4000x400` (instances x hypervisors) takes another size.

// A bench that cannot run ends with the reason: nothing of the product is here.
#![allow(clippy::expect_used, clippy::panic)]

#[path = "scale/server.rs"]
mod server;
#[path = "support/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use stackwatch::app::App;
use stackwatch::cli::Cli;
use stackwatch::config::clouds::{self, CloudConfig, Found, Lookup};
use stackwatch::config::file::File;
use stackwatch::config::looks::Looks;
use stackwatch::feed::Feed;
use stackwatch::keymap::parse_keys;
use stackwatch::report::{Delta, Outcome, Report, Topic};
use stackwatch::request::Wanted;
use stackwatch::source::{Limits, ServiceKind, Session};

use server::Size;
use table::Table;

/// A frame at most so often for reports, as in the loop.
const FRAME: Duration = Duration::from_millis(16);
/// And they pause for so many times what the last frame took.
const REST: u32 = 8;

fn main() {
    stackwatch::memory::one_heap();
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "serve") {
        let n = |i: usize| words[at + i].parse().expect("a number");
        server::serve(Size { hypervisors: n(1), instances: n(2), projects: n(3) });
    }
    let scale = std::env::var("SCALE").unwrap_or_else(|_| "100000x10000".to_owned());
    let (instances, hypervisors) = scale.split_once('x').expect("SCALE is INSTANCESxHYPERVISORS");
    let size = Size {
        instances: instances.parse().expect("a number"),
        hypervisors: hypervisors.parse().expect("a number"),
        projects: 2_000,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let missed = runtime.block_on(measure(size));
    runtime.shutdown_background();
    std::process::exit(i32::from(missed));
}

/// Prints the table; says whether a limit was missed.
async fn measure(size: Size) -> bool {
    let cloud = Cloud::start(size);
    let mut table = Table::default();
    let curl = median((0..5).map(|_| cloud.curl(size)).collect());
    let before = resident();
    let mut dash = Dash::open(&cloud, "instances", &[Topic::Instances]);
    let read = dash.read(Topic::Instances).await;
    let after = resident();
    let whole =
        format!("whole list of {} instances on {} hypervisors, wall", size.instances, size.hypervisors);
    table.against(&whole, ms(read.wall), "1.5 × curl over the same pages", ms(curl) * 1.5, "ms");
    table.against("first page on screen", ms(read.first), "", 100.0, "ms");
    table.plain("whole list, CPU", ms(read.cpu), "ms");
    let grown = (after - before) as f64;
    table.against("memory an instance", grown / size.instances as f64, "", 1_024.0, "B");
    table.against("memory in all", after as f64 / 1_048_576.0, "", 150.0, "MiB");

    let (requests, used) = (cloud_requests(&dash), cpu());
    const ROUNDS: u32 = 20;
    for _ in 0..ROUNDS {
        dash.refresh(Topic::Instances).await;
    }
    let asked = (cloud_requests(&dash) - requests) as f64 / f64::from(ROUNDS);
    let refresh = (cpu() - used) / ROUNDS;
    table.against("refresh with 100 changes, requests", asked, "", 2.0, "");
    table.against(
        "refresh with 100 changes, CPU",
        ms(refresh),
        "1% of the full read's",
        ms(read.cpu) / 100.0,
        "ms",
    );

    keys(&mut dash, &mut table);
    while_reading(&mut dash, &mut table, size).await;
    table.against("a tick's frame", dash.tick() * 100.0 / 1_000.0, "", 0.5, "%");
    drop(dash);

    let mut dash =
        Dash::open(&cloud, "hypervisors", &[Topic::Hypervisors, Topic::Services, Topic::Aggregates]);
    dash.read(Topic::Hypervisors).await;
    tree(&mut dash, &mut table);
    table.missed
}

/// Keys over all rows: moving, filtering letter by letter, sorting.
fn keys(dash: &mut Dash, table: &mut Table) {
    let moves: Vec<f64> = (0..50).flat_map(|_| dash.press("jjjk<ctrl-d><ctrl-d><ctrl-u>Gkkggj")).collect();
    table.against("cursor and page keys, 99th percentile", percentile(moves, 0.99), "", 16.0, "ms");
    let mut letters = Vec::new();
    for word in [
        "vm-01234",
        "cmp00042",
        "project-0007",
        "active",
        "10.0.1.",
        "host=cmp00042",
        "!active",
        "nothing at all",
    ] {
        letters.extend(dash.press(&format!("/{word}<enter>")));
        letters.extend(dash.press("/<ctrl-u><enter>"));
    }
    table.against("each letter of a filter, 99th percentile", percentile(letters, 0.99), "", 16.0, "ms");
    // Where its frame shows the first finds only, the rest comes without a key.
    let whole: Vec<f64> = ["7", "!7", "nothing at all", "~7$"].iter().map(|word| dash.answer(word)).collect();
    table.plain("the whole answer to a filter over all columns, slowest", percentile(whole, 1.0), "ms");
    let columns = ["name", "status", "host", "project", "task_state", "created", "flavor", "addresses", "id"];
    let sort = |dash: &mut Dash, column: &str| {
        let times = dash.press(&format!(":sort {column}<enter>"));
        times.last().copied().unwrap_or_default()
    };
    let first: Vec<f64> = columns.iter().map(|column| sort(dash, column)).collect();
    table.against("first sort by a new column, slowest", percentile(first, 1.0), "", 50.0, "ms");
    let again: Vec<f64> = columns.iter().map(|column| sort(dash, column)).collect();
    table.against("known sort, slowest", percentile(again, 1.0), "", 16.0, "ms");
    dash.press(":sort -trouble<enter>gg");
}

/// Keys while a full read of the same rows is taken in: a key waits at most for the report that is being
/// taken in, and for its own frame.
async fn while_reading(dash: &mut Dash, table: &mut Table, size: Size) {
    let mut waits = Vec::new();
    let topic = Topic::Instances;
    let pages = dash.pages(size).await;
    dash.say(Outcome::Begin { topic, expected: None });
    for page in pages {
        let started = Instant::now();
        dash.say(Outcome::Part(page));
        let taken = ms(started.elapsed());
        waits.extend(dash.press("jk").into_iter().map(|wait| wait + taken));
    }
    let started = Instant::now();
    dash.say(Outcome::End { topic, complete: true, limit: None });
    let taken = ms(started.elapsed());
    waits.extend(dash.press("j").into_iter().map(|wait| wait + taken));
    table.against(
        "keys while a full read comes in, 99th percentile",
        percentile(waits, 0.99),
        "",
        16.0,
        "ms",
    );
}

/// The tree of hosts: opened, moved in, a zone and a rack opened and closed.
fn tree(dash: &mut Dash, table: &mut Table) {
    let mut times = dash.press("v");
    for _ in 0..20 {
        times.extend(dash.press("jjj<enter>jj<enter>jjjjkkk<ctrl-d><ctrl-u>G gg"));
    }
    table.against("tree opened and moved in, 99th percentile", percentile(times, 0.99), "", 16.0, "ms");
}

/// The cloud's process.
struct Cloud {
    process: Child,
    port: u16,
}

impl Cloud {
    fn start(size: Size) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "serve",
                &size.hypervisors.to_string(),
                &size.instances.to_string(),
                &size.projects.to_string(),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the cloud's process");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("its port");
        Self { process, port: line.trim().parse().expect("a port") }
    }

    fn config(&self) -> CloudConfig {
        let env = [
            ("OS_AUTH_URL", format!("http://127.0.0.1:{}/v3", self.port)),
            ("OS_USERNAME", "bench".to_owned()),
            ("OS_PASSWORD", "bench".to_owned()),
            ("OS_PROJECT_NAME", "admin".to_owned()),
        ];
        let env: BTreeMap<String, String> =
            env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match clouds::find(&Lookup { cloud: None, region: None, env, dirs: Vec::new() }) {
            Ok(Found::One(cloud)) => *cloud,
            other => panic!("{other:?}"),
        }
    }

    /// One curl over one connection, page after page.
    fn curl(&self, size: Size) -> Duration {
        let mut curl = Command::new("curl");
        curl.arg("-s");
        for from in (0..size.instances).step_by(1_000) {
            let marker = if from == 0 {
                String::new()
            } else {
                format!("?marker=00000001-0000-4000-8000-{:012x}", from - 1)
            };
            curl.args([
                "-o",
                "/dev/null",
                &format!("http://127.0.0.1:{}/v2.1/servers/detail{marker}", self.port),
            ]);
        }
        let started = Instant::now();
        assert!(curl.status().expect("curl").success());
        started.elapsed()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a read took.
struct Read {
    wall: Duration,
    first: Duration,
    cpu: Duration,
}

/// The dashboard, as the loop drives it.
struct Dash {
    app: App,
    feed: Feed,
    terminal: Terminal<TestBackend>,
    refreshes: u64,
    /// The rows of a read, page by page, to be said again.
    heard: Option<Vec<Delta>>,
}

impl Dash {
    fn open(cloud: &Cloud, pane: &str, topics: &[Topic]) -> Self {
        let cli = <Cli as clap::Parser>::parse_from(["stackwatch"]);
        let looks = Looks::load(&cli.common, &File::default()).expect("looks");
        let mut app = App::new(looks, Some(pane));
        app.open("bench", Some("RegionOne"));
        let session = Session::new(cloud.config(), Limits::default()).expect("a session");
        let feed = Feed::start(session, 0, |topic| topics.contains(&topic));
        let terminal = Terminal::new(TestBackend::new(200, 60)).expect("a screen");
        Self { app, feed, terminal, refreshes: 0, heard: None }
    }

    fn draw(&mut self) {
        let app = &mut self.app;
        self.terminal.draw(|frame| app.draw(frame)).expect("a frame");
    }

    /// Takes in reports until the topic's read has ended, drawing as the loop does.
    async fn read(&mut self, topic: Topic) -> Read {
        let (started, cpu) = (Instant::now(), cpu());
        let (mut drawn, mut pause, mut first) = (Instant::now(), FRAME, None);
        let mut batch = Vec::new();
        let before = self.app.store().freshness(topic).as_of;
        while self.app.store().freshness(topic).as_of == before {
            self.feed.reports(&mut batch, 32).await.expect("a collector lives");
            for report in batch.drain(..) {
                let rows = matches!(&report.outcome, Outcome::Part(_));
                if let (Some(heard), Outcome::Part(delta @ Delta::Instances(_))) =
                    (&mut self.heard, &report.outcome)
                {
                    heard.push(delta.clone());
                }
                self.app.on_report(report);
                if self.app.is_dirty() && (drawn.elapsed() >= pause || (rows && first.is_none())) {
                    let started = Instant::now();
                    self.draw();
                    drawn = Instant::now();
                    pause = FRAME.max((drawn - started) * REST);
                    first = first.or_else(|| rows.then(|| started.elapsed()));
                }
            }
        }
        self.draw();
        Read { wall: started.elapsed(), first: first.unwrap_or_default(), cpu: self::cpu() - cpu }
    }

    /// Asks the topic anew, as `r` does.
    async fn refresh(&mut self, topic: Topic) -> Read {
        self.refreshes += 1;
        self.feed.want(Wanted { refresh: [(topic, self.refreshes)].into(), ..Wanted::default() });
        self.read(topic).await
    }

    /// The time from each key to its frame.
    fn press(&mut self, keys: &str) -> Vec<f64> {
        let keys = parse_keys(keys).expect("keys");
        keys.into_iter()
            .map(|key| {
                let started = Instant::now();
                self.app.on_key(key, Timestamp::now());
                self.draw();
                ms(started.elapsed())
            })
            .collect()
    }

    /// The time until the filter has been put to all rows, with a frame after each step.
    fn answer(&mut self, filter: &str) -> f64 {
        self.press("/");
        let started = Instant::now();
        self.press(filter);
        while self.app.is_behind() {
            self.app.catch_up();
            self.draw();
        }
        let took = ms(started.elapsed());
        self.press("<ctrl-u><enter>");
        took
    }

    fn say(&mut self, outcome: Outcome) {
        self.app.on_report(Report { at: Timestamp::now(), epoch: 0, outcome });
    }

    /// The rows of another full read, so that it can be said again without the network.
    async fn pages(&mut self, size: Size) -> Vec<Delta> {
        self.heard = Some(Vec::new());
        // Asked for twice at once, everything is read.
        self.refreshes += 1;
        self.refresh(Topic::Instances).await;
        let pages = self.heard.take().unwrap_or_default();
        assert_eq!(pages.len(), size.instances.div_ceil(1_000));
        pages
    }

    /// What a second without news costs, in milliseconds.
    fn tick(&mut self) -> f64 {
        let times = (1..=20).map(|second| {
            let started = Instant::now();
            self.app.on_tick(Timestamp::now() + Duration::from_secs(second));
            if self.app.is_dirty() {
                self.draw();
            }
            ms(started.elapsed())
        });
        percentile(times.collect(), 0.5)
    }
}

fn cloud_requests(dash: &Dash) -> u64 {
    let compute = |traffic: &stackwatch::source::Traffic| traffic.service == Some(ServiceKind::Compute);
    dash.feed
        .session()
        .traffic()
        .iter()
        .filter(|traffic| compute(traffic))
        .map(|traffic| traffic.requests)
        .sum()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn percentile(mut figures: Vec<f64>, share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = (figures.len() as f64 * share).ceil() as usize;
    figures[at.clamp(1, figures.len()) - 1]
}

/// User and system time of this process, all threads.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    // Linux counts these in hundredths of a second everywhere that this runs.
    Duration::from_millis(ticks * 10)
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).expect("a number") * 1_024
}
