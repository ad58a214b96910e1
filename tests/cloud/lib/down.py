"""End what `up` has started, and nothing else; the data stay."""
import sys
import time

import network
import procs
from services import SERVICES, STORES
from settings import PID, RUN


def down():
    if not PID.is_dir():
        return
    (RUN / "ready").unlink(missing_ok=True)
    procs.stop([s for s in SERVICES if s not in STORES], 8)
    procs.stop(["mariadb", "rabbitmq", "memcached"], 20)
    procs.stop(["epmd"], 3)
    procs.stop_marked()
    network.clean()


if __name__ == "__main__":
    procs.lock()
    begin = time.time()
    down()
    print(f"{time.time() - begin:7.1f} s  down")
    left = procs.marked()
    if left:
        sys.exit(f"still alive: {left}")
