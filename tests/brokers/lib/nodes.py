"""The nodes: their configuration, their environment, their command and their API."""
import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

from settings import (ACCOUNTS, BROKEN, CLUSTER, COOKIE, DATA, DISK, ENV, EPMD, ETC, HOST, LOG,
                      MANY_VHOST, MEMORY, NODES, ODD_VHOST, OUT, PID, RUN, TLS, VHOST,
                      WANTS_CERTIFICATE)
import procs

PROGRAMS = "/usr/lib/rabbitmq/bin"


def service(number):
    """What its process is called."""
    return f"rabbitmq-{number}"


# --- configuration ------------------------------------------------------------

def configure():
    for d in (ETC, LOG, OUT, PID, TLS, DATA, BROKEN):
        d.mkdir(parents=True, exist_ok=True)
    cookie = RUN / ".erlang.cookie"
    cookie.unlink(missing_ok=True)
    cookie.write_text(COOKIE)
    cookie.chmod(0o400)
    # Each node has a host of its own by name, as nodes have; only they need to know it.
    names = ", ".join(f'"{n["name"].partition("@")[2]}"' for n in NODES.values())
    (ETC / "inetrc").write_text(f"{{host, {{127,0,0,1}}, [{names}]}}.\n{{lookup, [file, native]}}.\n")
    (ETC / "env.conf").write_text("")
    (ETC / "definitions.json").write_text(json.dumps(definitions()))
    certificates()
    for number in NODES:
        (ETC / f"{number}.conf").write_text(conf(number))
        (ETC / f"{number}.plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        (DATA / str(number)).mkdir(exist_ok=True)


def conf(number):
    node, wants = NODES[number], str(WANTS_CERTIFICATE[number]).lower()
    tls = [("cacertfile", TLS / "ca.pem"), ("certfile", TLS / "server.pem"),
           ("keyfile", TLS / "server.key"), ("verify", "verify_peer"),
           ("fail_if_no_peer_cert", wants)]
    lines = [
        f"listeners.tcp.1 = {HOST}:{node['amqp']}",
        f"listeners.ssl.1 = {HOST}:{node['amqps']}",
        *(f"ssl_options.{key} = {value}" for key, value in tls),
        f"management.tcp.ip = {HOST}",
        f"management.tcp.port = {node['management']}",
        f"management.ssl.ip = {HOST}",
        f"management.ssl.port = {node['management-tls']}",
        *(f"management.ssl.{key} = {value}" for key, value in tls),
        f"prometheus.tcp.ip = {HOST}",
        f"prometheus.tcp.port = {node['prometheus']}",
        f"cluster_name = {CLUSTER}",
        # A partition lasts until somebody ends it.
        "cluster_partition_handling = ignore",
        f"vm_memory_high_watermark.relative = {MEMORY}",
        f"disk_free_limit.absolute = {DISK}",
        f"load_definitions = {ETC}/definitions.json",
        f"log.file = {LOG}/{service(number)}.log",
        "log.file.level = info",
    ]
    if number != 1:
        lines += ["cluster_formation.peer_discovery_backend = classic_config",
                  f"cluster_formation.classic_config.nodes.1 = {NODES[1]['name']}"]
    return "\n".join(lines) + "\n"


def definitions():
    def hashed(password):
        salt = b"salt"
        return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()

    vhosts = [VHOST, ODD_VHOST, MANY_VHOST]
    permissions = []
    for user, account in ACCOUNTS.items():
        everything = account["vhosts"] == "*"
        own = ".*" if everything else "^$"
        for vhost in vhosts if everything else account["vhosts"]:
            permissions.append({"user": user, "vhost": vhost, "configure": own, "write": own,
                                "read": ".*"})
    return {
        "users": [{"name": user, "password_hash": hashed(account["password"]),
                   "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": account["tags"]}
                  for user, account in ACCOUNTS.items()],
        "vhosts": [{"name": vhost} for vhost in vhosts],
        "permissions": permissions,
    }


def certificates():
    """A CA, what it has signed for the brokers and for a client, and a CA that nobody trusts."""
    (TLS / "openssl.cnf").write_text(
        "[req]\ndistinguished_name = dn\n[dn]\n"
        "[ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\n"
        "[server]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = serverAuth\n"
        f"subjectAltName = DNS:localhost,IP:{HOST}\n"
        "[client]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = clientAuth\n")
    for name, kind, signed_by in (("ca", "ca", None), ("other-ca", "ca", None),
                                  ("server", "server", "ca"), ("client", "client", "ca"),
                                  ("other-client", "client", "other-ca")):
        if (TLS / f"{name}.pem").exists():
            continue
        argv = ["openssl", "req", "-x509", "-config", TLS / "openssl.cnf", "-extensions", kind,
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                "-subj", f"/CN=brokers {name}", "-keyout", TLS / f"{name}.key",
                "-out", TLS / f"{name}.pem"]
        if signed_by:
            argv += ["-CA", TLS / f"{signed_by}.pem", "-CAkey", TLS / f"{signed_by}.key"]
        procs.tool("openssl", argv)


# --- processes ------------------------------------------------------------------

def env(number):
    """Also what rabbitmqctl needs to find this node and no other."""
    node, data = NODES[number], DATA / str(number)
    return {
        "RABBITMQ_HOME_DIR": str(RUN),
        "RABBITMQ_NODENAME": node["name"],
        "RABBITMQ_MNESIA_BASE": str(data),
        "RABBITMQ_LOG_BASE": str(LOG),
        "RABBITMQ_LOGS": str(LOG / f"{service(number)}.log"),
        "RABBITMQ_PID_FILE": str(data / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(ETC / "env.conf"),
        "RABBITMQ_CONFIG_FILE": str(ETC / f"{number}.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(ETC / f"{number}-advanced.config"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(data / "generated"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(ETC / f"{number}.plugins"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(data / "feature_flags"),
        "RABBITMQ_DIST_PORT": str(node["distribution"]),
        "ERL_EPMD_PORT": str(EPMD),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_INETRC": str(ETC / "inetrc"),
        # In the foreground, its shell replaced by the broker itself; and no busy waiting on a machine of two
        # cores.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
                                               " -kernel inet_dist_use_interface {127,0,0,1}",
    }


def start(number):
    if not procs.alive(service(number)):
        # One that was killed keeps its ports until the kernel has taken its memory.
        procs.wait_for(service(number), "free port", lambda: not is_taken(number), 20, process=False)
    return procs.start(service(number), [f"{PROGRAMS}/rabbitmq-server"], env(number),
                       port=NODES[number]["amqp"])


def is_taken(number):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((HOST, NODES[number]["amqp"])) == 0


def ctl(number, *words, program="rabbitmqctl"):
    """Its own command, to its end: what it prints."""
    done = subprocess.run([f"{PROGRAMS}/{program}", "-q", *words], env=ENV | env(number), cwd=RUN,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise procs.Failure(service(number), f"`{program} {' '.join(words)}`: {' '.join(said)}")
    return done.stdout


# --- the management API -----------------------------------------------------------

def api(number, path, method="GET", body=None):
    """As the administrator; an answer that is no 2xx is an error."""
    url = f"http://{HOST}:{NODES[number]['management']}/api{path}"
    login = base64.b64encode(f"admin:{ACCOUNTS['admin']['password']}".encode()).decode()
    request = urllib.request.Request(url, method=method, headers={
        "Authorization": f"Basic {login}", "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def is_well(number):
    """This node is up, and sees the whole cluster well."""
    rows = {row["name"]: row for row in api(number, "/nodes")}
    if not all(rows.get(n["name"], {}).get("running") and not rows[n["name"]].get("partitions")
               for n in NODES.values()):
        return False
    try:
        api(number, "/health/checks/alarms")
    except urllib.error.HTTPError:
        return False
    return True


def answers(number):
    """This node is up, whatever the other one is."""
    return any(row["name"] == NODES[number]["name"] and row.get("running")
               for row in api(number, "/nodes"))


if __name__ == "__main__":
    words = sys.argv[1:]
    if len(words) < 2 or words[0] not in map(str, NODES):
        sys.exit("usage: ctl 1|2 WORDS of rabbitmqctl")
    node = env(int(words[0]))
    os.execve(f"{PROGRAMS}/rabbitmqctl", ["rabbitmqctl", *words[1:]], ENV | node)
