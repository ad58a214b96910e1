//! What nova says when something goes wrong, word for word.

use super::cloud::Fault;
use super::time::Time;

const NO_VALID_HOST: &str = "No valid host was found. ";

/// Nobody had room, or was there.
pub fn no_valid_host(at: Time) -> Fault {
    Fault { code: 500, message: NO_VALID_HOST.to_owned(), details: no_valid_host_traceback(), at }
}

/// The guest stopped by itself and cannot be started.
pub fn crashed(at: Time) -> Fault {
    Fault {
        code: 500,
        message: "internal error: qemu unexpectedly closed the monitor".to_owned(),
        details: "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/nova/virt/libvirt/guest.py\", \
                  line 165, in launch\n    return self._domain.createWithFlags(flags)\nlibvirt.libvirtError: internal error: \
                  qemu unexpectedly closed the monitor\n"
            .to_owned(),
        at,
    }
}

/// The build failed where it was tried.
pub fn build_aborted(instance: &str, why: &str, at: Time) -> Fault {
    Fault {
        code: 500,
        message: format!("Build of instance {instance} aborted: {why}"),
        details: format!(
            "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/nova/compute/manager.py\", line 2475, \
             in _do_build_and_run_instance\n    self._build_and_run_instance(context, instance, image,\n  File \
             \"/usr/lib/python3/dist-packages/nova/compute/manager.py\", line 2716, in _build_and_run_instance\n    raise \
             exception.BuildAbortException(\nnova.exception.BuildAbortException: Build of instance {instance} aborted: {why}\n"
        ),
        at,
    }
}

/// An operation on a guest failed.
pub fn operation_failed(why: &str, at: Time) -> Fault {
    Fault {
        code: 500,
        message: why.to_owned(),
        details: format!(
            "Traceback (most recent call last):\n  File \"/usr/lib/python3/dist-packages/nova/compute/manager.py\", line 204, in \
             decorated_function\n    return function(self, context, *args, **kwargs)\nlibvirt.libvirtError: {why}\n"
        ),
        at,
    }
}

fn no_valid_host_traceback() -> String {
    let conductor = "/usr/lib/python3/dist-packages/nova/conductor/manager.py";
    format!(
        "Traceback (most recent call last):\n  File \"{conductor}\", line 1587, in schedule_and_build_instances\n    \
         host_lists = self._schedule_instances(context, request_specs[0],\n  File \"{conductor}\", line 940, in \
         _schedule_instances\n    host_lists = self.query_client.select_destinations(\nnova.exception_Remote.\
         NoValidHost_Remote: {NO_VALID_HOST}\nTraceback (most recent call last):\n\n  File \"/usr/lib/python3/\
         dist-packages/nova/scheduler/manager.py\", line 209, in select_destinations\n    raise \
         exception.NoValidHost(reason=\"\")\n\nnova.exception.NoValidHost: {NO_VALID_HOST}\n\n"
    )
}

/// Why guests do not spawn.
pub const SPAWN_FAILURES: [&str; 3] = [
    "Failed to allocate the network(s), not rescheduling.",
    "internal error: process exited while connecting to monitor: qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    "Unable to create image: [Errno 28] No space left on device",
];

/// Why operations on guests fail.
pub const OPERATION_FAILURES: [&str; 2] = [
    "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainCreateWithFlags)",
    "Requested operation is not valid: domain is not running",
];

/// An operator set it to ERROR by hand.
pub fn reset(at: Time) -> Fault {
    Fault {
        code: 500,
        message: "Instance state was reset by an administrator".to_owned(),
        details: String::new(),
        at,
    }
}
