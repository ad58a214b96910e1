//! An OpenStack cloud that is not there: its services answer over HTTP, its instances are born, fail, migrate and
//! die, its hosts drop off and return. For everybody who wants to see the dashboard without a cloud, for tests,
//! and for clouds larger than anybody has at hand.
//!
//! ```text
//!  scenario ──▶ genesis ──▶ cloud ◀── story ──▶ listeners (broker, log files)
//!  (data)       (how it     (what     (what happens, step by step)
//!               began)       is)
//!                             ▲ ▲
//!                     http ───┘ └── dump
//!                     (what clients see)   (what it says itself, for tests)
//! ```
//!
//! - **State** (`cloud`): compact rows in vectors; things name each other by place. Whatever follows from something
//!   else is kept nowhere: the id of a port, a router, a security group is derived from its owner's.
//! - **Story** (`story`): a queue of steps, each due at a time. One seed tells one story. What a client does (a
//!   server created, stopped, deleted) goes through the same steps. Every step is an `Event` with its request id;
//!   whoever wants to make queues or log lines of them is a `Listener`.
//! - **Time** (`clock`): the cloud's own, with a rate, able to stand still. Only `Sim` reads the machine's clock.
//! - **Broker** (`broker`): a listener of the story, and the queues that such a cloud would have.
//! - **Logs** (`logs`): a listener that writes what the services would have written, host by host.
//! - **Wire formats** (`http`, `broker`): written by hand, here, from what Zed's services and RabbitMQ answered. Nothing is taken from the
//!   modules that read them, so that a mistake there is not repeated here; foreign clients are the judges.
//!
//! It listens on loopback alone. Sizes: 10,000 hypervisors with 100,000 instances take about 100 MB and a second.

mod broker;
mod clock;
pub mod cloud;
mod dump;
pub mod files;
mod genesis;
mod http;
mod logs;
mod random;
mod scenario;
pub mod story;
mod time;
mod words;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;

pub use genesis::PASSWORD;
pub use logs::Logs;

use broker::Broker;
use clock::Clock;
use genesis::Plan;
use http::{Front, Service};
use scenario::Scenario;
use story::{Listener, World};
use time::Time;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// The scenario's own sizes if absent.
    pub hypervisors: Option<usize>,
    pub instances: Option<usize>,
    pub seed: u64,
    /// A shipped scenario's name, or a file.
    pub scenario: String,
    /// Seconds of the cloud a second of this machine; 0: its clock stands still.
    pub speed: f64,
    /// keystone's port, the others' and the broker's behind it; free ones if absent.
    pub port: Option<u16>,
    /// When the cloud opens, by its own clock; now if absent.
    pub opens: Option<Timestamp>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hypervisors: None,
            instances: None,
            seed: 1,
            scenario: DEFAULT_SCENARIO.to_owned(),
            speed: 1.0,
            port: None,
            opens: None,
        }
    }
}

pub const DEFAULT_SCENARIO: &str = "incident";

const MOST_HYPERVISORS: usize = 20_000;
const MOST_INSTANCES: usize = 200_000;
/// More guests fit on no machine.
const MOST_A_HOST: usize = 200;
const FASTEST: f64 = 3_600.0;

/// A cloud that serves until it is dropped.
pub struct Sim {
    front: Arc<Front>,
    tasks: JoinSet<()>,
}

impl Options {
    fn plan(&self, scenario: &Scenario) -> Result<Plan, String> {
        let hypervisors = self.hypervisors.unwrap_or(scenario.size.hypervisors);
        // Whoever wants fewer hosts and says nothing else gets what fits on them.
        let usual = match self.hypervisors {
            Some(wanted) => scenario.size.instances.min(wanted * MOST_A_HOST / 2),
            None => scenario.size.instances,
        };
        let instances = self.instances.unwrap_or(usual);
        if hypervisors > MOST_HYPERVISORS {
            return Err(format!("{hypervisors} hypervisors are too many: at most {MOST_HYPERVISORS}"));
        }
        if instances > MOST_INSTANCES {
            return Err(format!("{instances} instances are too many: at most {MOST_INSTANCES}"));
        }
        if instances > hypervisors * MOST_A_HOST {
            return Err(format!(
                "{instances} instances do not fit on {hypervisors} hypervisors: at most {MOST_A_HOST} on each"
            ));
        }
        if !(0.0..=FASTEST).contains(&self.speed) {
            return Err(format!(
                "a speed of {} is out of bounds: from 0 (it stands still) to {FASTEST}",
                self.speed
            ));
        }
        Ok(Plan { hypervisors, instances, seed: self.seed })
    }
}

impl Sim {
    /// Founds the cloud and opens its doors; an error says what to do about it. Needs a tokio runtime.
    pub fn start(options: &Options, mut listeners: Vec<Box<dyn Listener>>) -> Result<Self, String> {
        let scenario = Scenario::load(&options.scenario)?;
        let plan = options.plan(&scenario)?;
        let doors = doors(options.port)?;
        let mut addresses = Vec::new();
        for door in &doors {
            addresses.push(door.local_addr().map_err(|error| format!("cannot listen: {error}"))?);
        }
        let mut urls: [String; 6] = Default::default();
        for (url, address) in urls.iter_mut().zip(&addresses) {
            *url = format!("http://{address}");
        }
        let port = |behind: usize| addresses.get(urls.len() + behind).map_or(0, |address| address.port());
        let broker = Broker::new(port(0), port(1));
        let opens = Time::from(options.opens.unwrap_or_else(Timestamp::now));
        listeners.push(broker.listener());
        let world = World::new(plan, &scenario, opens, listeners);
        let clock = Clock::new(opens, options.speed);
        let front = Arc::new(Front::new(world, clock, broker, urls, options.seed));
        let mut tasks = JoinSet::new();
        let open =
            |door| tokio::net::TcpListener::from_std(door).map_err(|error| format!("cannot listen: {error}"));
        let mut doors = doors.into_iter();
        for (service, door) in Service::ALL.into_iter().zip(doors.by_ref()) {
            tasks.spawn(over_http(open(door)?, http::router(service, front.clone())));
        }
        if let (Some(amqp), Some(management)) = (doors.next(), doors.next()) {
            tasks.spawn(broker::serve(open(amqp)?, front.clone()));
            tasks.spawn(over_http(open(management)?, broker::router(front.clone())));
        }
        tasks.spawn(tell(front.clone()));
        Ok(Self { front, tasks })
    }

    /// keystone's URL, without `/v3`.
    pub fn auth_url(&self) -> &str {
        self.front.url(Service::Keystone)
    }

    /// Each service's name and URL.
    pub fn urls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Service::ALL.into_iter().map(|service| (service.name(), self.front.url(service)))
    }

    /// Where the broker speaks AMQP: a transport URL, with the account of whoever monitors.
    pub fn broker_url(&self) -> String {
        let (port, vhost) = (self.front.broker.amqp, broker::VHOST);
        format!("rabbit://{}:{PASSWORD}@127.0.0.1:{port}/{vhost}", broker::MONITOR)
    }

    /// The broker's management API.
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.front.broker.management)
    }

    /// `[broker]` of the settings that read it.
    pub fn broker_settings(&self) -> String {
        format!(
            "[broker]\nname = \"simulated\"\nurl = \"{}\"\nmanagement = \"{}\"\nnodes = {}\n",
            self.broker_url(),
            self.management_url(),
            self.front.read().cloud.bus.nodes.len()
        )
    }

    /// What the broker says itself that it holds, for tests.
    pub fn dump_broker(&self) -> serde_json::Value {
        self.front.broker.dump(&self.front.read().cloud, self.front.clock.now())
    }

    /// Hypervisors, instances, projects.
    pub fn size(&self) -> (usize, usize, usize) {
        let world = self.front.read();
        (world.cloud.hosts.len(), world.cloud.instances.live(), world.cloud.projects.len())
    }

    /// What it says itself that it holds, for tests.
    pub fn dump(&self) -> serde_json::Value {
        dump::cloud(&self.front.read(), self.front.clock.now())
    }

    /// Writes the files that clients look for.
    pub fn write_files(&self, dir: &std::path::Path) -> Result<files::Files, String> {
        let broker = self.broker_settings();
        let world = self.front.read();
        let cloud = &world.cloud;
        // The first tenant; every cloud has one.
        let member = cloud.projects.get(2).ok_or("the cloud has no tenants")?;
        files::write(
            dir,
            &files::Access {
                auth_url: self.auth_url(),
                region: cloud.region,
                member: &cloud.user(member.user).name,
                member_project: &member.name,
                credential: (cloud.credential.id.simple().to_string(), &cloud.credential.secret),
                broker: &broker,
            },
        )
    }

    /// Serves on, as long as the runtime lives.
    pub fn detach(mut self) {
        self.tasks.detach_all();
    }
}

/// It ends with its task alone.
async fn over_http(door: tokio::net::TcpListener, router: axum::Router) {
    let _ = axum::serve(door, router).await;
}

/// What listens: the services, then the broker, for AMQP and for its management API.
const DOORS: [&str; 8] =
    ["keystone", "nova", "placement", "neutron", "cinder", "glance", "rabbitmq", "rabbitmq's management"];

/// A listener for each, on loopback.
fn doors(port: Option<u16>) -> Result<Vec<TcpListener>, String> {
    let mut doors = Vec::new();
    for (n, name) in (0..).zip(DOORS) {
        let port = match port {
            Some(first) => {
                first.checked_add(n).ok_or(format!("port {first} leaves no room for eight services"))?
            }
            None => 0,
        };
        let door = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            format!(
                "{name} cannot listen on port {port}: {error}; choose another --port, or none for free ones"
            )
        })?;
        door.set_nonblocking(true).map_err(|error| format!("cannot listen: {error}"))?;
        doors.push(door);
    }
    Ok(doors)
}

/// Tells the story as time goes by.
async fn tell(front: Arc<Front>) {
    loop {
        if front.tell() {
            // More is due: readers first.
            tokio::task::yield_now().await;
            continue;
        }
        let due = front.read().next_due().and_then(|due| front.clock.until(due));
        // However fast time runs, steps are told in batches.
        let wait = due.map(|wait| wait.max(Duration::from_millis(5)));
        tokio::select! {
            () = sleep(wait) => {}
            () = front.changed.notified() => {}
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
