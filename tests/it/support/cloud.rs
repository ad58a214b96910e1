//! The real cloud that `tests/run` brings up, its faults, and the openstack CLI.
