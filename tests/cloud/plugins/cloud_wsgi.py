"""What uwsgi loads for every API: Debian's own WSGI script, made able to be slow."""
import os
import runpy

from cloud_slow import Slow

if os.environ["CLOUD_SERVICE"] == "cinder-api":
    import cloud_cinder
    cloud_cinder.repair_context()

application = Slow(
    runpy.run_path(os.environ["CLOUD_WSGI"], run_name="cloud")["application"],
    os.environ["CLOUD_SERVICE"])
