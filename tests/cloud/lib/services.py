"""The services: how each is started, what says that it answers."""
import calendar
import json
import socket
import string
import time
from dataclasses import dataclass, field
from typing import Callable

import api
import network
import procs
from settings import (COMPUTE_HOSTS, CONTROL_HOST, DB_SOCKET, ETC, HERE, HOST, LOG, MGMT_URL,
                      MQ_PASSWORD, MQ_USER, NETWORK_HOST, OFF, PORTS, RUN, template_values)

PYTHON = "/usr/bin/python3"


@dataclass
class Service:
    name: str
    argv: list  # empty: no process of its own, see AGENTS
    answers: Callable[[], bool]
    env: dict = field(default_factory=dict)
    can_be_slow: bool = False

    def start(self):
        return procs.start(self.name, self.argv, self.env, port=PORTS.get(self.name))

    def wait(self, seconds=60):
        procs.wait_for(self.name, "answer", self.answers, seconds, process=bool(self.argv))

    @property
    def needs(self):
        """Through which services `answers` asks, beside itself: it cannot say
        anything while one of them is away."""
        kind = self.name.partition("-")[0]
        if self.name in PORTS or kind == "swift":
            return set()
        api = {"nova": "nova-api", "cinder": "cinder-api"}
        return {"mariadb", "rabbitmq", "memcached", "keystone", api.get(kind, "neutron-server")}


# --- what says that one answers ---------------------------------------------

def _utc(text):
    """Seconds since the epoch of the two ways the APIs write a time."""
    return calendar.timegm(time.strptime(text[:19].replace(" ", "T"), "%Y-%m-%dT%H:%M:%S"))


_session = None


def admin():
    """An admin session, the same for all until `ask` finds its token refused."""
    global _session
    session = _session = _session or api.Session()
    return session


def forget_session():
    """A cloud that begins anew has no use for the token of the one before."""
    global _session
    _session = None


def ask(service, path):
    """GET as admin, with a new token if the old one is no longer taken."""
    global _session
    try:
        return admin().get(service, path)
    except api.ApiError as e:
        if e.status != 401:
            raise
    _session = None
    return admin().get(service, path)


def _status(path, port, wanted=(200, 300)):
    return lambda: api.http("GET", f"http://{HOST}:{port}{path}", timeout=3)[0] in wanted


def _memcached():
    with socket.create_connection((HOST, PORTS["memcached"]), 1) as s:
        s.sendall(b"version\r\n")
        return s.recv(64).startswith(b"VERSION")


def mgmt(path, method="GET", body=None):
    import base64
    auth = base64.b64encode(f"{MQ_USER}:{MQ_PASSWORD}".encode()).decode()
    status, _, text = api.http(method, f"{MGMT_URL}/api{path}", body,
                               {"Authorization": f"Basic {auth}"}, timeout=5)
    return status, json.loads(text) if text else None


def _rabbitmq():
    with socket.create_connection((HOST, PORTS["rabbitmq"]), 1):
        return mgmt("/overview")[0] == 200


def _reported(name, since):
    """A report younger than the start of its sender, and of what it went through:
    after the broker or the database was away, rows of before still look young."""
    return _utc(since) >= int(max(map(procs.started_at, (name, "mariadb", "rabbitmq"))))


def _worker(service, name, binary, host):
    """Nova and cinder: a row of /os-services that is up and fresh."""
    def check():
        rows = ask(service, "/os-services")["services"]
        return any(r["binary"] == binary and r["host"] == host and r["state"] == "up"
                   and _reported(name, r["updated_at"] or "1970-01-01T00:00:00")
                   for r in rows)
    return check


def _volumes(name, binary, host):
    """Cinder can place a volume only after its scheduler has heard of the pools."""
    up = _worker("volume", name, binary, host)

    def check():
        if not up():
            return False
        pools = ask("volume", "/scheduler-stats/get_pools")["pools"]
        return {p["name"].partition("#")[0] for p in pools} >= {
            f"{CONTROL_HOST}@fast", f"{CONTROL_HOST}@infinite"}
    return check


def _agent(name, binary, *hosts):
    """Neutron: an agent that is alive and has reported since."""
    def check():
        rows = ask("network", "/v2.0/agents")["agents"]
        fresh = {r["host"] for r in rows if r["binary"] == binary and r["alive"]
                 and _reported(name, r["heartbeat_timestamp"])}
        return fresh >= {h for h in hosts if not (OFF / h).exists()}
    return check


# --- how each is started ------------------------------------------------------

def _uwsgi(name, script, path="/", processes=1, shared=None, pyargv=None, **env):
    """`shared`: the module that takes seconds to import; once, for all processes."""
    argv = ["uwsgi", "--plugin", "python3", "--http-socket", f"{HOST}:{PORTS[name]}",
            "--master", "--lazy-apps", "--enable-threads", "--thunder-lock", "--need-app",
            "--die-on-term", "--buffer-size", "65535", "--add-header", "Connection: close",
            "--processes", str(processes), "--wsgi-file", str(HERE / "plugins/cloud_wsgi.py")]
    argv += ["--shared-import", shared] if shared else []
    argv += ["--pyargv", pyargv] if pyargv else []
    return Service(name, argv, _status(path, PORTS[name]),
                   {"CLOUD_SERVICE": name, "CLOUD_WSGI": f"/usr/bin/{script}"} | env,
                   can_be_slow=True)


def _configured(name, argv, *configs):
    argv = list(argv) + ["--log-file", str(LOG / f"{name}.log")]
    for c in configs:
        argv += ["--config-file", str(ETC / c)]
    return argv


def _table():
    etc = str(ETC)
    yield Service("mariadb", [
        "mariadbd", "--no-defaults", "--user=root", f"--datadir={RUN}/mariadb",
        f"--socket={DB_SOCKET}", f"--port={PORTS['mariadb']}", f"--bind-address={HOST}",
        f"--pid-file={RUN}/mariadb.pid", f"--log-error={LOG}/mariadb.log",
        "--character-set-server=utf8mb3", "--collation-server=utf8mb3_general_ci",
        "--max-connections=800", "--skip-name-resolve", "--skip-log-bin",
        # Nothing here is worth an fsync.
        "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--innodb-doublewrite=0",
        "--performance-schema=off"],
        lambda: bool(api.sql("select 1")))
    # The port mapper that the broker's runtime asks for: its own, not the machine's.
    yield Service("epmd", ["epmd", "-port", str(PORTS["epmd"]), "-address", HOST],
                  lambda: socket.create_connection((HOST, PORTS["epmd"]), 1).close() is None)
    yield Service("rabbitmq", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], _rabbitmq, rabbit_env())
    yield Service("memcached", ["memcached", "-u", "root", "-l", HOST, "-p",
                                str(PORTS["memcached"]), "-m", "64"], _memcached)

    yield _uwsgi("keystone", "keystone-wsgi-public", "/v3", 2, "keystone.server.flask.application",
                 OS_KEYSTONE_CONFIG_FILES=f"{etc}/keystone.conf")
    yield _uwsgi("placement", "placement-api", OS_PLACEMENT_CONFIG_DIR=etc)
    yield _uwsgi("glance-api", "glance-wsgi-api", OS_GLANCE_CONFIG_DIR=etc)
    yield _uwsgi("nova-api", "nova-api-wsgi", processes=3,
                 shared="nova.api.openstack.compute.routes", OS_NOVA_CONFIG_DIR=etc,
                 OS_NOVA_CONFIG_FILES="/usr/share/nova-common/api-paste.ini;"
                 "nova.conf;nova-db.conf;nova-api.conf")
    yield _uwsgi("cinder-api", "cinder-wsgi", processes=2, shared="cinder.api.v3.router",
                 pyargv=f"--config-file {etc}/cinder.conf --config-file {etc}/cinder-api.conf")

    for n in ("conductor", "scheduler"):
        yield Service(f"nova-{n}", _configured(f"nova-{n}", [f"/usr/bin/nova-{n}"],
                                               "nova.conf", "nova-db.conf"),
                      _worker("compute", f"nova-{n}", f"nova-{n}", CONTROL_HOST))
    for h in COMPUTE_HOSTS:
        n = f"nova-compute-{h}"
        yield Service(n, _configured(n, [PYTHON, str(HERE / "plugins/cloud_nova.py")],
                                     "nova.conf", f"{n}.conf"),
                      _worker("compute", n, "nova-compute", h))

    yield Service("neutron-server",
                  _configured("neutron-server", ["/usr/bin/neutron-server"],
                              "neutron.conf", "ml2_conf.ini"),
                  _status("/", PORTS["neutron-server"]), can_be_slow=True)
    for agent, config in (("linuxbridge", "linuxbridge_agent.ini"), ("dhcp", "dhcp_agent.ini"),
                          ("l3", "l3_agent.ini"), ("metadata", "metadata_agent.ini")):
        n = f"neutron-{agent}-agent"
        yield Service(n, _configured(n, [*network.ENTER, f"/usr/bin/{n}"], "neutron.conf", config),
                      _agent(n, n, NETWORK_HOST))
    n = "neutron-compute-agents"
    yield Service(n, _configured(n, [PYTHON, str(HERE / "agents.py")], "neutron.conf"),
                  _agent(n, "neutron-linuxbridge-agent", *COMPUTE_HOSTS),
                  {"CLOUD_OFF_DIR": str(OFF), "CLOUD_HOSTS": " ".join(COMPUTE_HOSTS)})

    for n, host in (("scheduler", CONTROL_HOST), ("volume", f"{CONTROL_HOST}@fast")):
        yield Service(f"cinder-{n}",
                      _configured(f"cinder-{n}", [PYTHON, str(HERE / "plugins/cloud_cinder.py"), n],
                                  "cinder.conf"),
                      _volumes(f"cinder-{n}", f"cinder-{n}", host))

    # Swift has no row anywhere that says that a server lives: each is asked itself. Verbose: it
    # writes where we listen, not to the machine's syslog.
    for n in ("account", "container", "object"):
        yield Service(f"swift-{n}", [f"/usr/bin/swift-{n}-server", f"{ETC}/swift-{n}.conf", "verbose"],
                      _status("/healthcheck", PORTS[f"swift-{n}"]))
    yield Service("swift-container-updater",
                  ["/usr/bin/swift-container-updater", f"{ETC}/swift-container.conf", "verbose"],
                  lambda: procs.alive("swift-container-updater"))
    yield Service("swift-proxy", ["/usr/bin/swift-proxy-server", f"{ETC}/swift-proxy.conf", "verbose"],
                  _status("/healthcheck", PORTS["swift-proxy"]))


def rabbit_env():
    """Also what rabbitmqctl needs to find this broker and no other."""
    base = RUN / "rabbitmq"
    return {
        "HOME": str(base),  # its cookie lies there
        "RABBITMQ_HOME_DIR": str(base),
        "RABBITMQ_NODENAME": "stackwatch@localhost",
        "RABBITMQ_MNESIA_BASE": str(base / "mnesia"),
        "RABBITMQ_LOG_BASE": str(LOG),
        "RABBITMQ_LOGS": str(LOG / "rabbitmq.log"),
        "RABBITMQ_PID_FILE": str(base / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(base / "env.conf"),
        "RABBITMQ_CONFIG_FILE": str(ETC / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(base / "advanced.config"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(base / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(ETC / "rabbitmq-plugins"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(base / "feature_flags"),
        "RABBITMQ_DIST_PORT": str(PORTS["rabbitmq-dist"]),
        "ERL_EPMD_PORT": str(PORTS["epmd"]),
        "ERL_EPMD_ADDRESS": HOST,
        # In the foreground, its shell replaced by the broker itself; and no
        # busy waiting on a machine of two cores.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
                                               " -kernel inet_dist_use_interface {127,0,0,1}",
    }


SERVICES = {s.name: s for s in _table()}
# Ended last and started first: the others speak to them while they end.
STORES = ["mariadb", "epmd", "rabbitmq", "memcached"]
# One process speaks for all compute hosts: a host is silenced by a file off/HOST.
AGENTS = {f"neutron-agent-{h}": Service(f"neutron-agent-{h}", [], _agent(
    f"neutron-agent-{h}", "neutron-linuxbridge-agent", h)) for h in COMPUTE_HOSTS}


# --- their configuration ------------------------------------------------------

def configure():
    """Write etc/ from the templates, and every directory that is named in it."""
    values = template_values()
    for template in sorted((HERE / "etc").iterdir()):
        if template.name == "nova-compute.conf":
            continue
        (ETC / template.name).write_text(
            string.Template(template.read_text()).substitute(values))
    compute = string.Template((HERE / "etc/nova-compute.conf").read_text())
    for h in COMPUTE_HOSTS:
        (ETC / f"nova-compute-{h}.conf").write_text(
            compute.substitute(values, compute_host=h))
        (RUN / "nova" / h / "locks").mkdir(parents=True, exist_ok=True)
    for d in ("nova/locks", "neutron/locks", "cinder/locks", "glance/images", "glance/staging",
              "glance/tasks", "glance/locks", "rabbitmq/generated", "swift/disk"):
        (RUN / d).mkdir(parents=True, exist_ok=True)
    (ETC / "rabbitmq-plugins").write_text("[rabbitmq_management].\n")
    (RUN / "rabbitmq/env.conf").write_text("")
    # Neutron's own paste file, with our filter before all others.
    paste = open("/usr/share/neutron-common/api-paste.ini").read()
    paste = paste.replace("keystone = cors", "keystone = cloud_slow cors")
    paste += ("\n[filter:cloud_slow]\npaste.filter_factory = cloud_slow:filter_factory\n"
              "service = neutron-server\n")
    (ETC / "neutron-api-paste.ini").write_text(paste)
    for name in ("glance-api-paste.ini",):
        (ETC / name).write_text(open(f"/usr/share/glance-common/{name}").read())


