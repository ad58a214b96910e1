"""Make and unmake what tests need: `fault NAME …`, see README.md.

What was broken otherwise than by ending a process is noted in broken/, so `undo` is right whoever broke it.
"""
import difflib
import signal
import sys
import time

from settings import BROKEN, COOKIE, DISK, MEMORY, NODES, RUN
import nodes
import procs
import seed
import up
from nodes import service

FAULTS = {}  # name: (words after it, function)


class Usage(Exception):
    """A name or a number that is none."""


def fault(words=""):
    def add(function):
        FAULTS[function.__name__.replace("_", "-")] = (words, function)
        return function
    return add


def note(what):
    (BROKEN / what).touch()


def mended(what):
    (BROKEN / what).unlink(missing_ok=True)


def is_noted(what):
    return (BROKEN / what).exists()


# --- a node ---------------------------------------------------------------------

@fault("NODE")
def stop(number):
    thaw_process(number)
    procs.stop([service(number)], 60)


@fault("NODE")
def kill(number):
    procs.stop([service(number)], 5, signal.SIGKILL)


@fault("NODE")
def start(number):
    nodes.start(number)
    procs.wait_for(service(number), "answer", lambda: nodes.answers(number), 120)


@fault("NODE")
def freeze(number):
    if not procs.send(service(number), signal.SIGSTOP):
        raise procs.Failure(service(number), "is not running")
    procs.wait_for(service(number), "stop by the signal", lambda: procs.frozen(service(number)), 5)


@fault("NODE")
def thaw(number):
    thaw_process(number)
    procs.wait_for(service(number), "answer", lambda: nodes.answers(number), 120)


def thaw_process(number):
    procs.send(service(number), signal.SIGCONT)


# --- between the nodes -----------------------------------------------------------

def cookie_for_the_other(cookie):
    """What node 1 takes for the secret of node 2: with a wrong one neither lets the other in."""
    name = NODES[2]["name"]
    nodes.ctl(1, "eval", f"erlang:set_cookie('{name}', '{cookie}'), erlang:disconnect_node('{name}').")


def sees_alone(number):
    rows = nodes.api(number, "/nodes")
    return [row["name"] for row in rows if row.get("running")] == [NODES[number]["name"]]


@fault()
def cut():
    """The nodes do not reach each other, and their clients reach both."""
    note("cut")
    cookie_for_the_other("another")
    for number in NODES:
        procs.wait_for(service(number), "sight of the other node gone", lambda n=number: sees_alone(n), 60)


@fault()
def join():
    """They reach each other again, and find that both went on: a partition that lasts."""
    note("partition")
    cookie_for_the_other(COOKIE)
    nodes.ctl(1, "eval", f"net_adm:ping('{NODES[2]['name']}').")
    mended("cut")

    def partitioned():
        return any(row.get("partitions") for n in NODES for row in nodes.api(n, "/nodes"))
    procs.wait_for(service(1), "partition", partitioned, 60)


@fault()
def partition():
    cut()
    join()


@fault()
def heal():
    if is_noted("cut"):
        join()
    nodes.ctl(2, "stop_app")
    nodes.ctl(2, "start_app")
    mended("partition")


# --- alarms, plugins --------------------------------------------------------------

@fault("NODE")
def memory_alarm(number):
    note(f"memory-{number}")
    nodes.ctl(number, "set_vm_memory_high_watermark", "0")


@fault("NODE")
def disk_alarm(number):
    note(f"disk-{number}")
    nodes.ctl(number, "set_disk_free_limit", "999999GB")


@fault("NODE")
def no_alarm(number):
    if is_noted(f"memory-{number}"):
        nodes.ctl(number, "set_vm_memory_high_watermark", MEMORY)
        mended(f"memory-{number}")
    if is_noted(f"disk-{number}"):
        nodes.ctl(number, "set_disk_free_limit", DISK)
        mended(f"disk-{number}")


@fault("NODE")
def plugin_off(number):
    note(f"plugin-{number}")
    nodes.ctl(number, "disable", "rabbitmq_management", program="rabbitmq-plugins")


@fault("NODE")
def plugin_on(number):
    nodes.ctl(number, "enable", "rabbitmq_management", program="rabbitmq-plugins")
    mended(f"plugin-{number}")


def collect_statistics(number, do):
    off = "false" if do else "true"
    nodes.ctl(number, "eval",
              f"application:set_env(rabbitmq_management_agent, disable_metrics_collector, {off}).")


@fault("NODE")
def no_statistics(number):
    """As `management_agent.disable_metrics_collector = true`: the API lists queues without their figures."""
    note(f"statistics-{number}")
    collect_statistics(number, False)


@fault("NODE")
def statistics(number):
    collect_statistics(number, True)
    mended(f"statistics-{number}")


# --- queues -----------------------------------------------------------------------

@fault("COUNT")
def queues(count):
    note("queues")
    seed.many(count)


@fault()
def no_queues():
    """They are transient: without their node they go at once, where deleting them takes a minute."""
    kill(1)
    start(1)
    mended("queues")


# --- all of them ------------------------------------------------------------------

def back(number):
    """Waits for a node that was started. RabbitMQ 3.10 ends when it asks a peer that starts at the same moment for
    its feature flags (`badmap` in rabbit_feature_flags): then it is started once more."""
    try:
        procs.wait_for(service(number), "answer", lambda: nodes.answers(number), 120)
    except procs.Failure:
        if procs.alive(service(number)):
            raise
        start(number)


@fault()
def undo():
    away = [n for n in NODES if not procs.alive(service(n))]
    for number in NODES:
        thaw_process(number)
    # Those that ended together may wait for each other: first all are started.
    for number in away:
        nodes.start(number)
    for number in NODES:
        if number in away:
            # A limit that was set at run time went with the process.
            mended(f"memory-{number}")
            mended(f"disk-{number}")
            mended(f"statistics-{number}")
            if number == 1:
                mended("queues")
        if is_noted(f"plugin-{number}"):
            nodes.ctl(number, "await_startup")
            plugin_on(number)
        back(number)
        no_alarm(number)
        if is_noted(f"statistics-{number}"):
            statistics(number)
    if is_noted("cut") or is_noted("partition"):
        heal()
    if is_noted("queues"):
        no_queues()
    up.settle()


@fault()
def settle():
    """Breaks nothing: returns when all is well."""
    up.settle()


def parse(words):
    """(function, its arguments), or Usage."""
    name = words[0] if words else ""
    if name not in FAULTS:
        near = difflib.get_close_matches(name, FAULTS, 3, 0.4)
        raise Usage(f"there is no fault `{name}`: " + ", ".join(near or FAULTS))
    syntax, function = FAULTS[name]
    try:
        numbers = [int(word) for word in words[1:]]
    except ValueError:
        numbers = None
    if numbers is None or len(numbers) != len(syntax.split()):
        raise Usage(f"usage: fault {name} {syntax}".rstrip())
    if syntax == "NODE" and numbers[0] not in NODES:
        raise Usage(f"there is no node {numbers[0]}")
    return function, numbers


def main(words):
    try:
        function, numbers = parse(words)
    except Usage as usage:
        print(f"fault: {usage}", file=sys.stderr)
        sys.exit(2)
    procs.lock()
    begin = time.time()
    if not (RUN / "ready").exists():
        sys.exit(f"fault: the brokers of {RUN} are not up")
    try:
        function(*numbers)
    except procs.Failure as failure:
        sys.exit(failure.report())
    print(f"{time.time() - begin:7.1f} s  {' '.join(words)}")


if __name__ == "__main__":
    main(sys.argv[1:])
