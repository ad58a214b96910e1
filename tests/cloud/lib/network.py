"""What neutron's agents leave in the kernel, and the bridge they start from.

An agent does not undo its work when it ends. What is ours is known by the ids
in our own database: another cloud's namespaces and bridges stay.
"""
import subprocess

import api
import procs
from services import SERVICES
from settings import EXTERNAL_BRIDGE, RUN

IDS = RUN / "neutron-ids"


def _ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True).stdout


def make_external_bridge():
    """Flat network `physnet1` ends here; nothing real is connected to it."""
    if not _ip("link", "show", EXTERNAL_BRIDGE):
        _ip("link", "add", EXTERNAL_BRIDGE, "type", "bridge")
    _ip("link", "set", EXTERNAL_BRIDGE, "up")


def remember():
    """Keep our networks' and routers' ids in a file, while the database answers."""
    known = set(IDS.read_text().split()) if IDS.exists() else set()
    for statement in (
            "select id from networks", "select id from routers", "select id from ports",
            "select concat('vni-', segmentation_id) from networksegments "
            "where network_type = 'vxlan'"):
        known |= {row[0] for row in api.sql(statement, database="neutron")}
    IDS.write_text("\n".join(sorted(known)))


def clean():
    """Remove the namespaces, bridges, tap and vxlan devices that are ours."""
    known = set(IDS.read_text().split()) if IDS.exists() else set()
    for line in _ip("netns", "list").splitlines():
        name = line.split()[0]
        if name.partition("-")[0] in ("qdhcp", "qrouter") and name.partition("-")[2] in known:
            _ip("netns", "delete", name)
    short = {i[:11] for i in known}
    vnis = {i[4:] for i in known if i.startswith("vni-")}
    for line in _ip("-o", "link").splitlines():
        name = line.split(": ")[1].split("@")[0]
        if (name == EXTERNAL_BRIDGE or name.startswith(("brq", "tap")) and name[3:] in short
                or name.startswith("vxlan-") and name[6:] in vnis):
            _ip("link", "delete", name)
    IDS.unlink(missing_ok=True)


def traces():
    """True if there may be something to clean, ids known or not."""
    return "qdhcp-" in _ip("netns", "list") or "qrouter-" in _ip("netns", "list")


def remember_somehow():
    """As `remember`; the database is started for it if it must be."""
    try:
        remember()
    except Exception:
        if traces() and (RUN / "mariadb/neutron").is_dir():
            try:
                SERVICES["mariadb"].start()
                SERVICES["mariadb"].wait(30)
                remember()
            except (procs.Failure, OSError, Exception) as e:
                print(f"the ids of our networks are not all known: {e}")
