"""End what `up` has started; nothing but logs stays."""
import shutil
import sys
import time

from settings import LOG, OUT, RUN
import procs
import up

if __name__ == "__main__":
    procs.lock()
    begin = time.time()
    up.end()
    for path in RUN.iterdir():
        if path in (LOG, OUT, RUN / "lock"):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    print(f"{time.time() - begin:7.1f} s  down")
    left = procs.marked()
    if left:
        sys.exit(f"still alive: {left}")
