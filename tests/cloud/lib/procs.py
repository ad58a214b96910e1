"""Start and end processes: one session each, found again by pid AND start time."""
import fcntl
import os
import signal
import subprocess
import time

from settings import ENV, LOG, MARK, OUT, PID, RUN


BEGAN = time.time()


class Failure(Exception):
    """Something did not come up: which service, why."""

    def __init__(self, service, why):
        super().__init__(f"{service}: {why}")
        self.service, self.why = service, why

    def report(self):
        lines = [f"FAILED {self.service}: {self.why}"]
        for path in (LOG / f"{self.service}.log", OUT / f"{self.service}.out"):
            # Older lines are of another run and would mislead.
            if path.exists() and path.stat().st_size and path.stat().st_mtime >= BEGAN:
                with open(path, "rb") as f:
                    f.seek(max(0, path.stat().st_size - 20000))
                    tail = f.read().decode(errors="replace").splitlines()[-20:]
                lines += [f"  log {path}, its last lines:"] + [f"    {t}" for t in tail]
        return "\n".join(lines)


_lock = None


def lock():
    """One `up`, `down` or `fault` at a time: held until this process ends."""
    global _lock
    RUN.mkdir(parents=True, exist_ok=True)
    _lock = open(RUN / "lock", "w")
    fcntl.flock(_lock, fcntl.LOCK_EX)


def _stat(pid):
    """(state, process group, session, start time) of a pid, or None."""
    try:
        text = open(f"/proc/{pid}/stat").read()
    except OSError:
        return None
    f = text.rsplit(")", 1)[1].split()
    return f[0], int(f[2]), int(f[3]), int(f[19])


def _pids():
    return [int(d) for d in os.listdir("/proc") if d.isdigit()]


def group_of(name):
    """The process group of a service and its living members, or (None, [])."""
    try:
        leader, started = map(int, (PID / name).read_text().split())
    except (OSError, ValueError):
        return None, []
    now = _stat(leader)
    if now and now[3] != started:
        return None, []  # the number has passed on to somebody else
    members = []
    for pid in _pids():
        s = _stat(pid)
        # The number of a group is not given again while a member lives.
        if s and s[0] != "Z" and s[1] == leader and s[2] == leader and s[3] >= started:
            members.append(pid)
    return (leader, members) if members else (None, [])


def alive(name):
    """True while the service's own (first) process lives."""
    leader, members = group_of(name)
    return leader in members


def frozen(name):
    """True while its first process is stopped by a signal."""
    leader, members = group_of(name)
    return leader in members and (_stat(leader) or "?")[0] in "Tt"


def started_at(name):
    """When it was started or renewed: seconds since the epoch, or 0."""
    try:
        return (PID / name).stat().st_mtime
    except OSError:
        return 0


def renew(name):
    """What it has reported until now counts no more: as if just started."""
    (PID / name).touch()


def _listener(port):
    """Who listens on a TCP port, in the words of ss; empty if nobody does."""
    return subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], env=ENV, capture_output=True,
                          text=True).stdout.strip()


def start(name, argv, env=None, cwd=None, port=None):
    """Start unless it lives. True if it was started now."""
    if alive(name):
        return False
    stop([name], 3)  # what a dead first process has left of its group
    # Else somebody else's answers there would be taken for ours.
    if port and _listener(port):
        raise Failure(name, f"port {port} is taken: {_listener(port)}")
    with open(OUT / f"{name}.out", "ab") as out:
        p = subprocess.Popen(argv, env=ENV | (env or {}), cwd=cwd or RUN, stdin=subprocess.DEVNULL,
                             stdout=out, stderr=out, start_new_session=True)
    s = _stat(p.pid)
    if s is None:
        raise Failure(name, "ended at once")
    (PID / name).write_text(f"{p.pid} {s[3]}\n")
    return True


def _reap():
    """Those of our own children that have ended: else they stay as zombies."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def send(name, sig):
    group, _ = group_of(name)
    if group:
        try:
            os.killpg(group, sig)
            return True
        except ProcessLookupError:
            pass
    return False


def stop(names, seconds, sig=signal.SIGTERM):
    """End whole groups, all at once: ask, wait, then kill."""
    names = [n for n in names if group_of(n)[0]]
    for n in names:
        send(n, sig)
        send(n, signal.SIGCONT)  # a frozen one cannot hear otherwise
    end = time.time() + seconds
    while names:
        _reap()
        names = [n for n in names if group_of(n)[0]]
        if names and time.time() > end:
            for n in names:
                send(n, signal.SIGKILL)
            end = time.time() + 5
        time.sleep(0.1)


def marked():
    """All living processes that carry this cloud's mark, except this one."""
    want = f"{MARK}={RUN}".encode()
    found = []
    for pid in _pids():
        try:
            if pid != os.getpid() and want in open(f"/proc/{pid}/environ", "rb").read().split(b"\0"):
                found.append(pid)
        except OSError:
            pass
    return found


def stop_marked():
    """What the agents started and left in sessions of their own (dnsmasq, haproxy)."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid in marked():
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        end = time.time() + 3
        while marked() and time.time() < end:
            _reap()
            time.sleep(0.1)


def tool(name, argv, env=None, ok=(0,)):
    """Run a command to its end, its output in out/NAME.out."""
    with open(OUT / f"{name}.out", "ab") as out:
        rc = subprocess.call(argv, env=ENV | (env or {}), cwd=RUN, stdin=subprocess.DEVNULL,
                             stdout=out, stderr=out)
    if rc not in ok:
        raise Failure(name, f"`{' '.join(map(str, argv[:6]))} …` ended with {rc}")


def wait_for(name, what, check, seconds=60, process=True):
    """Until `check()` is true. A process that ends meanwhile is a failure at once."""
    end, last, pause = time.time() + seconds, "", 0.1
    while True:
        try:
            if check():
                return
        except Exception as e:  # not yet: whatever the reason, it is told at the end
            last = f" ({type(e).__name__}: {e})"
        _reap()
        if process and not alive(name):
            raise Failure(name, "its process has ended")
        if time.time() > end:
            raise Failure(name, f"no {what} after {seconds:g} s{last}")
        time.sleep(pause)
        pause = min(1, pause * 1.3)  # to ask costs the others time
