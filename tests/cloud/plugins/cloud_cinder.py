"""What cinder needs here: a repair, a driver, and a way to start with both.

Debian's oslo.messaging 14.0.3-0+deb12u1 strips a context before it notifies,
and cinder 21.3.1 then refuses the stripped one (`read_deleted … not None`):
every volume and type created is answered 500. Nothing in /usr is edited;
cinder is started through the repair instead.
"""
import sys


def repair_context():
    from cinder import context
    original = context.RequestContext.from_dict.__func__

    def from_dict(cls, values):
        return original(cls, values | {"read_deleted": values.get("read_deleted") or "no"})

    context.RequestContext.from_dict = classmethod(from_dict)


def __getattr__(name):
    # Built when cinder asks for it: at the import above it is too early.
    if name != "FiniteDriver":
        raise AttributeError(name)
    from cinder.tests import fake_driver

    class FiniteDriver(fake_driver.FakeLoggingVolumeDriver):
        """Cinder's own fake, with a capacity and the name it is configured with."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.backend_name = self.configuration.safe_get("volume_backend_name")
            self.protocol = "iSCSI"

        def _update_volume_stats(self):
            super()._update_volume_stats()
            # No volumes are looked up: the manager counts what it allocates.
            self._stats["pools"][0] |= {
                "total_capacity_gb": 2000, "free_capacity_gb": 1950,
                "reserved_percentage": 0, "thin_provisioning_support": True,
                "max_over_subscription_ratio": "20.0", "multiattach": True,
                "replication_enabled": False, "group_replication_enabled": False}

    globals()[name] = FiniteDriver
    return FiniteDriver


if __name__ == "__main__":
    # cloud_cinder.py volume|scheduler --config-file …
    import importlib
    command = importlib.import_module(f"cinder.cmd.{sys.argv.pop(1)}")
    repair_context()
    sys.exit(command.main())
