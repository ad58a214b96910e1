"""What is broken, seen from the machine itself: undoing needs no memory of faults."""
import signal

import procs
from services import AGENTS, SERVICES
from settings import OFF, SLOW


def stopped():
    return [n for n in SERVICES if not procs.alive(n)]


def frozen():
    return [n for n in SERVICES if procs.frozen(n)]


def slowed():
    """Seconds of delay by service."""
    return {p.name: p.read_text().strip() for p in SLOW.iterdir()} if SLOW.is_dir() else {}


def silent():
    return [n for n in AGENTS if host_file(n).exists()]


def host_file(agent):
    return OFF / agent.removeprefix("neutron-agent-")


def broken():
    """All services with a fault in force."""
    return {*stopped(), *frozen(), *slowed(), *silent()}


def calm():
    """End every fault that no process has to be started for. What was undone."""
    done = []
    for name in slowed():
        (SLOW / name).unlink()
        done.append(f"fast {name}")
    for name in silent():
        host_file(name).unlink()
        procs.renew(name)
        done.append(f"start {name}")
    for name in frozen():
        procs.send(name, signal.SIGCONT)
        procs.renew(name)
        done.append(f"thaw {name}")
    return done
