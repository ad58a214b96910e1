"""Seed the cloud through its real APIs, in one process.

Each step looks for its result by name first, so a second run does nothing.
"""
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "lib"))
from api import ApiError, Session, sql  # noqa: E402
from settings import DEMO_PASSWORD, PROJECTS, RUN  # noqa: E402

# What a hostile name can carry: colour, CR, a bidi override, and OSC 52,
# which writes the clipboard of a terminal that believes it.
HOSTILE = "\x1b[31mred\x1b[0m\r\u202eevil\x1b]52;c;aGFja2Vk\x07"

BEGIN = time.time()
admin = Session()


def note(text):
    print(f"{time.time() - BEGIN:6.1f} s  {text}", flush=True)


def until(what, check, seconds=120):
    end = time.time() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.time() > end:
            sys.exit(f"seed: {what} not after {seconds} s")
        time.sleep(0.5)


def ensure(session, service, path, plural, kind, body, listing=None):
    """The thing of that name, made if it is not there."""
    for thing in session.get(service, listing or path)[plural]:
        if thing["name"] == body["name"]:
            return thing
    return session.call(service, "POST", path, {kind: body})[kind]


# --- identity --------------------------------------------------------------------

def identity():
    """Projects, the user demo, an application credential; a session a project."""
    roles = {r["name"]: r["id"] for r in admin.get("identity", "/roles")["roles"]}
    sessions = {"admin": admin}
    demo = ensure(admin, "identity", "/users", "users", "user", {
        "name": "demo", "domain_id": "default", "password": DEMO_PASSWORD})
    for name in PROJECTS:
        project = ensure(admin, "identity", "/projects", "projects", "project", {
            "name": name, "domain_id": "default"})
        admin.call("identity", "PUT",
                   f"/projects/{project['id']}/users/{admin.user}/roles/{roles['admin']}")
        if name == "demo":
            for r in ("member", "reader"):
                admin.call("identity", "PUT",
                           f"/projects/{project['id']}/users/{demo['id']}/roles/{roles[r]}")
        sessions[name] = Session(project=name)
        for service, path, limits in (
                ("compute", f"/os-quota-sets/{project['id']}",
                 {"instances": 20, "cores": 200, "ram": 1048576}),
                ("volume", f"/os-quota-sets/{project['id']}", {"volumes": 20, "gigabytes": 500})):
            admin.call(service, "PUT", path, {"quota_set": limits})
    member = Session("demo", DEMO_PASSWORD, "demo")
    found = [c for c in member.get("identity", f"/users/{member.user}/application_credentials")
             ["application_credentials"] if c["name"] == "stackwatch"]
    if not found or not (RUN / "appcred.json").exists():
        for c in found:
            member.call("identity", "DELETE",
                        f"/users/{member.user}/application_credentials/{c['id']}")
        made = member.call("identity", "POST", f"/users/{member.user}/application_credentials", {
            "application_credential": {"name": "stackwatch"}})["application_credential"]
        (RUN / "appcred.json").write_text(json.dumps({"id": made["id"], "secret": made["secret"]}))
    return sessions


# --- what instances are made of -----------------------------------------------------

FLAVORS = [  # name, vCPU, MiB, GiB, extra specs
    ("m1.tiny", 1, 512, 1, {}),
    ("m1.small", 1, 1024, 10, {}),
    ("m1.medium", 2, 2048, 20, {"hw:cpu_sockets": "1", "hw:cpu_cores": "2"}),
    ("s1.ssd", 1, 1024, 10, {"aggregate_instance_extra_specs:ssd": "true",
                             "quota:disk_read_iops_sec": "5000"}),
    ("c1.pinned", 4, 4096, 20, {"hw:cpu_policy": "dedicated", "hw:mem_page_size": "large"}),
    ("m1.huge", 96, 524288, 200, {}),
]


def flavors():
    made = {}
    for name, vcpus, ram, disk, specs in FLAVORS:
        f = ensure(admin, "compute", "/flavors", "flavors", "flavor", {
            "name": name, "vcpus": vcpus, "ram": ram, "disk": disk})
        made[name] = f["id"]
        if specs:
            admin.call("compute", "POST", f"/flavors/{f['id']}/os-extra_specs",
                       {"extra_specs": specs})
    return made


AGGREGATES = [  # name, zone, hosts, properties; cmp04 is in none, cmp02 and cmp03 are in two
    ("rack-a", "az-a", ["cmp01", "cmp02"], {"rack": "a"}),
    ("rack-b", "az-b", ["cmp03"], {"rack": "b"}),
    ("ssd", None, ["cmp02", "cmp03"], {"ssd": "true", "disk": "nvme"}),
]


def aggregates():
    for name, zone, hosts, properties in AGGREGATES:
        a = ensure(admin, "compute", "/os-aggregates", "aggregates", "aggregate",
                   {"name": name, "availability_zone": zone} if zone else {"name": name})
        for h in hosts:
            if h not in a.get("hosts", []):
                admin.call("compute", "POST", f"/os-aggregates/{a['id']}/action",
                           {"add_host": {"host": h}})
        admin.call("compute", "POST", f"/os-aggregates/{a['id']}/action",
                   {"set_metadata": {"metadata": properties}})


def image():
    i = next((i for i in admin.get("image", "/v2/images")["images"]
              if i["name"] == "tiny-linux"), None)
    if not i:
        i = admin.call("image", "POST", "/v2/images", {
            "name": "tiny-linux", "disk_format": "raw", "container_format": "bare",
            "visibility": "public", "os_distro": "debian"})
    if i["status"] == "queued":
        admin.call("image", "PUT", f"/v2/images/{i['id']}/file", b"\0" * 65536,
                   {"Content-Type": "application/octet-stream"})
    return i["id"]


# --- networks -------------------------------------------------------------------------

def ensure_all(plural, wanted):
    """As `ensure`, of many at once: by name."""
    path = f"/v2.0/{plural.replace('_', '-')}"
    there = {x["name"]: x for x in admin.get("network", path)[plural]}
    new = [w for w in wanted if w["name"] not in there]
    if new:
        made = admin.call("network", "POST", path, {plural: new})[plural]
        there |= {x["name"]: x for x in made}
    return there


def networks(sessions):
    """Networks and their subnets by name; each is its project's, made by the admin."""
    wanted = [(f"{project}-net", s.project, f"10.{10 + n}.0.0/24", {})
              for n, (project, s) in enumerate(sessions.items())]
    wanted += [(HOSTILE, sessions["demo"].project, "10.66.0.0/24", {}),
               ("public", admin.project, "203.0.113.0/24", {
                   "router:external": True, "provider:network_type": "flat",
                   "provider:physical_network": "physnet1"})]
    nets = ensure_all("networks", [{"name": name, "project_id": project} | more
                                   for name, project, _, more in wanted])
    subnets = ensure_all("subnets", [{
        "name": f"{name}-v4", "network_id": nets[name]["id"], "project_id": project,
        "ip_version": 4, "cidr": cidr, "enable_dhcp": not more}
        for name, project, cidr, more in wanted])
    return {name: n["id"] for name, n in nets.items()}, {
        name.removesuffix("-v4"): n["id"] for name, n in subnets.items()}


def routers(sessions, nets, subnets):
    for project in ("demo", "shop"):
        s = sessions[project]
        r = ensure(s, "network", "/v2.0/routers", "routers", "router", {
            "name": f"{project}-router", "project_id": s.project,
            "external_gateway_info": {"network_id": nets["public"]}})
        try:
            s.call("network", "PUT", f"/v2.0/routers/{r['id']}/add_router_interface",
                   {"subnet_id": subnets[f"{project}-net"]})
        except ApiError as e:
            if e.status not in (400, 409):  # it is there
                raise


def security_groups(sessions):
    """A group `web` in each project."""
    for s in sessions.values():
        listing = f"/v2.0/security-groups?project_id={s.project}"
        g = ensure(s, "network", "/v2.0/security-groups", "security_groups", "security_group",
                   {"name": "web", "description": "http and https"}, listing)
        if len(g["security_group_rules"]) > 2:  # two are there from the start
            continue
        s.call("network", "POST", "/v2.0/security-group-rules", {"security_group_rules": [{
            "security_group_id": g["id"], "direction": "ingress", "ethertype": "IPv4",
            "protocol": "tcp", "port_range_min": port, "port_range_max": port}
            for port in (22, 80, 443)]})


# --- instances ----------------------------------------------------------------------

SERVERS = [  # project, name, flavor, zone[:host], network, more
    ("shop", "web-01", "m1.small", "az-a:cmp01", "shop-net", {"metadata": {"role": "web"}}),
    ("shop", "web-02", "m1.small", "az-a:cmp02", "shop-net", {"metadata": {"role": "web"}}),
    ("shop", "db-01", "m1.medium", "az-b:cmp03", "shop-net", {}),
    ("shop", "batch-01", "m1.small", "nova:cmp04", "shop-net", {}),       # shut off
    ("shop", "cache-01", "m1.tiny", "az-a:cmp01", "shop-net", {}),        # paused
    ("demo", "demo-01", "m1.tiny", "az-a:cmp02", "demo-net", {}),
    ("demo", "demo-locked", "m1.tiny", "az-b:cmp03", "demo-net", {}),     # locked
    ("demo", "demo-resized", "m1.tiny", "az-a", "demo-net", {}),          # awaits confirmation
    ("demo", "demo-hostile-meta", "m1.tiny", "nova:cmp04", HOSTILE,
     {"metadata": {"note": HOSTILE, "owner": "demo"}}),
    ("demo", "demo-too-big", "m1.huge", None, "demo-net", {}),            # no host is valid
    ("展示", "网站前端-01", "s1.ssd", "az-b:cmp03", "展示-net", {}),
    ("admin", "hostile-name", "m1.tiny", "nova:cmp04", "admin-net", {}),  # see hostile_name()
]
STATES = {"batch-01": "stopped", "cache-01": "paused", "demo-resized": "resized",
          "demo-too-big": "error"}


def state_of(server):
    """(vm_state, task_state): from the database, since nova asks neutron each
    time that it shows a server, and that was half of the load of the seed."""
    where = "select vm_state, task_state from {}.instances where uuid = %s"
    rows = sql(where.format("nova") + " union " + where.format("nova_cell0"), server, server)
    return rows[0] if rows else (None, None)


def servers(sessions, flavor, image_id, nets):
    there = {x["name"]: x["id"] for x in admin.get(
        "compute", "/servers?all_tenants=1")["servers"]}

    def settle(s, name, server, *wanted):
        def check():
            vm_state, task_state = state_of(server)
            if vm_state == "error" and "error" not in wanted:
                x = s.get("compute", f"/servers/{server}")["server"]
                sys.exit(f"seed: {name} is in ERROR: {x.get('fault', {}).get('message')}")
            return vm_state if vm_state in wanted and not task_state else None
        return until(f"{name} {'/'.join(wanted)}", check)

    def make(row):
        project, name, kind, zone, net, more = row
        s, wanted = sessions[project], STATES.get(name, "active")
        server = there.get(name)
        if not server:
            body = {"name": name, "flavorRef": flavor[kind], "imageRef": image_id,
                    "networks": [{"uuid": nets[net]}], "security_groups": [{"name": "web"}]}
            body |= more | ({"availability_zone": zone} if zone else {})
            server = s.call("compute", "POST", "/servers", {"server": body})["server"]["id"]
        now = settle(s, name, server, "active", wanted)
        act = {"stopped": {"os-stop": None}, "paused": {"pause": None},
               "resized": {"resize": {"flavorRef": flavor["m1.small"]}}}.get(wanted)
        if act and now == "active":
            s.call("compute", "POST", f"/servers/{server}/action", act)
            settle(s, name, server, wanted)
        if name == "demo-locked":
            s.call("compute", "POST", f"/servers/{server}/action",
                   {"lock": {"locked_reason": "change CHG-4711"}})
        note(f"server {name} {wanted}")
        return name, server

    rows = SERVERS
    if HOSTILE in there:
        rows = SERVERS[:-1]  # it has its other name already
    with ThreadPoolExecutor(6) as pool:
        return dict(pool.map(make, rows))


def hostile_name():
    """Nova refuses control characters in a server's name: so one update in SQL."""
    sql("update instances set display_name = %s where display_name = 'hostile-name'",
        HOSTILE, database="nova")


def floating_ips(s, nets, server):
    if s.get("network", f"/v2.0/floatingips?project_id={s.project}")["floatingips"]:
        return
    port = s.get("network", f"/v2.0/ports?device_id={server}")["ports"][0]["id"]
    for p in (port, None):
        s.call("network", "POST", "/v2.0/floatingips", {"floatingip": {
            "floating_network_id": nets["public"], "port_id": p}})


# --- volumes ----------------------------------------------------------------------------

VOLUMES = [  # project, name, GiB, type
    ("shop", "db-data", 20, "fast"),          # attached to db-01
    ("shop", "web-share", 5, "fast"),
    ("demo", "scratch", 2, "infinite"),
    ("demo", "on-dead-backend", 1, "lvm"),    # ERROR: its backend is down
    ("展示", "数据卷", 10, "fast"),
]


def volume_types():
    for name, backend in (("fast", "fast"), ("infinite", "fake"), ("lvm", "lvm")):
        ensure(admin, "volume", "/types", "volume_types", "volume_type", {
            "name": name, "extra_specs": {"volume_backend_name": backend}})


def volumes(sessions):
    volume_types()
    made = {}
    for project, name, size, kind in VOLUMES:
        v = ensure(sessions[project], "volume", "/volumes", "volumes", "volume", {
            "name": name, "size": size, "volume_type": kind})
        made[name] = (sessions[project], v["id"])
    for name, (s, i) in made.items():
        status = until(f"volume {name}", lambda: s.get("volume", f"/volumes/{i}")[
            "volume"]["status"].removesuffix("creating"))
        if (status == "error") != (name == "on-dead-backend"):
            sys.exit(f"seed: volume {name} is {status}")
        note(f"volume {name} {status}")
    return made


def attach(volume, server):
    s, i = volume
    if s.get("volume", f"/volumes/{i}")["volume"]["status"] == "available":
        s.call("compute", "POST", f"/servers/{server}/os-volume_attachments",
               {"volumeAttachment": {"volumeId": i}})
        until("volume in-use", lambda: s.get("volume", f"/volumes/{i}")[
            "volume"]["status"] == "in-use")


def main():
    sessions = identity()
    note("identity")
    with ThreadPoolExecutor(4) as pool:
        groups = pool.submit(security_groups, sessions)
        nets = pool.submit(networks, sessions)
        vols = pool.submit(volumes, sessions)
        image_id, flavor = image(), flavors()
        aggregates()
        note("image, flavors, aggregates")
        nets, subnets = nets.result()
        note("networks")
        routed = pool.submit(routers, sessions, nets, subnets)
        groups.result()
        note("security groups")
        ids = servers(sessions, flavor, image_id, nets)
        vols = vols.result()
        routed.result()
    attach(vols["db-data"], ids["db-01"])
    floating_ips(sessions["shop"], nets, ids["web-01"])
    hostile_name()
    note("seeded")


main()
