"""Every name, port, password and path of the brokers: the one table.

`procs` of the test cloud is used as it is: it takes its paths from a module of this name.
"""
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path.append(str(HERE.parent / "cloud/lib"))
RUN = Path(os.environ.get("STACKWATCH_BROKERS") or HERE.parents[1] / "run/brokers").resolve()
ETC, LOG, OUT, PID, TLS, DATA, BROKEN = (
    RUN / d for d in ("etc", "log", "out", "pid", "tls", "data", "broken"))

HOST = "127.0.0.1"
EPMD = 15169
# Beside the test cloud's 15000–15099, below the kernel's range of ephemeral ports.
NODES = {
    1: {"name": "rabbit1@mq1", "amqp": 15101, "amqps": 15102, "management": 15103,
        "management-tls": 15104, "prometheus": 15105, "distribution": 15106},
    2: {"name": "rabbit2@mq2", "amqp": 15111, "amqps": 15112, "management": 15113,
        "management-tls": 15114, "prometheus": 15115, "distribution": 15116},
}
# Node 1 takes whom it trusts and who shows nothing; node 2 wants a certificate.
WANTS_CERTIFICATE = {1: False, 2: True}

CLUSTER = "brokers"
COOKIE = "brokers-of-the-tests"
MEMORY, DISK = "0.4", "50MB"

VHOST = "openstack"
# As strange as a vhost's name may be.
ODD_VHOST = "odd /%2F \x1b[31m🐇"
MANY_VHOST = "many"

# Throw-away brokers on the loopback: their secrets are fixed and public. Tags, and on which vhosts an account
# may read; `*` may do everything on all.
ACCOUNTS = {
    "admin": {"password": "brokers-admin-pw", "tags": "administrator", "vhosts": "*"},
    # What kolla-ansible gives its own monitoring account.
    "stackwatch": {"password": "brokers-watch-pw", "tags": "monitoring",
                   "vhosts": [VHOST, ODD_VHOST, MANY_VHOST]},
    # What services have: everything on their vhost, and no tag.
    "openstack": {"password": "brokers-mq-pw", "tags": "", "vhosts": "*"},
    "untagged": {"password": "brokers-management-pw", "tags": "management", "vhosts": [VHOST]},
    "blind": {"password": "brokers-blind-pw", "tags": "monitoring", "vhosts": []},
    "nobody": {"password": "brokers-nobody-pw", "tags": "", "vhosts": []},
}

# An environment of its own: no proxy, no python of somebody's home. The mark tells the processes of these
# brokers, grandchildren included, from all others.
MARK = "STACKWATCH_BROKERS_OF"
ENV = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": str(RUN),
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "STACKWATCH_BROKERS": str(RUN),
    MARK: str(RUN),
}
