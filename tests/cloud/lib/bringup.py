"""Bring the cloud up: a small graph of jobs, each started when what it needs is there."""
import json
import os
import shutil
import sys
import threading
import time

import api
import network
import procs
import services
import whole
from down import down
from services import SERVICES, admin
from settings import (ADMIN_PASSWORD, AUTH_URL, COMPUTE_HOSTS, DATABASES, DB_PASSWORD,
                      DONE, ETC, HERE, HOST, LOG, OFF, OUT, PID, PORTS, REGION, RUN,
                      SERVICE_PASSWORD, SLOW)

BEGIN = time.time()
JOBS = {}  # name: (what it needs, function)


def job(*needs, name=None):
    def add(function):
        JOBS[name or function.__name__.replace("_", "-")] = (needs, function)
        return function
    return add


def once(marker):
    """A step whose result is kept between runs: True if it is still to be done."""
    return not (DONE / marker).exists()


def done(marker):
    (DONE / marker).touch()


# --- stores -------------------------------------------------------------------

@job()
def mariadb():
    if once("mariadb"):
        shutil.rmtree(RUN / "mariadb", ignore_errors=True)
        procs.tool("mariadb-install", [
            "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={RUN}/mariadb",
            "--auth-root-authentication-method=normal", "--skip-test-db"])
    SERVICES["mariadb"].start()
    SERVICES["mariadb"].wait()
    if once("mariadb"):
        api.sql(f"create user if not exists cloud@'{HOST}' identified by '{DB_PASSWORD}'")
        for d in DATABASES:
            api.sql(f"create database if not exists {d}")
            api.sql(f"grant all on {d}.* to cloud@'{HOST}'")
        done("mariadb")


@job()
def rabbitmq():
    SERVICES["epmd"].start()
    SERVICES["epmd"].wait(10)
    SERVICES["rabbitmq"].start()
    SERVICES["rabbitmq"].wait(120)


@job()
def memcached():
    SERVICES["memcached"].start()
    SERVICES["memcached"].wait(10)


# --- schemas: the slowest are named first, two at a time have a core -----------

def manage(job, script, *commands):
    """Run commands of a `*-manage` script: each its arguments, and its statuses beside 0."""
    commands = [[[str(a) for a in arguments], [0, *fine]] for arguments, *fine in commands]
    procs.tool(job, ["/usr/bin/python3", "-B", str(HERE / "lib/manage.py"),
                     f"/usr/bin/{script}", json.dumps(commands)])


def schema(of):
    def add(function):
        def run():
            if once(f"schema-{of}"):
                function(lambda script, *commands: manage(f"schema-{of}", script, *commands))
                done(f"schema-{of}")
        JOBS[f"schema-{of}"] = (("mariadb",), run)
        return function
    return add


@schema("keystone")
def _(run):
    conf = ("--config-file", ETC / "keystone.conf")
    for kind in ("fernet", "credential"):
        (ETC / f"{kind}-keys").mkdir(mode=0o700, exist_ok=True)
    owner = ("--keystone-user", "root", "--keystone-group", "root")
    run("keystone-manage",
        [(*conf, "fernet_setup", *owner)],
        [(*conf, "credential_setup", *owner)],
        [(*conf, "db_sync")],
        [(*conf, "bootstrap", "--bootstrap-password", ADMIN_PASSWORD,
          "--bootstrap-region-id", REGION, "--bootstrap-public-url", AUTH_URL,
          "--bootstrap-internal-url", AUTH_URL, "--bootstrap-admin-url", AUTH_URL)])


def nova_conf(database):
    return ("--log-file", LOG / "nova-manage.log", "--config-file", ETC / "nova.conf",
            "--config-file", ETC / database)


@schema("nova")
def _(run):
    cell, cell0 = nova_conf("nova-db.conf"), nova_conf("nova-cell0.conf")
    run("nova-manage",
        [(*cell, "db", "sync", "--local_cell")],
        [(*cell0, "db", "sync", "--local_cell")],
        [(*cell, "api_db", "sync")],
        [(*cell, "cell_v2", "map_cell0")],
        [(*cell, "cell_v2", "create_cell", "--name=cell1"), 2])  # 2: it is there


@schema("neutron")
def _(run):
    run("neutron-db-manage", [("--config-file", ETC / "neutron.conf",
                               "--config-file", ETC / "ml2_conf.ini", "upgrade", "heads")])


@schema("cinder")
def _(run):
    run("cinder-manage", [("--config-file", ETC / "cinder.conf",
                           "--log-file", LOG / "cinder-manage.log", "db", "sync")])


@schema("glance")
def _(run):
    run("glance-manage", [("--config-file", ETC / "glance-api.conf", "db_sync")])


@schema("placement")
def _(run):
    run("placement-manage", [("--config-file", ETC / "placement.conf", "db", "sync")])


# --- services -------------------------------------------------------------------

def bring(*names, seconds=120):
    for n in names:
        SERVICES[n].start()
    for n in names:
        SERVICES[n].wait(seconds)


@job("schema-keystone", "memcached")
def keystone():
    bring("keystone")


CATALOG = [("placement", "placement", "placement", ""), ("nova", "compute", "nova-api", "/v2.1"),
           ("glance", "image", "glance-api", ""), ("neutron", "network", "neutron-server", ""),
           ("cinder", "volumev3", "cinder-api", "/v3/%(project_id)s"),
           ("swift", "object-store", "swift-proxy", "/v1/AUTH_%(project_id)s")]


@job("keystone")
def catalog():
    """Users, projects, roles and endpoints of the services."""
    if not once("catalog"):
        return
    s = admin()

    def ensure(kind, plural, body, **query):
        q = "&".join(f"{k}={v}" for k, v in query.items())
        found = s.get("identity", f"/{plural}?{q}")[plural]
        return (found or [s.call("identity", "POST", f"/{plural}", {kind: body})[kind]])[0]["id"]

    role = {r["name"]: r["id"] for r in s.get("identity", "/roles")["roles"]}
    role["service"] = role.get("service") or s.call(
        "identity", "POST", "/roles", {"role": {"name": "service"}})["role"]["id"]
    project = ensure("project", "projects", {"name": "service", "domain_id": "default"},
                     name="service")
    for name, kind, port, path in CATALOG:
        user = ensure("user", "users", {"name": name, "domain_id": "default",
                                        "password": SERVICE_PASSWORD}, name=name)
        for r in ("admin", "service"):
            s.call("identity", "PUT", f"/projects/{project}/users/{user}/roles/{role[r]}")
        service = ensure("service", "services", {"name": name, "type": kind}, type=kind)
        for interface in ("public", "internal", "admin"):
            ensure("endpoint", "endpoints", {
                "service_id": service, "interface": interface, "region_id": REGION,
                "url": f"http://{HOST}:{PORTS[port]}{path}"},
                service_id=service, interface=interface)
    done("catalog")


@job("schema-placement", "keystone", "catalog")
def placement():
    bring("placement")


@job("schema-glance", "keystone", "catalog")
def glance():
    bring("glance-api")


@job("schema-nova", "rabbitmq", "keystone", "placement")
def nova():
    bring("nova-api", "nova-conductor", "nova-scheduler")


@job("nova")
def nova_compute():
    names = [f"nova-compute-{h}" for h in COMPUTE_HOSTS]
    for n in names:
        SERVICES[n].start()
    if once("cells"):
        # A compute shows in the API after its host is mapped: so the rows of
        # the database say when to map.
        def registered():
            return len(api.sql("select 1 from compute_nodes where deleted = 0",
                               database="nova")) >= len(names)
        for n in names:
            procs.wait_for(n, "row in compute_nodes", registered, 120)
        manage("schema-nova", "nova-manage",
               [(*nova_conf("nova-db.conf"), "cell_v2", "discover_hosts")])
        done("cells")
    for n in names:
        SERVICES[n].wait(120)


@job("schema-neutron", "rabbitmq", "keystone", "catalog")
def neutron():
    network.make()
    bring("neutron-server")


@job("neutron")
def neutron_agents():
    bring("neutron-linuxbridge-agent", "neutron-dhcp-agent", "neutron-l3-agent",
          "neutron-metadata-agent", "neutron-compute-agents")


@job("schema-cinder", "rabbitmq", "keystone", "catalog")
def cinder():
    bring("cinder-api", "cinder-scheduler", "cinder-volume")


@job("keystone", "catalog")
def swift():
    """One disk, one replica."""
    for n in ("account", "container", "object"):
        if once(f"ring-{n}"):
            for words in (["create", "4", "1", "1"],
                          ["add", f"r1z1-{HOST}:{PORTS[f'swift-{n}']}/disk", "1"], ["rebalance"]):
                procs.tool(f"ring-{n}", ["swift-ring-builder", str(ETC / f"{n}.builder"), *words])
            done(f"ring-{n}")
    bring("swift-account", "swift-container", "swift-object", "swift-container-updater",
          "swift-proxy")


@job("nova-compute", "neutron-agents", "cinder", "glance", "swift")
def seed():
    if once("seed"):
        procs.tool("seed", ["/usr/bin/python3", "-B", str(HERE / "seed.py")])
        done("seed")


@job("seed")
def clouds_yaml():
    import clouds
    clouds.write()


# --- the run ----------------------------------------------------------------------

def run_jobs(parallel=6):
    """Run all jobs; the first failure ends the run when the running ones have ended."""
    finished, running, failures, changed = set(), set(), [], threading.Condition()

    def work(name):
        begin = time.time()
        try:
            JOBS[name][1]()
        except procs.Failure as f:
            failures.append(f)
        except Exception as e:
            failures.append(procs.Failure(name, f"{type(e).__name__}: {e}"))
        with changed:
            running.discard(name)
            finished.add(name)
            if not failures:
                print(f"{time.time() - begin:7.1f} s  {name:<18} at {time.time() - BEGIN:6.1f} s",
                      flush=True)
            changed.notify()

    with changed:
        while len(finished) < len(JOBS):
            if failures and not running:
                raise failures[0]
            for name, (needs, _) in JOBS.items():
                if (not failures and len(running) < parallel and name not in finished | running
                        and finished >= set(needs)):
                    running.add(name)
                    threading.Thread(target=work, args=(name,), daemon=True).start()
            changed.wait(1)
    if failures:
        raise failures[0]


def wipe():
    """Forget all data. The logs of the last run are kept, in previous/."""
    previous = RUN / "previous"
    shutil.rmtree(previous, ignore_errors=True)
    previous.mkdir()
    for path in (*LOG.glob("*.log"), *OUT.glob("*")):
        if path.name != "apt.log":
            path.rename(previous / path.name)
    for d in (DONE, ETC, SLOW, OFF, PID, *(RUN / n for n in (
            "mariadb", "rabbitmq", "nova", "neutron", "cinder", "glance", "swift"))):
        shutil.rmtree(d, ignore_errors=True)


def up(fresh):
    services.forget_session()
    if fresh:
        down()
        wipe()
    for d in (ETC, LOG, OUT, PID, DONE, OFF, SLOW):
        d.mkdir(parents=True, exist_ok=True)
    services.configure()
    whole.calm()
    run_jobs()
    (RUN / "ready").touch()


def main():
    os.umask(0o022)
    fresh = "--fresh" in sys.argv[1:]
    procs.lock()
    for attempt in (1, 2):
        try:
            up(fresh)
            break
        except procs.Failure as f:
            print(f.report(), file=sys.stderr, flush=True)
            if attempt == 2:
                sys.exit("the cloud is not up")
            # A bring-up deserves one retry; without a finished seed, from nothing.
            print("once more", file=sys.stderr, flush=True)
            fresh = fresh or once("seed")
            down()
    print(f"{time.time() - BEGIN:7.1f} s  READY: {RUN}/clouds.yaml")


if __name__ == "__main__":
    main()
