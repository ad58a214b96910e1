"""What neutron's agents leave in the kernel, and the bridge they start from.

An agent does not undo its work when it ends, and an L3 agent that starts
deletes every router's namespace that it finds and does not know, be it another
cloud's. So ours live in a mount namespace of their own: there /run/netns is
empty at first, and gone with all that is in it when the cloud is down. Bridges
and VXLANs are told apart by the numbers.
"""
import subprocess
from pathlib import Path

import procs
from settings import EXTERNAL_BRIDGE, RUN, VNI_RANGE

# A file on which the namespace is mounted, which keeps it: an agent that is
# started again finds its own. To look into it: nsenter --mount=FILE ip netns
AGENTS_VIEW = RUN / "agents-view"
ENTER = ["nsenter", f"--mount={AGENTS_VIEW}"]


def _ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True).stdout


def _mounted():
    """How many mounts lie on the file, one over the other."""
    return sum(line.split()[4] == str(AGENTS_VIEW)
               for line in open("/proc/self/mountinfo", encoding="utf8"))


def make():
    """The agents' view, and the bridge where the flat network `physnet1` ends."""
    if _mounted() < 2:
        unmake_view()
        Path("/run/netns").mkdir(exist_ok=True)
        AGENTS_VIEW.touch()
        for argv in (["mount", "--bind", AGENTS_VIEW, AGENTS_VIEW],
                     ["mount", "--make-private", AGENTS_VIEW],
                     ["unshare", f"--mount={AGENTS_VIEW}", "--propagation", "private",
                      "mount", "-t", "tmpfs", "-o", "mode=755", "netns", "/run/netns"]):
            procs.tool("network", argv)
    if not _ip("link", "show", EXTERNAL_BRIDGE):
        _ip("link", "add", EXTERNAL_BRIDGE, "type", "bridge")
    _ip("link", "set", EXTERNAL_BRIDGE, "up")


def unmake_view():
    for _ in range(_mounted()):
        procs.tool("network", ["umount", AGENTS_VIEW])
    AGENTS_VIEW.unlink(missing_ok=True)


def _links():
    """Of every device: its name, and the bridge it is in or None."""
    for line in _ip("-o", "link").splitlines():
        words = line.split()
        yield (words[1].rstrip(":").split("@")[0],
               words[words.index("master") + 1] if "master" in words else None)


def clean():
    """Remove the agents' view and our bridges, with what is in them."""
    first, last = map(int, VNI_RANGE.split(":"))
    unmake_view()
    links = list(_links())
    bridges = {EXTERNAL_BRIDGE} | {
        master for name, master in links if master and name.startswith("vxlan-")
        and first <= int(name.removeprefix("vxlan-")) <= last}
    for name, master in links:
        if master in bridges:
            _ip("link", "delete", name)
    for name in bridges:
        _ip("link", "delete", name)
