"""Start nova-compute so that it finds our driver: it loads them from nova.virt only."""
import sys
from pathlib import Path

from nova.cmd import compute  # first of all: it patches the modules of Python
import nova.virt

nova.virt.__path__.append(str(Path(__file__).parent))
sys.exit(compute.main())
