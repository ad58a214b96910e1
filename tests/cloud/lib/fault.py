"""Make and unmake what tests need: `fault NAME …`, see README.md.

Nothing is remembered: what is broken shows in the processes, in slow/ and in
off/, so `undo` is right whoever broke it and however often it is called.
"""
import base64
import difflib
import os
import signal
import socket
import sys
import time

import api
import clouds
import procs
import services
import whole
from services import AGENTS, SERVICES, STORES
from settings import ETC, HOST, PORTS, RUN, SLOW

ALL = SERVICES | AGENTS
SECONDS = 180  # more than any start has taken on a busy machine
PATHS = {"identity": "/auth/projects", "placement": "/resource_providers", "compute": "/flavors",
         "image": "/v2/images", "network": "/v2.0/networks", "volume": "/types"}


class Usage(Exception):
    """A name or a number that is none."""


# --- waiting ------------------------------------------------------------------

def wait(names, seconds=SECONDS):
    """Until each answers; one that is asked through something broken cannot."""
    away = whole.broken()
    for name in names:
        in_the_way = ALL[name].needs & away
        if in_the_way:
            print(f"           {name}: not waited for, {', '.join(sorted(in_the_way))} is away")
        else:
            ALL[name].wait(seconds)


def settle(*names, seconds=SECONDS):
    """Wait for `names`, then for all others that have no fault of their own."""
    wait(names, seconds)
    away = whole.broken()
    for name in ALL:
        if name not in away and not ALL[name].needs & away:
            ALL[name].wait(seconds)


# --- the faults ---------------------------------------------------------------

FAULTS = {}  # name: (words after it, function, which services take it)


def fault(words, takes):
    def add(function):
        FAULTS[function.__name__.replace("_", "-")] = (words, function, takes)
        return function
    return add


def process(name):
    return name in SERVICES


@fault("SERVICE", ALL.__contains__)
def stop(name):
    if name in AGENTS:
        whole.host_file(name).touch()
    procs.stop([name], 20)


@fault("SERVICE", ALL.__contains__)
def start(name):
    if name in whole.frozen():
        return thaw(name)
    if name in AGENTS:
        if name in whole.silent():
            whole.host_file(name).unlink()
            procs.renew(name)
    else:
        SERVICES[name].start()
    settle(name)


@fault("SERVICE", ALL.__contains__)
def restart(name):
    stop(name)
    start(name)


@fault("SERVICE", process)
def kill(name):
    procs.stop([name], 5, signal.SIGKILL)


@fault("SERVICE", process)
def freeze(name):
    if not procs.send(name, signal.SIGSTOP):
        raise procs.Failure(name, "is not running")
    procs.wait_for(name, "stop by the signal", lambda: procs.frozen(name), 5)


@fault("SERVICE", process)
def thaw(name):
    if name in whole.frozen():
        procs.send(name, signal.SIGCONT)
        procs.renew(name)
    settle(name)


@fault("SERVICE SECONDS", lambda name: name in SERVICES and SERVICES[name].can_be_slow)
def slow(name, seconds):
    new = SLOW / f".{name}"
    new.write_text(f"{seconds:g}\n")
    new.rename(SLOW / name)


@fault("SERVICE", lambda name: name in SERVICES and SERVICES[name].can_be_slow)
def fast(name):
    delay = float(whole.slowed().get(name, 0))
    (SLOW / name).unlink(missing_ok=True)
    settle(name, seconds=delay + SECONDS)  # what sleeps already sleeps on


def _refused(token):
    """True if every API answers 401 to this token."""
    project = services.admin().project
    for service, path in PATHS.items():
        url = api.BASE[service].format(project=project) + path
        if api.http("GET", url, headers={"X-Auth-Token": token})[0] != 401:
            return False
    return True


@fault("", lambda name: False)
def expire_tokens():
    """Every token there is was made with keystone's fernet keys: give it others,
    and empty the cache of tokens already found good."""
    old = services.admin().token
    for key in (ETC / "fernet-keys").iterdir():
        new = key.with_name(f".{key.name}")
        new.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
        new.rename(key)

    def refused():
        with socket.create_connection((HOST, PORTS["memcached"]), 3) as s:
            s.sendall(b"flush_all\r\n")
            s.recv(16)
        return _refused(old)

    procs.wait_for("keystone", "refusal of an old token by every API", refused, 60)
    settle()


@fault("", lambda name: False)
def undo():
    for done in whole.calm():
        print(f"           {done}")
    away = whole.stopped()
    for name in (n for n in STORES if n in away):
        SERVICES[name].start()
        SERVICES[name].wait(SECONDS)
        print(f"           start {name}")
    for name in (n for n in away if n not in STORES):
        SERVICES[name].start()
        print(f"           start {name}")
    settle()
    if clouds.renew_token():
        print(f"           a new token in {RUN}/clouds.yaml")


# --- the command ----------------------------------------------------------------

def listing():
    for name, (words, _, _) in FAULTS.items():
        print("fault", name, *words.split())
    for name in ALL:
        print("service", name, ",".join(f for f, (_, _, takes) in FAULTS.items() if takes(name)))


def parse(words):
    """(function, its arguments), or Usage."""
    if not words:
        raise Usage("which fault? One of: list, " + ", ".join(FAULTS))
    _known(words[0], FAULTS, "fault")
    syntax, function, takes = FAULTS[words[0]]
    if len(words) - 1 != len(syntax.split()):
        raise Usage(f"usage: fault {words[0]} {syntax}".rstrip())
    arguments = words[1:]
    if arguments:
        _known(arguments[0], [n for n in ALL if takes(n)], f"service for `{words[0]}`")
    if len(arguments) > 1:
        try:
            arguments[1] = float(arguments[1])
            if not 0 < arguments[1] <= 600:
                raise ValueError
        except ValueError:
            raise Usage(f"{words[2]} is no number of seconds up to 600") from None
    return function, arguments


def _known(name, names, what):
    if name not in names:
        near = difflib.get_close_matches(name, names, 3, 0.4)
        raise Usage(f"no {what} is called {name}: " + (
            f"nearest {', '.join(near)}" if near else f"there are {', '.join(names)}"))


def main(words):
    if words == ["list"]:
        return listing()
    try:
        function, arguments = parse(words)
    except Usage as e:
        print(f"fault: {e}", file=sys.stderr)
        sys.exit(2)
    procs.lock()
    begin = time.time()
    if not (RUN / "ready").exists():
        sys.exit(f"fault: the cloud of {RUN} is not up")
    try:
        function(*arguments)
    except procs.Failure as f:
        sys.exit(f.report())
    print(f"{time.time() - begin:7.1f} s  {' '.join(words)}")


if __name__ == "__main__":
    main(sys.argv[1:])
