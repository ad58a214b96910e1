"""One line a service: up, down, frozen, slow or silent; does it answer. 0 if all is well."""
import sys
from concurrent.futures import ThreadPoolExecutor

import api
import procs
import whole
from services import AGENTS, SERVICES
from settings import PORTS


def answer(service):
    """"answers", or what it is that does not."""
    try:
        return "answers" if service.answers() else "does not answer"
    except Exception as e:  # of whatever kind: this is the news
        return f"does not answer: {type(e).__name__}: {e}".splitlines()[0][:120]


def state(name):
    if name in whole.silent():
        return "silent"
    if name in AGENTS:
        return "up"
    if not procs.alive(name):
        return "down"
    return "frozen" if procs.frozen(name) else "slow" if name in whole.slowed() else "up"


def main():
    api.TIMEOUT = 5  # a frozen one is news, not something to wait for
    everything = SERVICES | AGENTS
    with ThreadPoolExecutor(16) as pool:
        answers = dict(zip(everything, pool.map(answer, everything.values())))
    well = True
    for name in everything:
        is_, said = state(name), answers[name]
        well = well and is_ == "up" and said == "answers"
        port = f"port {PORTS[name]}" if name in PORTS else ""
        print(f"{is_:<7} {name:<26} pid {procs.group_of(name)[0] or '-':<7} {port:<11} {said}")
    sys.exit(0 if well else 1)


main()
