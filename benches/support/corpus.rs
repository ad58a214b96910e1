//! Logs of a cloud that never was, with the truth about them: which lines belong to which instance is known, since
//! the generator wrote them for it. One seed gives the same bytes.
//!
//! 60 services' files on 18 hosts, rotated, the oldest packed. Traps, all seen in real logs: two hosts whose clocks
//! are off, request ids of periodic tasks that stand on thousands of lines, polls that name many instances,
//! trackers that look at others' allocations, siblings that share a request, an instance with a thousand
//! requests, tracebacks without ids, NULs, bad UTF-8, CRLF, lines of 20 to 400 KB, other formats.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Services that are on each of three controllers, and on each of the other hosts.
const CONTROL: [&str; 10] = [
    "nova-api",
    "nova-conductor",
    "nova-scheduler",
    "neutron-server",
    "placement-api",
    "keystone",
    "glance-api",
    "cinder-api",
    "rabbitmq",
    "mariadb",
];
const COMPUTES: usize = 15;
const EPOCH: i64 = 1_795_392_000_000; // 2026-11-23 00:00:00 UTC in milliseconds
/// Instances whose lines are remembered: every so many-th that is created.
const REMEMBERED: u64 = 40;

/// Small, fast, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(
            (u128::from(self.next()) << 64 | u128::from(self.next())).to_le_bytes(),
        )
        .into_uuid()
        .to_string()
    }

    fn request(&mut self) -> String {
        format!("req-{}", self.uuid())
    }
}

/// The truth about one instance: file, and where the line begins in it.
#[derive(Default, Clone)]
pub struct Truth {
    pub uuid: String,
    pub must: BTreeSet<(PathBuf, u64)>,
    pub may: BTreeSet<(PathBuf, u64)>,
}

/// Whose a line is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Nobody,
    /// Of all instances from the first up to, without, the second.
    Of(u64, u64),
    /// Of the first; the others up to, without, the last share its request.
    Shared(u64, u64, u64),
}

struct Output {
    directory: PathBuf,
    name: String,
    sink: Box<dyn Write>,
    size: u64,
    part: usize,
    /// Milliseconds by which the host's clock is ahead.
    skew: i64,
    crlf: bool,
}

/// A corpus that lies in a directory.
pub struct Corpus {
    pub root: PathBuf,
    /// Of ordinary instances.
    pub truths: Vec<Truth>,
    /// Of the one with a thousand requests.
    pub hot: Truth,
}

type Line = (Reverse<i64>, Reverse<u64>, usize, Whose, Vec<u8>);

/// A line's place: output, part of its file, offset.
type Place = (usize, usize, u64);

#[derive(Default, Clone)]
struct Places {
    must: Vec<Place>,
    may: Vec<Place>,
}

struct Generator {
    random: Random,
    now: i64,
    count: u64,
    heap: BinaryHeap<Line>,
    outputs: Vec<Output>,
    /// By instance.
    places: BTreeMap<u64, Places>,
    instances: Vec<String>,
    hubs: Vec<String>,
    part_size: u64,
    writes: bool,
    bytes: u64,
}

const USER: &str = "2abd79619f444e01ac4ba1249e35ceed 2a294ffc60fe46fe817f77a69d912949 - - default default";
const SERVICE: &str = "97a15737997a4e4a8ffe7b6f974868ab 8c4f13b558e5441cb1cdd729e9ddc2ae - - default default";
const NOBODY: &str = "- - - - - -";

/// Writes the corpus, unless it is there already.
pub fn corpus(root: &Path, bytes: u64, seed: u64) -> std::io::Result<Corpus> {
    let marker = root.join("complete");
    let expected = format!("{bytes} {seed} 1\n");
    let writes = fs::read_to_string(&marker).ok().as_deref() != Some(&expected);
    if writes {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root)?;
    }
    let mut generator = Generator::new(root, bytes, seed, writes)?;
    let hot = generator.story(bytes)?;
    let names = generator.close()?;
    let truth = |number: &u64| {
        let Places { must, may } = generator.places.get(number).cloned().unwrap_or_default();
        let path = |(output, part, offset): Place| (names[&(output, part)].clone(), offset);
        Truth {
            uuid: generator.instances[usize::try_from(*number).unwrap_or(0)].clone(),
            must: must.into_iter().map(path).collect(),
            may: may.into_iter().map(path).collect(),
        }
    };
    let ordinary = generator.places.keys().filter(|number| **number != hot);
    let corpus = Corpus { root: root.join("log"), truths: ordinary.map(truth).collect(), hot: truth(&hot) };
    fs::write(marker, expected)?;
    Ok(corpus)
}

impl Generator {
    fn new(root: &Path, bytes: u64, seed: u64, writes: bool) -> std::io::Result<Self> {
        let mut random = Random::new(seed);
        let hubs = (0..COMPUTES).map(|_| random.request()).collect();
        let mut this = Self {
            random,
            now: EPOCH,
            count: 0,
            heap: BinaryHeap::new(),
            outputs: Vec::new(),
            places: BTreeMap::new(),
            instances: Vec::new(),
            hubs,
            // Some three files of each busy service.
            part_size: bytes / 48,
            writes,
            bytes: 0,
        };
        for service in CONTROL {
            for host in 1..=3 {
                this.output(root, &format!("ctl{host:02}"), service)?;
            }
        }
        for host in 1..=COMPUTES {
            for service in ["nova-compute", "neutron-openvswitch-agent"] {
                this.output(root, &format!("cmp{host:02}"), service)?;
            }
        }
        Ok(this)
    }

    fn output(&mut self, root: &Path, host: &str, service: &str) -> std::io::Result<()> {
        let skew = match host {
            "cmp03" => 1_800,
            "cmp07" => -700,
            _ => 0,
        };
        let directory = root.join("log").join(host);
        let crlf = host == "cmp05" && service == "nova-compute";
        let mut output = Output {
            directory,
            name: service.to_owned(),
            sink: Box::new(std::io::sink()),
            size: 0,
            part: 0,
            skew,
            crlf,
        };
        if self.writes {
            fs::create_dir_all(&output.directory)?;
            output.sink = output.open()?;
        }
        self.outputs.push(output);
        Ok(())
    }

    fn control(&mut self, service: usize) -> usize {
        service * 3 + self.random.below(3) as usize
    }

    fn compute(host: usize) -> usize {
        CONTROL.len() * 3 + host * 2
    }

    /// A line of oslo's so many milliseconds from now.
    fn say(
        &mut self,
        (after, output): (i64, usize),
        level: &str,
        logger: &str,
        context: &str,
        message: &str,
        whose: Whose,
    ) {
        let at = self.now + after;
        let pid = 20_000 + output;
        let stamp = stamp(at + self.outputs[output].skew);
        let context = if context.is_empty() { String::new() } else { format!("[{context}] ") };
        self.put(
            at,
            output,
            whose,
            format!("{stamp} {pid} {level} {logger} {context}{message}").into_bytes(),
        );
    }

    fn put(&mut self, at: i64, output: usize, whose: Whose, line: Vec<u8>) {
        self.count += 1;
        self.heap.push((Reverse(at), Reverse(self.count), output, whose, line));
    }

    /// Until there are so many bytes. Returns the number of the hot instance.
    fn story(&mut self, bytes: u64) -> std::io::Result<u64> {
        // The hot one is the first: its requests are spread over all the time that follows.
        let hot = self.create(1, false);
        let mut hot_requests = 0;
        while self.bytes < bytes {
            self.now += 7;
            match self.random.below(100) {
                0 => {
                    let siblings = if self.random.below(12) == 0 { 2 + self.random.below(6) } else { 1 };
                    let fails = self.random.below(10) == 0;
                    self.create(siblings, fails);
                }
                1 => {
                    let number = self.some_instance();
                    let whose = self.whose(number);
                    self.act(number, "reboot", whose);
                }
                2..5 => self.poll(),
                5..12 => self.track(),
                12..16 => self.periodic(),
                16 => self.odd(),
                _ => self.noise(),
            }
            if hot_requests < 1_000 && self.bytes > bytes / 1_000 * hot_requests {
                hot_requests += 1;
                self.act(hot, "reboot", Whose::Of(hot, hot + 1));
            }
            self.flush(self.now - 1)?;
        }
        self.flush(i64::MAX)?;
        Ok(hot)
    }

    fn some_instance(&mut self) -> u64 {
        // Mostly one of the newest.
        let count = self.instances.len() as u64;
        count - 1 - self.random.below(count.min(500))
    }

    fn whose(&self, number: u64) -> Whose {
        Whose::Of(number, number + 1)
    }

    fn create(&mut self, siblings: u64, fails: bool) -> u64 {
        let first = self.instances.len() as u64;
        let request = self.random.request();
        let own = format!("None {request} {USER}");
        let all = Whose::Of(first, first + siblings);
        let (api, conductor) = (self.control(0), self.control(1));
        self.say(
            (0, api),
            "INFO",
            "nova.api.openstack.requestlog",
            &own,
            "10.0.0.5 \"POST /v2.1/servers\" status: 202 len: 370 microversion: 2.90 time: 0.482384",
            all,
        );
        self.say((40, conductor), "WARNING", "oslo_messaging.rpc.client", &own, "Using RPCClient manually to instantiate client. Please use get_rpc_client to obtain an RPC client instance.", all);
        for number in first..first + siblings {
            let uuid = self.random.uuid();
            self.instances.push(uuid.clone());
            let host = self.random.below(COMPUTES as u64) as usize;
            let one = Whose::Shared(number, first, first + siblings);
            let at = 100 + 40 * (number - first) as i64;
            self.under(
                at,
                &request,
                4,
                "GET /allocation_candidates?limit=1000&resources=DISK_GB%3A1%2CMEMORY_MB%3A64%2CVCPU%3A1",
                "status: 200 len: 2281",
                all,
            );
            self.under(at + 10, &request, 4, &format!("GET /allocations/{uuid}"), "status: 200 len: 19", one);
            self.under(at + 20, &request, 4, &format!("PUT /allocations/{uuid}"), "status: 204 len: 0", one);
            let compute = Self::compute(host);
            let instance = format!("[instance: {uuid}] ");
            self.say(
                (at + 200, compute),
                "INFO",
                "nova.compute.claims",
                &own,
                &format!("{instance}Claim successful on node cmp{:02}", host + 1),
                one,
            );
            for query in [
                "networks?id=31986e79-02ed-4178-8906-91837abf1926",
                "quotas/2a294ffc60fe46fe817f77a69d912949",
                "networks/31986e79-02ed-4178-8906-91837abf1926?fields=segments",
                "subnets?id=2eaf90b0-188d-4aef-b360-6092f9cddad5",
            ] {
                self.under(
                    at + 300,
                    &request,
                    3,
                    &format!("GET /v2.0/{query} HTTP/1.1"),
                    "status: 200  len: 772",
                    all,
                );
            }
            // Known to the agent by neutron's own id alone.
            let part =
                self.under(at + 400, &request, 3, "POST /v2.0/ports HTTP/1.1", "status: 201  len: 1184", all);
            self.say(
                (at + 700, compute + 1),
                "INFO",
                "neutron.plugins.ml2.drivers.openvswitch.agent.ovs_neutron_agent",
                &format!("None {part} {SERVICE}"),
                "Port added, it will be wired in the next round",
                all,
            );
            self.under(
                at + 500,
                &request,
                6,
                "GET /v2/images/dad4b7fd-0000-4b5e-8cff-1a2b3c4d5e6f HTTP/1.1",
                "status: 200  len: 900",
                all,
            );
            if fails {
                self.fail(at + 1_500, (compute, conductor), &own, &uuid, (one, all));
                continue;
            }
            let (event, answer) = (self.random.request(), self.random.request());
            let both = format!("{event} {answer} {SERVICE}");
            let api = self.control(0);
            self.say((at + 4_000, api), "INFO", "nova.api.openstack.compute.server_external_events", &both, &format!("Creating event network-vif-plugged:24523912-c625-423e-bdd0-ba3dd9a29ce0 for instance {uuid} on cmp{:02}", host + 1), Whose::Shared(number, number, number + 1));
            self.say((at + 4_010, compute), "WARNING", "nova.compute.manager", &both, &format!("{instance}Received unexpected event network-vif-plugged-24523912-c625-423e-bdd0-ba3dd9a29ce0 for instance with vm_state building and task_state None."), Whose::Shared(number, number, number + 1));
            self.say(
                (at + 6_000, compute),
                "INFO",
                "nova.compute.manager",
                &own,
                &format!("{instance}Took 6.36 seconds to spawn the instance on the hypervisor."),
                one,
            );
            self.say(
                (at + 6_100, compute),
                "INFO",
                "nova.compute.manager",
                &own,
                &format!("{instance}Took 6.86 seconds to build instance."),
                one,
            );
        }
        first
    }

    /// A request to another service under ours. Returns the id that it has there.
    fn under(
        &mut self,
        after: i64,
        request: &str,
        service: usize,
        what: &str,
        how: &str,
        whose: Whose,
    ) -> String {
        let part = self.random.request();
        let logger = match service {
            4 => "placement.requestlog",
            3 => "neutron.wsgi",
            _ => "eventlet.wsgi.server",
        };
        let output = self.control(service);
        self.say(
            (after, output),
            "INFO",
            logger,
            &format!("{request} {part} {SERVICE}"),
            &format!("10.0.0.5 \"{what}\" {how} time: 0.0807250"),
            whose,
        );
        part
    }

    fn fail(
        &mut self,
        at: i64,
        (compute, conductor): (usize, usize),
        own: &str,
        uuid: &str,
        (one, all): (Whose, Whose),
    ) {
        let instance = format!("[instance: {uuid}] ");
        self.say((at, compute), "ERROR", "nova.compute.manager", own, &format!("{instance}Instance failed to spawn: nova.exception.ComputeResourcesUnavailable: Insufficient compute resources: Free memory."), one);
        for line in [
            "Traceback (most recent call last):",
            "  File \"/usr/lib/python3/dist-packages/nova/compute/manager.py\", line 2774, in _build_resources",
            "    yield resources",
            "nova.exception.ComputeResourcesUnavailable: Insufficient compute resources: Free memory.",
        ] {
            self.say((at, compute), "ERROR", "nova.compute.manager", "", &format!("{instance}{line}"), one);
        }
        // In the conductor a traceback has neither UUID nor id.
        self.say((at + 100, conductor), "ERROR", "nova.conductor.manager", own, "Failed to schedule instances: nova.exception_Remote.NoValidHost_Remote: No valid host was found. ", all);
        for line in [
            "Traceback (most recent call last):",
            "  File \"/usr/lib/python3/dist-packages/nova/conductor/manager.py\", line 1587, in schedule_and_build_instances",
            "nova.exception.NoValidHost: No valid host was found.",
        ] {
            self.say((at + 100, conductor), "ERROR", "nova.conductor.manager", "", line, all);
        }
        self.say((at + 150, conductor), "WARNING", "nova.scheduler.utils", own, &format!("{instance}Setting instance to ERROR state.: nova.exception_Remote.NoValidHost_Remote: No valid host was found. "), one);
    }

    fn act(&mut self, number: u64, action: &str, whose: Whose) {
        let uuid = self.instances[number as usize].clone();
        let request = self.random.request();
        let own = format!("None {request} {USER}");
        let host = self.random.below(COMPUTES as u64) as usize;
        let api = self.control(0);
        self.say((0, api), "INFO", "nova.api.openstack.requestlog", &own, &format!("10.0.0.5 \"POST /v2.1/servers/{uuid}/action\" status: 202 len: 0 microversion: 2.90 time: 0.079"), whose);
        self.say(
            (20, Self::compute(host)),
            "INFO",
            "nova.compute.manager",
            &own,
            &format!("[instance: {uuid}] {action} of the instance"),
            whose,
        );
        self.under(
            60,
            &request,
            3,
            &format!("GET /v2.0/ports?tenant_id=2a29&device_id={uuid} HTTP/1.1"),
            "status: 200  len: 1185",
            whose,
        );
        self.under(
            90,
            &request,
            3,
            "GET /v2.0/subnets?id=2eaf90b0-188d-4aef-b360-6092f9cddad5 HTTP/1.1",
            "status: 200  len: 821",
            whose,
        );
    }

    /// A dashboard lists servers; neutron is asked for the ports of all of them.
    fn poll(&mut self) {
        let request = self.random.request();
        let api = self.control(0);
        self.say((0, api), "INFO", "nova.api.openstack.requestlog", &format!("None {request} {USER}"), "10.0.0.9 \"GET /v2.1/servers/detail?limit=20\" status: 200 len: 59316 microversion: 2.90 time: 0.36", Whose::Nobody);
        let mut query = Vec::new();
        for _ in 0..8 {
            let number = self.some_instance();
            query.push(format!("device_id={}", self.instances[number as usize]));
        }
        self.under(
            5,
            &request,
            3,
            &format!("GET /v2.0/ports?{} HTTP/1.1", query.join("&")),
            "status: 200  len: 9185",
            Whose::Nobody,
        );
    }

    /// A host's tracker looks at the allocations of its instances, under an id that it always uses.
    fn track(&mut self) {
        let number = self.some_instance();
        let uuid = self.instances[number as usize].clone();
        let hub = self.hubs[self.random.below(COMPUTES as u64) as usize].clone();
        self.under(0, &hub, 4, &format!("GET /allocations/{uuid}"), "status: 200 len: 256", Whose::Nobody);
    }

    fn periodic(&mut self) {
        let host = self.random.below(COMPUTES as u64) as usize;
        let hub = format!("None {} {NOBODY}", self.hubs[host]);
        if self.random.below(4) == 0 {
            let number = self.some_instance();
            let uuid = self.instances[number as usize].clone();
            self.say((0, Self::compute(host)), "INFO", "nova.compute.resource_tracker", &hub, &format!("[instance: {uuid}] Updating resource usage from migration 7529b89d-abe6-410c-a65b-88b6ea1f44d1"), self.whose(number));
        } else {
            self.say(
                (0, Self::compute(host)),
                "DEBUG",
                "oslo_service.periodic_task",
                &hub,
                "Running periodic task ComputeManager._sync_power_states run_periodic_tasks",
                Whose::Nobody,
            );
        }
    }

    fn noise(&mut self) {
        let service = self.random.below(12) as usize;
        let context = format!("None {} {USER}", self.random.request());
        match service {
            0..8 => {
                let output = self.control(if service == 2 { 5 } else { service });
                let (a, b) = (self.random.uuid(), self.random.below(90_000));
                self.say((0, output), "INFO", "eventlet.wsgi.server", &context, &format!("10.0.0.{} \"GET /v3/resources/{a}?page={b}&limit=100 HTTP/1.1\" status: 200 len: {b} time: 0.0{b}", b % 250), Whose::Nobody);
            }
            8 | 9 => {
                let host = self.random.below(COMPUTES as u64) as usize;
                let message = format!(
                    "Lock \"refresh_cache-{}\" released by \"nova.network.neutron.get_instance_nw_info\" :: held 0.{:03}s inner",
                    self.random.uuid(),
                    self.random.below(999)
                );
                self.say(
                    (0, Self::compute(host)),
                    "DEBUG",
                    "oslo_concurrency.lockutils",
                    &context,
                    &message,
                    Whose::Nobody,
                );
            }
            10 => {
                let host = self.random.below(COMPUTES as u64) as usize;
                self.say((0, Self::compute(host) + 1), "DEBUG", "neutron.agent.ovsdb.impl_idl", &context, "Transaction caused no change do_commit /usr/lib/python3/dist-packages/ovsdbapp/backend/ovs_idl/transaction.py:129", Whose::Nobody);
            }
            _ => {
                let (rabbit, maria) = (self.control(8), self.control(9));
                let (stamp, number) = (stamp(self.now), self.random.below(99_999));
                self.put(self.now, rabbit, Whose::Nobody, format!("{stamp}000+00:00 [info] <0.{}.0> connection <0.1.0> (10.0.0.5:40000 -> 10.0.0.1:5672): user 'openstack' authenticated and granted access to vhost '/'", number).into_bytes());
                self.put(self.now, maria, Whose::Nobody, format!("{} {} [Warning] Aborted connection 12345 to db: 'nova' user: 'nova' host: '10.0.0.5' (Got timeout reading communication packets)", &stamp[..19], number).into_bytes());
            }
        }
    }

    /// What trips a reader.
    fn odd(&mut self) {
        let host = self.random.below(COMPUTES as u64) as usize;
        let number = self.some_instance();
        let uuid = self.instances[number as usize].clone();
        let whose = self.whose(number);
        let mut message = format!("[instance: {uuid}] ").into_bytes();
        match self.random.below(40) {
            0 => {
                let length = 20_000 + self.random.below(380_000) as usize;
                message.extend(std::iter::repeat_n(b'x', length));
            }
            1..4 => message.extend(b"name \0\0\0 with NULs"),
            4..7 => message.extend(b"name \xff\xfe\xc3\x28 of bad UTF-8"),
            7..10 => message.extend(b"\x1b]0;title\x07 \x1b[31mcoloured\x1b[0m"),
            _ => message.extend(b"VM Resumed (Lifecycle Event)"),
        }
        let output = Self::compute(host);
        let at = self.now;
        let mut line = format!(
            "{} {} INFO nova.compute.manager [-] ",
            stamp(at + self.outputs[output].skew),
            20_000 + output
        )
        .into_bytes();
        line.extend(message);
        self.put(at, output, whose, line);
    }

    /// Writes what is due.
    fn flush(&mut self, until: i64) -> std::io::Result<()> {
        while self.heap.peek().is_some_and(|(Reverse(at), ..)| *at <= until) {
            let Some((_, _, number, whose, mut line)) = self.heap.pop() else { break };
            let output = &mut self.outputs[number];
            line.extend_from_slice(if output.crlf { b"\r\n" } else { b"\n" });
            // A record is not torn by a rotation: its traceback was written at once.
            if output.size > self.part_size && whose == Whose::Nobody {
                output.part += 1;
                output.size = 0;
                if self.writes {
                    output.sink.flush()?;
                    output.sink = output.open()?;
                }
            }
            let place = (number, output.part, output.size);
            output.sink.write_all(&line)?;
            output.size += line.len() as u64;
            self.bytes += line.len() as u64;
            self.note(whose, place);
        }
        Ok(())
    }

    fn note(&mut self, whose: Whose, place: Place) {
        let (must, may) = match whose {
            Whose::Nobody => return,
            Whose::Of(from, to) => (from..to, 0..0),
            Whose::Shared(number, from, to) => (number..number + 1, from..to),
        };
        for number in may.filter(|number| number % REMEMBERED == 0) {
            self.places.entry(number).or_default().may.push(place);
        }
        for number in must.filter(|number| number % REMEMBERED == 0) {
            self.places.entry(number).or_default().must.push(place);
        }
    }

    /// Gives the parts their names, as logrotate would, and packs six of the oldest.
    fn close(&mut self) -> std::io::Result<BTreeMap<(usize, usize), PathBuf>> {
        let mut names = BTreeMap::new();
        let mut packed = 0;
        for (number, output) in self.outputs.iter_mut().enumerate() {
            output.sink.flush()?;
            output.sink = Box::new(std::io::sink());
            for part in 0..=output.part {
                let age = output.part - part;
                let packs = part == 0 && age > 0 && packed < 6;
                packed += usize::from(packs);
                let plain = match age {
                    0 => output.directory.join(format!("{}.log", output.name)),
                    age => output.directory.join(format!("{}.log.{age}", output.name)),
                };
                let path =
                    if packs { PathBuf::from(format!("{}.gz", plain.display())) } else { plain.clone() };
                if self.writes {
                    fs::rename(output.path(part), &plain)?;
                    if packs {
                        let mut zip =
                            flate2::write::GzEncoder::new(File::create(&path)?, flate2::Compression::fast());
                        std::io::copy(&mut File::open(&plain)?, &mut zip)?;
                        zip.finish()?;
                        fs::remove_file(&plain)?;
                    }
                }
                names.insert((number, part), path);
            }
        }
        Ok(names)
    }
}

impl Output {
    fn path(&self, part: usize) -> PathBuf {
        self.directory.join(format!("{}.part{part}", self.name))
    }

    fn open(&self) -> std::io::Result<Box<dyn Write>> {
        Ok(Box::new(BufWriter::with_capacity(1 << 18, File::create(self.path(self.part))?)))
    }
}

/// `2026-11-23 18:48:30.066` of milliseconds, without a calendar: a corpus is of one day or of some.
fn stamp(at: i64) -> String {
    let of_day = (at - EPOCH).rem_euclid(86_400_000);
    let day = 23 + (at - EPOCH).div_euclid(86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("2026-11-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", of_day % 1000)
}
