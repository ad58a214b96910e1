"""What the brokers hold: OpenStack's queues over both nodes, and names as strange as they may be.

The tables here are the reference. `seed.py consume` is whoever takes from them, until it is ended: named as
oslo.messaging names its connections, coming back after every failure as its services do.
"""
import concurrent.futures
import os
import sys
import threading
import time
import urllib.parse
import uuid

import amqp

from settings import ACCOUNTS, HOST, MANY_VHOST, NODES, ODD_VHOST, VHOST
import nodes

USER = "openstack"
# oslo.messaging's: 30 minutes without use.
EXPIRES = {"x-expires": 1_800_000}

# name: (node, arguments, messages, programs that take from it). No stream: in 3.10 its writer does not come back
# after a partition of two nodes.
QUEUES = {
    "conductor": (1, {}, 0, ["nova-conductor", "nova-conductor"]),
    "conductor.ctl01": (1, {}, 0, ["nova-conductor", "nova-conductor"]),
    "scheduler": (2, {}, 0, ["nova-scheduler"]),
    "scheduler.ctl01": (2, {}, 0, ["nova-scheduler"]),
    "compute": (1, {}, 0, ["nova-compute", "nova-compute", "nova-compute"]),
    "compute.cmp01": (1, {}, 0, ["nova-compute"]),
    "compute.cmp02": (1, {}, 0, ["nova-compute"]),
    "compute.cmp03": (2, {}, 0, ["nova-compute"]),
    "q-plugin": (1, {}, 0, ["neutron-server"]),
    "q-reports-plugin": (1, {}, 0, ["neutron-server"]),
    "dhcp_agent": (1, {}, 0, ["neutron-dhcp-agent"]),
    "dhcp_agent.net01": (1, {}, 0, ["neutron-dhcp-agent"]),
    "l3_agent": (1, {}, 0, ["neutron-l3-agent"]),
    "l3_agent.net01": (1, {}, 0, ["neutron-l3-agent"]),
    "cinder-volume.vol01@ceph": (2, {}, 0, ["cinder-volume"]),
    # Its consumer takes three and acknowledges none.
    "cinder-scheduler": (1, {}, 5, ["cinder-scheduler"]),
    "notifications.info": (1, {}, 37, []),
    "notifications.error": (2, {}, 3, []),
    "engine": (1, {"x-queue-type": "quorum"}, 0, ["heat-engine"]),
    f"reply_{'0a' * 16}": (1, EXPIRES, 0, ["nova-conductor"]),
    f"compute_fanout_{'0b' * 16}": (2, EXPIRES, 0, ["nova-compute"]),
}
PREFETCH = 3

# Names that mean something to a shell, a URL, a terminal or a table; the messages in each.
ODD = {
    "two words": 2, "a/b/../c": 0, "100%": 1, "%2F": 0, "?a=b&c#d": 0, "🐇": 3, "前端\u202e": 0,
    "\x1b[31mred\x07": 1, "\x1b]52;c;aGk=\x07": 0, "tab\there": 0, "quote'\"\\": 0,
    "x" * 255: 0,
}


def connect(number, vhost=VHOST, program="seed"):
    connection = amqp.Connection(
        f"{HOST}:{NODES[number]['amqp']}", userid=USER, password=ACCOUNTS[USER]["password"],
        virtual_host=vhost, connect_timeout=10,
        client_properties={"connection_name": f"{program}:{os.getpid()}:{uuid.uuid4()}"})
    connection.connect()
    return connection


def declare(channel, name, arguments):
    transient = "x-expires" in arguments
    channel.queue_declare(name, durable=not transient, auto_delete=False, arguments=arguments)


def fill(channel, name, messages):
    for number in range(messages):
        message = amqp.Message(f"{number}", delivery_mode=2)
        channel.basic_publish_confirm(message, routing_key=name, mandatory=True)


def seed():
    for number in NODES:
        with connect(number) as connection:
            channel = connection.channel()
            for name, (node, arguments, messages, _) in QUEUES.items():
                if node == number:
                    declare(channel, name, arguments)
                    fill(channel, name, messages)
    with connect(1, ODD_VHOST) as connection:
        channel = connection.channel()
        for name, messages in ODD.items():
            declare(channel, name, {})
            fill(channel, name, messages)


def is_whole():
    """Every queue is there with what the tables say, and measured."""
    columns = "name,messages,consumers"
    for vhost, table in ((VHOST, {name: (row[2], len(row[3])) for name, row in QUEUES.items()}),
                         (ODD_VHOST, {name: (messages, 0) for name, messages in ODD.items()})):
        rows = nodes.api(1, f"/queues/{urllib.parse.quote(vhost, safe='')}?columns={columns}")
        found = {row["name"]: (row.get("messages"), row.get("consumers")) for row in rows}
        wrong = {name: (found.get(name), row) for name, row in table.items() if found.get(name) != row}
        if wrong:
            raise ValueError(f"is, should be: {dict(list(wrong.items())[:4])}")
    return True


CHANNELS = 4


def many(count):
    """So many queues more, on their own vhost: over a few channels, without waiting for each answer."""
    def declare_each(first):
        with connect(1, MANY_VHOST) as connection:
            channel = connection.channel()
            names = [f"compute.host{number:05}" for number in range(first, count, CHANNELS)]
            for name in names:
                channel.queue_declare(name, auto_delete=False, nowait=True)
            # The answer to one that waits says that those before it are there.
            channel.queue_declare(names[-1], auto_delete=False)

    with concurrent.futures.ThreadPoolExecutor(CHANNELS) as pool:
        list(pool.map(declare_each, range(CHANNELS)))


# --- who takes from them --------------------------------------------------------

def consume(name, arguments, program):
    """One process of a service: by the first node that answers, again and again."""
    failures = 0
    while True:
        try:
            number = list(NODES)[failures % len(NODES)]
            with connect(number, program=program) as connection:
                channel = connection.channel()
                channel.basic_qos(0, PREFETCH, False)
                declare(channel, name, arguments)
                channel.basic_consume(name, callback=lambda _: None)
                while True:
                    connection.drain_events()
        except Exception as error:  # whatever it is, a service comes back
            failures += 1
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            time.sleep(0.5)


def consume_all():
    for name, (_, arguments, _, programs) in QUEUES.items():
        for program in programs:
            threading.Thread(target=consume, args=(name, arguments, program), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:] != ["consume"]:
        sys.exit("usage: seed.py consume")
    consume_all()
