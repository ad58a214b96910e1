"""Neutron agents for the compute hosts: real reports, no data plane.

A linuxbridge agent with the fake hypervisor would wait for tap devices for
ever. This one process reports the state of one agent a host over the RPC that
real agents use, and reports a port that is bound to its host as wired.
A file off/HOST silences one of them (`fault stop neutron-agent-HOST`).
"""
import eventlet
eventlet.monkey_patch()

import os  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from neutron.agent import rpc  # noqa: E402
from neutron.common import config  # noqa: E402
from neutron.conf.agent import common as agent_config  # noqa: E402
from neutron_lib import context as neutron_context  # noqa: E402
from neutron_lib.agent import topics  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_log import log  # noqa: E402
import oslo_messaging  # noqa: E402

LOG = log.getLogger("cloud.agents")
OFF = os.environ["CLOUD_OFF_DIR"]
HOSTS = os.environ["CLOUD_HOSTS"].split()


def silent(host):
    return os.path.exists(os.path.join(OFF, host))


class Ports:
    """The server tells every agent of every port; ours are those on our hosts."""
    target = oslo_messaging.Target(version="1.5")

    def __init__(self, context):
        self.context, self.plugin, self.devices = context, rpc.PluginApi(topics.PLUGIN), {}

    def port_update(self, context, **kwargs):
        port = kwargs["port"]
        host = port.get("binding:host_id")
        if host in HOSTS and not silent(host) and port.get("status") != "ACTIVE":
            eventlet.spawn_n(self.wire, port["id"], host)

    def wire(self, port, host):
        try:
            agent = f"lb-{host}"
            details = self.plugin.get_device_details(self.context, port, agent, host)
            if "port_id" in details:
                self.plugin.update_device_up(self.context, port, agent, host)
                self.devices.setdefault(host, set()).add(port)
                LOG.info("Port %s is up on %s", port, host)
        except Exception:
            LOG.exception("Port %s on %s", port, host)

    # Other news an agent gets and this one has no use for.
    def _ignore(self, context, **kwargs):
        pass

    network_update = port_delete = network_delete = _ignore
    security_groups_rule_updated = security_groups_member_updated = _ignore


def main():
    config.register_common_config_options()
    agent_config.register_agent_state_opts_helper(cfg.CONF)
    config.init(sys.argv[1:])
    config.setup_logging()
    context = neutron_context.get_admin_context_without_session()
    ports = Ports(context)
    rpc.create_consumers([ports], topics.AGENT, [[topics.PORT, topics.UPDATE]])
    reports, fresh = rpc.PluginReportStateAPI(topics.REPORTS), set(HOSTS)
    while True:
        for n, host in enumerate(HOSTS, 1):
            if silent(host):
                fresh.add(host)  # as a restarted agent would
                continue
            state = {
                "agent_type": "Linux bridge agent", "binary": "neutron-linuxbridge-agent",
                "host": host, "topic": "N/A", "configurations": {
                    "bridge_mappings": {}, "interface_mappings": {}, "extensions": [],
                    "devices": len(ports.devices.get(host, ())), "l2_population": False,
                    "tunnel_types": ["vxlan"], "tunneling_ip": f"172.16.0.{10 + n}"}}
            if host in fresh:
                state["start_flag"] = True
            try:
                reports.report_state(context, state, use_call=True)
                fresh.discard(host)
            except Exception as e:
                LOG.error("No report of %s: %s", host, e)
        time.sleep(cfg.CONF.AGENT.report_interval)


main()
