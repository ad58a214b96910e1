"""What polling costs a real broker with many queues: stackwatch beside the management UI's own page.

`brokers.py [--seconds 180] [--queues 10000] [--stackwatch PATH]`: rows for benches/run's table. Needs
`tests/brokers/up`. Exits with 1 if a frame took longer than a frame may.
"""
import argparse
import base64
import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
import urllib.request
from pathlib import Path

from outside import STACKWATCH, Screen, stat

ROOT = Path(__file__).resolve().parent.parent
RUN = Path(os.environ.get("STACKWATCH_BROKERS") or ROOT / "run/brokers")
# What the UI's Queues page asks each 5 s, unless the last answer is still under way.
PAGE = ["/api/overview", "/api/vhosts",
        "/api/queues?page=1&page_size=100&name=&use_regex=false&pagination=true"]
UI_EVERY = 5
# What a frame may take, in ms: 60 a second.
FRAME = 16


def broker_cpu():
    """CPU seconds of the broker so far."""
    return stat((RUN / "pid/rabbitmq-1").read_text().split()[0])[0]


def cost(seconds, do):
    """Runs it for so long: the broker's CPU in percent of a core, and what `do` returns."""
    before, begun = broker_cpu(), time.monotonic()
    extra = do(begun + seconds)
    return 100 * (broker_cpu() - before) / (time.monotonic() - begun), extra


def idle(until):
    time.sleep(until - time.monotonic())


def ui(until, lab):
    login = base64.b64encode(f"stackwatch:{lab['accounts']['stackwatch']['password']}".encode()).decode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    rounds, took = 0, 0
    while time.monotonic() < until:
        begun = time.monotonic()
        for path in PAGE:
            url = f"http://{lab['host']}:{lab['nodes']['1']['management']}{path}"
            with opener.open(urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})) as answer:
                answer.read()
        rounds, took = rounds + 1, took + time.monotonic() - begun
        time.sleep(max(0, min(begun + UI_EVERY, until) - time.monotonic()))
    return f"{rounds} rounds, {took / rounds:.1f} s each"


def dashboard(until, lab, home, program):
    config = Path(home) / "config.toml"
    config.write_text(
        f"[broker]\nname = 'bench'\nuser = 'stackwatch'\n"
        f"password = '{lab['accounts']['stackwatch']['password']}'\n"
        f"management = 'http://{lab['host']}:{lab['nodes']['1']['management']}'\n"
        f"metrics = 'http://{lab['host']}:{lab['nodes']['1']['prometheus']}'\n")
    # No cloud: the brokers are read all the same.
    env = {"HOME": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color",
           "OS_AUTH_URL": f"http://{lab['host']}:1/v3", "OS_USERNAME": "nobody", "OS_PASSWORD": "none"}
    screen = Screen([program, "--pane", "rabbitmq", "--config", str(config)], env)
    screen.until(b"queues")
    while time.monotonic() < until:
        # A key now and then, as somebody who looks.
        screen.press(b"j")
        screen.read(min(2, until - time.monotonic() + 0.01))
    cpu, memory = stat(screen.pid)
    screen.press(b":sources\r")
    screen.read(1)
    # Another size draws every cell anew: what stood there already would be left out.
    screen.seen = b""
    fcntl.ioctl(screen.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    screen.read(2)
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b" ", screen.seen).decode(errors="replace")
    frames = re.search(r"(\d+) +frames +drawn, +the +slowest +in +([\d.]+) +ms", text)
    screen.close()
    return cpu, memory, int(frames[1]), float(frames[2])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=180)
    options.add_argument("--queues", type=int, default=10_000)
    options.add_argument("--stackwatch", default=str(STACKWATCH), help="the program, else the release build")
    asked = options.parse_args()
    lab = json.loads((RUN / "lab.json").read_text())
    fault = ROOT / "tests/brokers/fault"
    # One node alone: its queues are all its own, and so is the work of answering.
    for words in (["stop", "2"], ["queues", str(asked.queues)]):
        subprocess.run([fault, *words], check=True, stdout=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory() as home:
            rest, _ = cost(asked.seconds, idle)
            print(f"| broker with {asked.queues:,} queues, nobody asks, CPU | {rest:.1f} % of a core | | |",
                  flush=True)
            ours, (cpu, memory, frames, slowest) = cost(
                asked.seconds, lambda until: dashboard(until, lab, home, asked.stackwatch))
            theirs, rounds = cost(asked.seconds, lambda until: ui(until, lab))
        print(f"| what stackwatch's polling adds to it | {ours - rest:.1f} % of a core | "
              f"the management UI's Queues page, {rounds}: {theirs - rest:.1f} % of a core | "
              f"{(ours - rest) / (theirs - rest):.2f} |")
        late = slowest > FRAME
        print(f"| the dashboard meanwhile, slowest of {frames} frames | {slowest:.1f} ms | {FRAME} ms | "
              f"{slowest / FRAME:.2f}{' **missed**' if late else ''} |")
        print(f"| the same, CPU and memory | {100 * cpu / asked.seconds:.1f} % of a core, {memory:.0f} MiB | | |",
              flush=True)
    finally:
        # Killed it forgets them at once.
        for words in (["kill", "1"], ["undo"]):
            subprocess.run([fault, *words], check=True, stdout=subprocess.DEVNULL)
    return 1 if late else 0


sys.exit(main())
