//! The tests over a real OpenStack, side by side with the openstack CLI.
