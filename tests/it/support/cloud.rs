//! The cloud that a test runs over: the real one that `tests/run` brings up, with its faults, or a simulated one;
//! and the openstack CLI.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stackwatch::config::clouds::{CloudConfig, Found, Lookup, find};
use tempfile::TempDir;

use super::pty::Pty;
use super::sim::Serving;

/// Makes a test of each function that is named, to be run where the real cloud is. A bare `cargo test` lists
/// them as ignored, with this reason; `tests/run` runs them all. A function that is forgotten here is dead
/// code, which does not compile.
macro_rules! cloud_tests {
    ($($name:ident,)+) => {
        mod on_the_cloud {
            $(#[test]
            #[ignore = "needs the real cloud: tests/run"]
            fn $name() {
                super::$name();
            })+
        }
    };
}
pub(crate) use cloud_tests;

/// The same functions once more, each over a simulated cloud of its own: what foreign clients say of it they say
/// of it, and ours reads it as it reads the real one.
macro_rules! simulated_tests {
    ($($name:ident,)+) => {
        mod on_the_simulated_cloud {
            $(#[test]
            #[ignore = "needs the openstack CLI: tests/cli/install"]
            fn $name() {
                crate::support::cloud::Cloud::simulate(super::$name);
            })+
        }
    };
}
pub(crate) use simulated_tests;

thread_local! {
    /// The simulated cloud that this thread's test runs over, if it does.
    static SIMULATED: Cell<Option<&'static Cloud>> = const { Cell::new(None) };
}

/// A command that takes longer hangs.
const COMMAND: Duration = Duration::from_secs(240);

/// Asks until there is an answer, and says what did not come when the time is up.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// What it printed, which must be one JSON document.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self:#?}"))
    }
}

/// The cloud that `tests/run` has brought up, or a simulated one.
pub struct Cloud {
    /// Where it runs: `clouds.yaml`, logs, process ids.
    run: PathBuf,
}

impl Cloud {
    /// Without a cloud a test fails: it must never pass for having done nothing.
    pub fn get() -> &'static Self {
        static CLOUD: OnceLock<Cloud> = OnceLock::new();
        let real = || {
            let run = std::env::var_os("STACKWATCH_TEST_RUN").map(PathBuf::from);
            let run = run.filter(|run| run.join("clouds.yaml").exists());
            let run = run.expect(
                "there is no real cloud: STACKWATCH_TEST_RUN names no directory with a clouds.yaml; \
                 tests/run brings one up and sets it",
            );
            Self { run }
        };
        SIMULATED.get().unwrap_or_else(|| CLOUD.get_or_init(real))
    }

    /// Runs a test over `stackwatch sim`, as anybody would start it, with the entries of the real cloud's
    /// `clouds.yaml` that make sense there.
    pub fn simulate(test: fn()) {
        let home = tempfile::tempdir().unwrap();
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/steady.toml");
        let scenario = ["--seed", "2", "--scenario", scenario.to_str().unwrap()];
        let serving = Serving::start(home.path(), &scenario);
        // The process ends with the test, and few tests share one: nothing piles up.
        let cloud: &Self = Box::leak(Box::new(Self { run: home.path().to_owned() }));
        let mut clouds: Json =
            serde_saphyr::from_str(&std::fs::read_to_string(serving.clouds_yaml()).unwrap()).unwrap();
        let admin = clouds["clouds"]["admin"].clone();
        let mut with = |name: &str, change: &dyn Fn(&mut Json)| {
            let mut entry = admin.clone();
            change(&mut entry);
            clouds["clouds"][name] = entry;
            std::fs::write(cloud.clouds_yaml(), clouds.to_string()).unwrap();
        };
        with("wrong", &|entry| entry["auth"]["password"] = json!("not-the-password"));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        with("closed", &|entry| entry["auth"]["auth_url"] = json!(format!("http://{closed}/v3")));
        SIMULATED.set(Some(cloud));
        let token = Api::new("admin").token;
        with("token", &|entry| {
            entry["auth_type"] = json!("token");
            entry["auth"]["token"] = json!(token);
            for of_user in ["username", "password", "user_domain_name"] {
                entry["auth"].as_object_mut().unwrap().remove(of_user);
            }
        });
        test();
        drop(serving);
    }

    pub fn clouds_yaml(&self) -> PathBuf {
        self.run.join("clouds.yaml")
    }

    /// Where a service listens, as messages name it.
    pub fn address(&self, service: &str) -> String {
        let env = std::fs::read_to_string(self.run.join("env.sh")).unwrap();
        let name = format!("export PORT_{}=", service.to_uppercase().replace('-', "_"));
        let port = env.lines().find_map(|line| line.strip_prefix(&name)).expect("a service of env.sh");
        format!("127.0.0.1:{}", port.trim_matches('\''))
    }

    /// One entry of `clouds.yaml`, to make others from.
    pub fn entry(&self, name: &str) -> Json {
        let text = std::fs::read_to_string(self.clouds_yaml()).unwrap();
        let clouds: Json = serde_saphyr::from_str(&text).unwrap();
        let entry = clouds["clouds"][name].clone();
        assert!(entry.is_object(), "clouds.yaml has no entry {name}");
        entry
    }

    /// An entry as the program itself reads it.
    pub fn config(&self, name: &str) -> CloudConfig {
        let env = [("OS_CLIENT_CONFIG_FILE".to_owned(), self.clouds_yaml().display().to_string())];
        let lookup = Lookup { cloud: Some(name.to_owned()), region: None, env: env.into(), dirs: Vec::new() };
        match find(&lookup).unwrap() {
            Found::One(cloud) => *cloud,
            Found::Choose(choices) => panic!("{name} is one cloud, not {choices:?}"),
        }
    }

    /// Runs the program over an entry of the cloud's own `clouds.yaml`, in an environment that has nothing else.
    pub fn stackwatch(&self, entry: &str, words: &[&str]) -> Output {
        let home = Home::new(&self.clouds_yaml(), entry);
        run(home.command(env!("CARGO_BIN_EXE_stackwatch")).args(words), "")
    }

    /// The same with the cloud's broker in the settings.
    pub fn stackwatch_with_broker(&self, entry: &str, words: &[&str]) -> Output {
        self.stackwatch_as_user(entry, &self.broker_settings(), words)
    }

    /// The same with settings of the test's own.
    pub fn stackwatch_as_user(&self, entry: &str, settings: &str, words: &[&str]) -> Output {
        let home = Home::new(&self.clouds_yaml(), entry);
        home.settings(settings);
        run(home.command(env!("CARGO_BIN_EXE_stackwatch")).args(words), "")
    }

    /// What `env.sh` says.
    pub fn env(&self, name: &str) -> String {
        let env = std::fs::read_to_string(self.run.join("env.sh")).unwrap();
        let name = format!("export {name}=");
        let value = env.lines().find_map(|line| line.strip_prefix(&name)).expect("a name of env.sh");
        value.trim_matches('\'').to_owned()
    }

    /// What a service has logged so far.
    pub fn log_of(&self, service: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.run.join("log").join(format!("{service}.log"))).unwrap())
            .into_owned()
    }

    /// `[broker]` as an operator would write it.
    pub fn broker_settings(&self) -> String {
        let (url, management) = (self.env("AMQP_URL"), self.env("RABBIT_MGMT_URL"));
        format!("[broker]\nname = 'cloud'\nurl = '{url}'\nmanagement = '{management}'\n")
    }

    /// The services' logs, which lie in no place where packages put them.
    pub fn log_settings(&self) -> String {
        format!("[[logs]]\npath = '{}'\n", self.run.join("log").display())
    }

    /// The broker's own command, which needs its cookie and its node's name.
    pub fn rabbitmqctl(&self, words: &[&str]) -> Output {
        self.rabbitmq("rabbitmqctl", words)
    }

    /// One of the broker's commands.
    pub fn rabbitmq(&self, name: &str, words: &[&str]) -> Output {
        let base = self.run.join("rabbitmq");
        let mut command = Command::new(Path::new("/usr/lib/rabbitmq/bin").join(name));
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", &base)
            .env("RABBITMQ_NODENAME", "stackwatch@localhost")
            .env("RABBITMQ_CONF_ENV_FILE", base.join("env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.run.join("etc/rabbitmq-plugins"))
            .env("ERL_EPMD_PORT", self.env("PORT_EPMD"))
            .arg("-q");
        run(command.args(words), "")
    }

    /// Runs the program over an entry of the test's own.
    pub fn stackwatch_as(&self, entry: &Json, words: &[&str]) -> Output {
        let home = Home::of(entry);
        run(home.command(env!("CARGO_BIN_EXE_stackwatch")).args(words), "")
    }

    /// Commands of the openstack CLI, a line each, in one process since it takes seconds to start.
    pub fn openstack(&self, entry: &str, commands: &str) -> Output {
        openstack(&Home::new(&self.clouds_yaml(), entry), commands)
    }

    /// What such commands answer: a JSON document each. An error holds what was said when one of them failed.
    pub fn cli(&self, entry: &str, commands: &[String]) -> Result<Vec<Json>, Output> {
        Self::cli_in(&Home::new(&self.clouds_yaml(), entry), commands)
    }

    /// The same over an entry of the test's own.
    pub fn cli_as(&self, entry: &Json, commands: &[String]) -> Result<Vec<Json>, Output> {
        Self::cli_in(&Home::of(entry), commands)
    }

    pub fn openstack_as(&self, entry: &Json, commands: &str) -> Output {
        openstack(&Home::of(entry), commands)
    }

    fn cli_in(home: &Home, commands: &[String]) -> Result<Vec<Json>, Output> {
        let lines: String = commands.iter().map(|command| format!("{command} -f json\n")).collect();
        let output = openstack(home, &lines);
        let documents: Vec<Json> =
            serde_json::Deserializer::from_str(&output.stdout).into_iter().map_while(Result::ok).collect();
        if documents.len() == commands.len() { Ok(documents) } else { Err(output) }
    }

    /// One script of `tests/cloud`, to its end.
    fn script(&self, name: &str, words: &[&str]) -> Output {
        let scripts = std::env::var_os("STACKWATCH_TEST_CLOUD")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud"), PathBuf::from);
        let mut command = Command::new(scripts.join(name));
        run(command.args(words).env("STACKWATCH_RUN", &self.run), "")
    }

    /// Breaks something until the guard is dropped. `words` are those of `tests/cloud/fault`.
    pub fn fault(&'static self, words: &[&str]) -> Fault {
        Fault::new(|words| self.script("fault", words), words)
    }
}

fn openstack(home: &Home, commands: &str) -> Output {
    let mut command = home.command(cli_path());
    command
        // From 2.88 on nova leaves the figures of hypervisors out.
        .env("OS_COMPUTE_API_VERSION", "2.87")
        .env("OS_PLACEMENT_API_VERSION", "1.39");
    run(&mut command, commands)
}

/// Runs a script that breaks and mends.
type Script = Box<dyn Fn(&[&str]) -> Output>;

/// Something is broken; dropping this mends whatever is.
#[must_use = "the fault is undone when this is dropped"]
pub struct Fault {
    script: Script,
}

impl Fault {
    pub fn new(script: impl Fn(&[&str]) -> Output + 'static, words: &[&str]) -> Self {
        let fault = Self { script: Box::new(script) };
        fault.and(words);
        fault
    }

    /// Breaks something more, or mends a part.
    pub fn and(&self, words: &[&str]) {
        let output = (self.script)(words);
        assert_eq!(output.code, Some(0), "fault {words:?}: {output:#?}");
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let output = (self.script)(&["undo"]);
        // A panic in a panic would end the process without a word.
        if output.code != Some(0) && thread::panicking() {
            eprintln!("the fault could not be undone: {output:#?}");
        } else {
            assert_eq!(output.code, Some(0), "the fault could not be undone: {output:#?}");
        }
    }
}

/// A home directory of its own, and a cloud to be found from there.
pub struct Home {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Home {
    pub fn new(clouds_yaml: &Path, entry: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let env = vec![
            ("HOME", dir.path().display().to_string()),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("OS_CLIENT_CONFIG_FILE", clouds_yaml.display().to_string()),
            ("OS_CLOUD", entry.to_owned()),
        ];
        Self { dir, env }
    }

    /// A home whose one cloud has this entry. JSON is YAML.
    pub fn of(entry: &Json) -> Self {
        let mut home = Self::new(Path::new(""), "test");
        let path = home.dir.path().join("clouds.yaml");
        std::fs::write(&path, json!({ "clouds": { "test": entry } }).to_string()).unwrap();
        home.env.push(("OS_CLIENT_CONFIG_FILE", path.display().to_string()));
        home
    }

    /// Settings where the program looks for them.
    pub fn settings(&self, text: &str) {
        let dir = self.dir.path().join(".config/stackwatch");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env.iter().map(|(k, v)| (k, v))).current_dir(self.dir.path());
        command
    }
}

/// The dashboard over the cloud, in a terminal.
pub struct Dashboard {
    pty: Pty,
    /// Its home, as long as it runs.
    _home: Home,
}

impl Dashboard {
    /// Opens a pane, wide enough for every column, and not so wide that details stand beside the list. It is
    /// closed when this is dropped.
    pub fn open(entry: &str, pane: &str) -> Self {
        Self::start(Home::new(&Cloud::get().clouds_yaml(), entry), pane)
    }

    /// The same with the cloud's broker in the settings.
    pub fn open_with_broker(entry: &str, pane: &str) -> Self {
        Self::open_with(entry, &Cloud::get().broker_settings(), pane)
    }

    /// The same with settings of the test's own.
    pub fn open_with(entry: &str, settings: &str, pane: &str) -> Self {
        let home = Home::new(&Cloud::get().clouds_yaml(), entry);
        home.settings(settings);
        Self::start(home, pane)
    }

    fn start(home: Home, pane: &str) -> Self {
        let env: Vec<(&str, &str)> = home.env.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let pty = Pty::start(&["--pane", pane], &env, (139, 40));
        Self { pty, _home: home }
    }

    pub fn press(&mut self, keys: &str) {
        self.pty.send(keys.as_bytes());
    }

    pub fn screen(&self) -> vt100::Screen {
        self.pty.screen().vt100().clone()
    }

    /// Waits until the screen shows something, and returns its text.
    pub fn wait_for(&self, what: &str, limit: Duration, mut shown: impl FnMut(&str) -> bool) -> String {
        let shown = std::cell::RefCell::new(&mut shown);
        self.pty.wait_for(limit, what, |screen| (shown.borrow_mut())(&screen.text())).text()
    }
}

/// Where `tests/cli/install` put the CLI.
pub fn cli_path() -> PathBuf {
    let dir = std::env::var_os("STACKWATCH_CLI")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("run/cli"), PathBuf::from);
    let path = dir.join("bin/openstack");
    assert!(path.exists(), "the openstack CLI is not there: run tests/cli/install");
    path
}

/// Runs a command to its end, with this on its standard input.
pub fn run(command: &mut Command, input: &str) -> Output {
    let name = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
    let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input has its reasons.
        let _ = stdin.write_all(input.as_bytes());
    }
    let code = wait(&mut child, &name);
    Output { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, name: &str) -> Option<i32> {
    let deadline = Instant::now() + COMMAND;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{name} did not end within {COMMAND:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The cloud's APIs without a client between, for what a test sets up or has to know at once.
pub struct Api {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    token: String,
    catalog: Json,
}

impl Api {
    /// Logs in as an entry of the cloud's `clouds.yaml`, with a password.
    pub fn new(entry: &str) -> Self {
        Self::of(&Cloud::get().entry(entry))
    }

    /// The same with an entry of the test's own.
    pub fn of(entry: &Json) -> Self {
        let auth = entry["auth"].clone();
        let name = |key: &str, domain: &str, more: Json| {
            let mut object = json!({ "name": auth[key], "domain": { "name": auth[domain] } });
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object
        };
        let body = json!({ "auth": {
            "identity": {
                "methods": ["password"],
                "password": { "user": name("username", "user_domain_name", json!({ "password": auth["password"] })) },
            },
            "scope": { "project": name("project_name", "project_domain_name", json!({})) },
        }});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let url = format!("{}/auth/tokens", auth["auth_url"].as_str().unwrap());
        let (token, answer) = runtime.block_on(async {
            let answer = http
                .post(url)
                .header("Content-Type", "application/json")
                .body(body.to_string())
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 201, "the login with {entry}");
            let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
            (token, answer.text().await.unwrap())
        });
        let answer: Json = serde_json::from_str(&answer).unwrap();
        Self { runtime, http, token, catalog: answer["token"]["catalog"].clone() }
    }

    /// Status and JSON body of one request to a service of the catalog, by its type.
    pub fn call(&self, service: &str, method: &str, path: &str, body: Option<&Json>) -> (u16, Json) {
        let services = self.catalog.as_array().unwrap();
        let service = services.iter().find(|s| s["type"] == service).expect("a service of the catalog");
        let url = format!("{}{path}", service["endpoints"][0]["url"].as_str().unwrap());
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .header("X-Auth-Token", &self.token)
            // Each service reads its own part, and cinder wants one in what changes something; 2.37 is the first with
            // `networks: "none"`.
            .header("OpenStack-API-Version", "compute 2.37,volume 3.0");
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            (status, serde_json::from_str(&text).unwrap_or(Json::Null))
        })
    }

    pub fn get(&self, service: &str, path: &str) -> Json {
        let (status, body) = self.call(service, "GET", path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// The smallest public image that can be used.
    pub fn image(&self) -> Json {
        let list = self.get("image", "/v2/images?visibility=public&status=active");
        let images = list["images"].as_array().unwrap();
        images.iter().min_by_key(|image| image["size"].as_u64()).expect("an image").clone()
    }

    /// The id of the one flavor, image … with this name.
    pub fn id_of(&self, service: &str, path: &str, kind: &str, name: &str) -> String {
        let list = self.get(service, path);
        let found = list[kind].as_array().unwrap().iter().find(|row| row["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {path}"))["id"].as_str().unwrap().to_owned()
    }
}

/// An instance of the test's own, deleted when this is dropped.
pub struct Server<'a> {
    pub id: String,
    pub name: String,
    api: &'a Api,
}

impl<'a> Server<'a> {
    /// Asks nova for a small instance without a network. `more` goes into the request.
    pub fn create(api: &'a Api, more: &Json) -> Self {
        let name = format!("test-{}", std::process::id());
        let mut server = json!({
            "name": name,
            "flavorRef": api.id_of("compute", "/flavors", "flavors", "m1.tiny"),
            "imageRef": api.image()["id"],
            "networks": "none",
        });
        server.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, body) = api.call("compute", "POST", "/servers", Some(&json!({ "server": server })));
        assert_eq!(status, 202, "the instance was refused: {body}");
        Self { id: body["server"]["id"].as_str().unwrap().to_owned(), name, api }
    }

    pub fn wait_for(&self, status: &str) {
        let path = format!("/servers/{}", self.id);
        until(&format!("the instance {status}"), Duration::from_secs(60), || {
            (self.api.get("compute", &path)["server"]["status"] == status).then_some(())
        });
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let (status, body) = self.api.call("compute", "DELETE", &format!("/servers/{}", self.id), None);
        if !matches!(status, 204 | 404) {
            eprintln!("{} was not deleted: {status} {body}", self.name);
        }
    }
}
