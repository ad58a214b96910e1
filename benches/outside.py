"""What is measured of whole processes, for benches/run: rows of its table.

`outside.py [--ostui PATH]`: the same list of instances through stackwatch and its
peers, over a simulated cloud of 4,000 that stands still; and the whole dashboard's memory
over one of 100,000. The openstack CLI comes from tests/cli/install; ostui is the program
of the crate openstack_tui.
`outside.py --long [SECONDS]`: an hour over a cloud of 100,000 that moves.
"""
import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STACKWATCH = ROOT / "target/release/stackwatch"
CLI = ROOT / "run/cli/bin/openstack"
# A full-screen program has read all when it has used less than this for so long.
QUIET_CPU, QUIET_SECONDS = 0.05, 8
PATIENCE = 900
# One that draws on without end is measured as far as this.
PEER_PATIENCE = 180


def environment(home, clouds):
    return {"HOME": home, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm-256color",
            "OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "admin",
            # What OpenStack's packages have left in /etc is not looked for.
            "STACKWATCH_ROOT": home}


def stat(pid):
    """CPU seconds of a process, and its peak of resident memory in MiB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return cpu, int(peak.split()[1]) / 1024


def command(argv, env):
    """A command to its end: CPU seconds, peak memory in MiB, the rows of its JSON."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen([str(word) for word in argv], env=env, stdout=out,
                                 stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{argv} ended with {child.returncode}")
        out.seek(0)
        document = json.load(out)
    rows = document["rows"] if isinstance(document, dict) else document
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, len(rows)


class Screen:
    """A full-screen program in a terminal of 200x50."""

    def __init__(self, argv, env):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], [str(word) for word in argv], env)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.seen = b""

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.terminal], [], [], left)[0]:
                try:
                    self.seen = (self.seen + os.read(self.terminal, 65536))[-65536:]
                except OSError:
                    sys.exit(f"the program has ended: {self.seen[-2000:]!r}")

    def press(self, keys):
        os.write(self.terminal, keys)

    def until(self, words):
        end = time.monotonic() + PATIENCE
        while words not in self.seen:
            if time.monotonic() > end:
                sys.exit(f"never seen: {words!r} in {self.seen[-2000:]!r}")
            self.read(0.2)

    def until_quiet(self, patience):
        """Until it has next to nothing to do any more, or patience ends; whether it did not."""
        end, since, before = time.monotonic() + patience, time.monotonic(), stat(self.pid)[0]
        while time.monotonic() - since < QUIET_SECONDS:
            self.read(0.5)
            now = stat(self.pid)[0]
            if now - before > QUIET_CPU * (time.monotonic() - since + 0.5):
                since, before = time.monotonic(), now
            if time.monotonic() > end:
                return True, *stat(self.pid)
        return False, *stat(self.pid)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def row(what, figure, unit, peer, theirs, wanted=None):
    ratio = theirs / figure if figure else float("inf")
    times = f"{ratio:.2f}" if ratio < 2 else f"{ratio:.0f} times"
    missed = " **missed**" if wanted and ratio < wanted else ""
    limit = f", wanted {wanted} times" if wanted else ""
    print(f"| {what} | {figure:.2f} {unit} | {peer}: {theirs:.2f} {unit}{limit} | "
          f"{times}{missed} |", flush=True)
    return bool(missed)


class Sim:
    """A simulated cloud, and the environment of a client that knows it."""

    def __init__(self, home, *words):
        cloud = Path(tempfile.mkdtemp(dir=home)) / "cloud"
        self.process = subprocess.Popen([STACKWATCH, "sim", "--scenario", "scale", "--dir", cloud, *words],
                                        stdout=subprocess.PIPE, text=True)
        next(line for line in self.process.stdout if line.startswith("try"))
        self.env = environment(home, cloud / "clouds.yaml")

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def whole(home):
    """Whether the dashboard over the whole cloud, with everything read, was too large."""
    sim, figures = Sim(home, "--speed", "0"), []
    for settings in ({}, {"MALLOC_ARENA_MAX": "16"}):
        dashboard = Screen([str(STACKWATCH), "--pane", "instances"], {**sim.env, **settings})
        dashboard.until(b"of ")
        restless, *figure = dashboard.until_quiet(PATIENCE)
        dashboard.close()
        if restless:
            sys.exit("the dashboard never comes to rest")
        figures.append(figure)
    sim.close()
    (cpu, memory), (their_cpu, their_memory) = figures
    print(f"| dashboard over 100,000 instances until at rest, peak memory | {memory:.0f} MiB | 150 MiB | "
          f"{memory / 150:.2f}{' **missed**' if memory > 150 else ''} |")
    row("the same", memory, "MiB", "with glibc's heap for each thread", their_memory)
    row("the same, CPU", cpu, "s", "with glibc's heap for each thread", their_cpu)
    return memory > 150


def peers(sim, ostui):
    """Whether a peer was not beaten by what was wanted."""
    # The middle of three: it takes a fraction of a second, where theirs takes many.
    ours = sorted(command([STACKWATCH, "show", "instances", "-o", "json"], sim.env) for _ in range(3))[1]
    theirs = command([CLI, "server", "list", "--all-projects", "-f", "json"], sim.env)
    if ours[2] != theirs[2]:
        sys.exit(f"{ours[2]} rows and {theirs[2]} are not the same list")
    missed = row(f"`show instances`, {ours[2]} rows, CPU", ours[0], "s",
                 "`openstack server list --all-projects`", theirs[0], 50)
    row("the same, peak memory", ours[1], "MiB", "the same", theirs[1])

    dashboard = Screen([str(STACKWATCH), "--pane", "instances"], sim.env)
    dashboard.until(b"of ")
    restless, cpu, memory = dashboard.until_quiet(PATIENCE)
    dashboard.close()
    if restless:
        sys.exit("the dashboard never comes to rest")
    print(f"| dashboard over {ours[2]} rows until at rest, CPU | {cpu:.2f} s | | |")
    print(f"| the same, peak memory | {memory:.0f} MiB | | |", flush=True)
    if ostui:
        peer = Screen([ostui, "--os-cloud", "admin"], sim.env)
        for keys, seconds in ((b"", 5), (b":", 1), (b"servers", 1), (b"\r", 5), (b"1", 1)):
            peer.press(keys)
            peer.read(seconds)
        restless, their_cpu, their_memory = peer.until_quiet(PEER_PATIENCE)
        peer.close()
        name = f"`ostui`, not at rest after {PEER_PATIENCE} s" if restless else "`ostui`"
        missed |= row("dashboard, CPU", cpu, "s", name, their_cpu, 50)
        row("dashboard, peak memory", memory, "MiB", name, their_memory)
    return missed


def long(sim, seconds):
    """Whether memory was too much, or grew from the second quarter of the time to the last."""
    dashboard = Screen([str(STACKWATCH), "--pane", "instances"], sim.env)
    samples = []
    for _ in range(int(seconds / 10)):
        dashboard.read(10)
        status = Path(f"/proc/{dashboard.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        samples.append(int(line.split()[1]) / 1024)
    cpu, peak = stat(dashboard.pid)
    dashboard.close()
    half, quarter = len(samples) // 2, len(samples) // 4
    before = sum(samples[quarter:half]) / (half - quarter)
    after = sum(samples[-quarter:]) / quarter
    print(f"| {seconds} s of churn at 100,000 instances, CPU | {100 * cpu / seconds:.1f} % of a core | | |")
    print(f"| the same, peak memory | {peak:.0f} MiB | 150 MiB | {peak / 150:.2f}"
          f"{' **missed**' if peak > 150 else ''} |")
    grown = after / before
    print(f"| memory in the last quarter | {after:.1f} MiB | the second quarter: {before:.1f} MiB, at most 1.05 times |"
          f" {grown:.3f}{' **missed**' if grown > 1.05 else ''} |", flush=True)
    return peak > 150 or grown > 1.05


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--ostui", help="the program, if it is to be measured too")
    options.add_argument("--long", nargs="?", type=int, const=3600, help="seconds of churn")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as home:
        words = [] if asked.long else ["--hypervisors", "400", "--instances", "4000", "--speed", "0"]
        sim = Sim(home, *words)
        try:
            missed = long(sim, asked.long) if asked.long else peers(sim, asked.ostui)
        finally:
            sim.close()
        if not asked.long:
            missed |= whole(home)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
