//! From an object to its neighbours, and back the way one came.

use super::*;

#[test]
fn from_a_hypervisor_to_its_instances_and_back_to_the_old_filter() {
    check(
        "instances",
        &[
            Press("/status=SHUTOFF<enter>"),
            Sees("3 of 25 shown"),
            Press("2i"),
            Sees("/host=cmp07"),
            Sees("3 of 25 shown"),
            Order(&["shop-api-1", "shop-api-2", "report-1"]),
            Sees("Hypervisors › Instances"),
            Press("<esc>"),
            Sees("12 of 12 shown"),
            Cursor("cmp07"),
            Press("3"),
            Sees("/status=SHUTOFF"),
            Order(&["batch-07", "orphan-1", "report-1"]),
        ],
    );
}

#[test]
fn from_an_instance_to_its_host_and_back() {
    check(
        "instances",
        &[
            Press("/lb-01<enter>o"),
            Sees("Instances › Hypervisors"),
            Cursor("cmp01"),
            Press("<esc>"),
            Cursor("lb-01"),
            Sees("1 of 25 shown"),
            // From within as well, and back into it.
            Press("<enter>o"),
            Cursor("cmp01"),
            Press("<esc>"),
            Sees("Instances › lb-01"),
            // One that stands nowhere.
            Press("<esc>/<ctrl-u>web-17<enter>o"),
            Sees("this instance stands on no host that is known"),
            Sees("1 of 25 shown"),
        ],
    );
}

#[test]
fn from_an_instance_to_all_of_its_project() {
    check(
        "instances",
        &[
            Press("/bastion<enter>p"),
            Sees("/project=ops"),
            Sees("1 of 25 shown"),
            Cursor("bastion"),
            Press("<esc>"),
            Sees("/bastion"),
            // A project that keystone does not know any more goes by its id.
            Press("/<ctrl-u>orphan-1<enter>p"),
            Sees("1 of 25 shown"),
            Cursor("orphan-1"),
        ],
    );
}

#[test]
fn ways_are_retraced_one_by_one() {
    check(
        "hypervisors",
        &[
            Press("/cmp01<enter>i"),
            Sees("Hypervisors › Instances"),
            Press("Go"),
            Sees("Hypervisors › Instances › Hypervisors"),
            Press("<esc>"),
            Sees("Hypervisors › Instances"),
            Lacks("› Hypervisors"),
            Press("<esc>"),
            Sees("/cmp01"),
            Lacks("›"),
        ],
    );
}
