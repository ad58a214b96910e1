"""Bring the brokers up: what runs is left alone, what is missing begins anew."""
import json
import shutil
import socket
import sys
import time

from settings import (ACCOUNTS, BROKEN, CLUSTER, DATA, EPMD, HOST, MANY_VHOST, NODES, ODD_VHOST,
                      PID, RUN, TLS, VHOST)
import nodes
import procs
import seed

PYTHON = "/usr/bin/python3"


def phase(name, since):
    print(f"{time.time() - since:7.1f} s  {name}", flush=True)


def up():
    since = time.time()
    if (RUN / "ready").exists() and all(map(procs.alive, ["epmd", "clients", *map(nodes.service, NODES)])):
        print("           it runs already; `fault undo` mends what is broken")
        return
    end()
    shutil.rmtree(DATA, ignore_errors=True)
    nodes.configure()
    procs.start("epmd", ["epmd", "-port", str(EPMD), "-address", HOST], port=EPMD)
    procs.wait_for("epmd", "answer", lambda: socket.create_connection((HOST, EPMD), 1).close() is None)
    phase("configured", since)
    # One after the other: a node that finds nobody begins a cluster of its own.
    for number in NODES:
        nodes.start(number)
        procs.wait_for(nodes.service(number), "answer", lambda n=number: nodes.answers(n), 120)
        phase(f"{NODES[number]['name']}", since)
    seed.seed()
    procs.start("clients", [PYTHON, "-B", seed.__file__, "consume"])
    settle()
    phase("seeded", since)
    (RUN / "lab.json").write_text(json.dumps({
        "host": HOST, "cluster": CLUSTER, "nodes": {str(n): node for n, node in NODES.items()},
        "accounts": ACCOUNTS, "tls": str(TLS),
        "vhost": VHOST, "odd_vhost": ODD_VHOST, "many_vhost": MANY_VHOST}))
    (RUN / "ready").touch()
    print("READY")


def settle(seconds=120):
    """Until both nodes see the cluster well, and every consumer is back."""
    for number in NODES:
        procs.wait_for(nodes.service(number), "whole cluster", lambda n=number: nodes.is_well(n), seconds)
    procs.wait_for("clients", "consumer on every queue that has one", seed.is_whole, seconds)


def end():
    (RUN / "ready").unlink(missing_ok=True)
    if not PID.is_dir():
        return
    procs.stop(["clients"], 3)
    # What is there is not kept: nothing is lost by not asking.
    procs.stop([*map(nodes.service, NODES)], 0)
    procs.stop(["epmd"], 3)
    procs.stop_marked()
    shutil.rmtree(BROKEN, ignore_errors=True)


if __name__ == "__main__":
    procs.lock()
    try:
        up()
    except procs.Failure as failure:
        # Two nodes that find each other twice at once take 3.10's statistics down for good
        # (`rabbit_net:dist_info`, case_clause): it deserves one retry.
        print(f"{failure.report()}\nonce more", file=sys.stderr, flush=True)
        try:
            up()
        except procs.Failure as failure:
            sys.exit(failure.report())
