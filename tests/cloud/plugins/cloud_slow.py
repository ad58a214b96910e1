"""WSGI middleware: sleep as long as the file slow/SERVICE says, if there is one."""
import os
import time


class Slow:
    def __init__(self, application, service):
        self.application = application
        self.path = os.path.join(os.environ["CLOUD_SLOW_DIR"], service)

    def __call__(self, environ, start_response):
        try:
            with open(self.path) as f:
                time.sleep(float(f.read()))
        except (OSError, ValueError):
            pass
        return self.application(environ, start_response)


def filter_factory(global_conf, service):
    """For neutron-server, which serves by itself: a filter in its paste file."""
    return lambda application: Slow(application, service)
