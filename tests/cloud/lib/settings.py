"""Every name, port, password and path of the test cloud: the one table."""
import os
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
RUN = Path(os.environ.get("STACKWATCH_RUN") or HERE.parents[1] / "run/cloud").resolve()
ETC, LOG, OUT, PID, DONE, OFF, SLOW = (
    RUN / d for d in ("etc", "log", "out", "pid", "done", "off", "slow"))

HOST = "127.0.0.1"
# Far from every default, below the kernel's range of ephemeral ports.
PORTS = {
    "keystone": 15000,
    "mariadb": 15006,
    "memcached": 15011,
    "epmd": 15069,
    "rabbitmq": 15072,
    "rabbitmq-dist": 15073,
    "nova-api": 15074,
    "nova-metadata": 15075,   # only named in a file, nothing listens
    "cinder-api": 15076,
    "placement": 15078,
    "rabbitmq-management": 15080,
    "swift-proxy": 15084,
    "swift-account": 15085,
    "swift-container": 15086,
    "swift-object": 15087,
    "vxlan": 15089,           # UDP
    "glance-api": 15092,
    "neutron-server": 15096,
    "closed": 15099,          # nothing ever listens here
}

REGION = "RegionOne"
CONTROL_HOST = "ctl01"
NETWORK_HOST = "net01"
COMPUTE_HOSTS = ["cmp01", "cmp02", "cmp03", "cmp04"]
PROJECTS = ["demo", "shop", "展示"]

# A throw-away cloud on the loopback: its secrets are fixed and public.
ADMIN_PASSWORD = "cloud-admin-pw"
DEMO_PASSWORD = "cloud-demo-pw"
SERVICE_PASSWORD = "cloud-service-pw"
DB_PASSWORD = "cloud-db-pw"
MQ_USER, MQ_PASSWORD, MQ_VHOST = "openstack", "cloud-mq-pw", "/cloud"

DB_SOCKET = RUN / "mariadb.sock"
DATABASES = ["keystone", "placement", "nova_api", "nova", "nova_cell0",
             "neutron", "glance", "cinder"]
# What the agents make in the kernel, told apart from another cloud's.
EXTERNAL_BRIDGE = "swext0"
VNI_RANGE = "7700:7799"

AUTH_URL = f"http://{HOST}:{PORTS['keystone']}/v3"
AMQP_URL = (f"rabbit://{MQ_USER}:{MQ_PASSWORD}@{HOST}:{PORTS['rabbitmq']}/{MQ_VHOST}")
MGMT_URL = f"http://{HOST}:{PORTS['rabbitmq-management']}"

# An environment of its own: no proxy, no python of somebody's home. The mark
# tells the processes of this cloud, grandchildren included, from all others.
MARK = "STACKWATCH_CLOUD_OF"
ENV = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": str(RUN),
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(HERE / "plugins"),
    "CLOUD_SLOW_DIR": str(SLOW),
    MARK: str(RUN),
}


def database_url(name):
    return f"mysql+pymysql://cloud:{DB_PASSWORD}@{HOST}:{PORTS['mariadb']}/{name}?charset=utf8"


def template_values():
    """What the templates in tests/cloud/etc may name as ${...}."""
    values = {f"port_{n.replace('-', '_')}": str(p) for n, p in PORTS.items()}
    values |= {f"db_{n}": database_url(n) for n in DATABASES}
    values |= {
        "run": str(RUN), "etc": str(ETC), "log": str(LOG), "host": CONTROL_HOST,
        "network_host": NETWORK_HOST, "ip": HOST, "auth_url": AUTH_URL,
        "transport_url": AMQP_URL, "service_password": SERVICE_PASSWORD,
        "mq_user": MQ_USER, "mq_password": MQ_PASSWORD, "mq_vhost": MQ_VHOST,
        "external_bridge": EXTERNAL_BRIDGE, "vni_range": VNI_RANGE,
        "region": REGION,
    }
    return values
