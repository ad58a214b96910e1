"""Nova's own fake hypervisor, with guests that outlive nova-compute.

As shipped it forgets them when its process ends: they stay ACTIVE without a
power state, and pause, stop or resize fail from then on. A real hypervisor
knows its guests; this one asks for them at the start.
"""
from nova import context, objects
from nova.compute import power_state
from nova.virt import fake


class MediumFakeDriver(fake.MediumFakeDriver):
    def init_host(self, host):
        super().init_host(host)
        for i in objects.InstanceList.get_by_host(
                context.get_admin_context(), host, expected_attrs=["flavor", "info_cache"]):
            if i.power_state in (None, power_state.NOSTATE):
                continue  # it was never spawned
            self.instances[i.uuid] = fake.FakeInstance(i.name, i.power_state, i.uuid)
            self.resources.claim(i.flavor.vcpus, i.flavor.memory_mb, i.flavor.root_gb)
            for vif in i.get_network_info() or ():
                self._interfaces[vif["id"]] = vif
