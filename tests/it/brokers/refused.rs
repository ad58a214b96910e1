//! Accounts that may not, certificates that are not trusted, and ports where something else listens.

use crate::support::brokers::{Brokers, broker_tests};
use crate::support::stub::Run;

broker_tests![
    a_wrong_password_is_said_with_the_command_that_checks_it,
    each_account_learns_the_line_that_it_lacks,
    tls_needs_the_right_authority_and_where_the_node_asks_a_certificate,
    other_ports_of_the_broker_are_not_taken_for_its_management,
    a_disabled_management_plugin_is_named,
];

/// It could not read everything; the only errors are of this kind, and standard error says these.
#[track_caller]
fn has(run: &Run, kind: &str, parts: &[&str]) {
    assert_eq!(run.code, 3, "{run:#?}");
    let errors = run.errors();
    assert!(
        !errors.is_empty() && errors.iter().all(|(source, k, _)| source == "rabbitmq" && k == kind),
        "{run:#?}"
    );
    run.says(parts);
    run.says(&["  next: "]);
}

const QUEUES: [&str; 4] = ["show", "queues", "-o", "json"];
const NODES: [&str; 4] = ["show", "nodes", "-o", "json"];

fn rows(run: &Run) -> usize {
    run.json()["rows"].as_array().unwrap().len()
}

fn a_wrong_password_is_said_with_the_command_that_checks_it() {
    let (brokers, _alone) = Brokers::alone();
    let settings = brokers.usual().replace(brokers.password("stackwatch"), "not-the-password");
    for words in [QUEUES, NODES] {
        let run = brokers.stackwatch(&settings, &words);
        has(&run, "auth", &["refused user stackwatch", "rabbitmqctl authenticate_user stackwatch"]);
        assert_eq!(rows(&run), 0);
        assert!(!run.err.contains("not-the-password"));
    }
    let doctor = brokers.stackwatch(&settings, &["doctor"]);
    assert_eq!(doctor.code, 3, "{doctor:#?}");
    assert!(doctor.out.contains("x rabbitmq management"), "{}", doctor.out);
    let dashboard = brokers.dashboard(&settings, (120, 40));
    dashboard.pty.see("refused user stackwatch");
}

fn each_account_learns_the_line_that_it_lacks() {
    let (brokers, _alone) = Brokers::alone();
    let as_user = |user: &str| brokers.settings(user, &[brokers.management(1)], "");

    // A tag, and no permission on any vhost: an empty list that is not empty.
    let run = brokers.stackwatch(&as_user("blind"), &QUEUES);
    has(
        &run,
        "forbidden",
        &["shows user blind 0 of ", "rabbitmqctl set_permissions -p VHOST blind '^$' '^$' '.*'"],
    );
    assert_eq!((rows(&run), &run.json()["sources"][0]["complete"]), (0, &false.into()));
    let url = format!("url = 'rabbit://x:y@{}/openstack'", brokers.address(1, "amqp"));
    let settings = brokers.settings("blind", &[brokers.management(1)], &url);
    let doctor = brokers.stackwatch(&settings, &["doctor"]);
    assert_eq!(doctor.code, 3, "{doctor:#?}");
    for part in [
        "x rabbitmq vhost",
        "user blind has no permission on the vhost openstack",
        "next: rabbitmqctl set_permissions -p openstack blind '^$' '^$' '.*'",
    ] {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
    let dashboard = brokers.dashboard(&as_user("blind"), (120, 40));
    dashboard.pty.see("shows user blind 0 of ");

    // May log in, and no more.
    let tag = "rabbitmqctl set_user_tags untagged monitoring";
    let run = brokers.stackwatch(&as_user("untagged"), &QUEUES);
    has(&run, "forbidden", &["user untagged has no tag `monitoring` (it has management)", tag]);
    assert!(rows(&run) > 15, "its own vhost is shown: {run:#?}");
    has(&brokers.stackwatch(&as_user("untagged"), &NODES), "forbidden", &["Not monitor user", tag]);
    let doctor = brokers.stackwatch(&as_user("untagged"), &["doctor"]);
    assert!(doctor.out.contains("x rabbitmq tags") && doctor.out.contains(tag), "{}", doctor.out);

    // What a service has, and what nobody has: no tag at all.
    for user in ["openstack", "nobody"] {
        let tag = format!("rabbitmqctl set_user_tags {user} monitoring");
        has(&brokers.stackwatch(&as_user(user), &QUEUES), "forbidden", &["Not management user", &tag]);
        let doctor = brokers.stackwatch(&as_user(user), &["doctor"]);
        assert!(doctor.code == 3 && doctor.out.contains(&tag), "{}", doctor.out);
    }
}

fn tls_needs_the_right_authority_and_where_the_node_asks_a_certificate() {
    let (brokers, _alone) = Brokers::alone();
    let to = |node: u8, more: &[(&str, &str)]| {
        let more: Vec<String> =
            more.iter().map(|(key, name)| format!("{key} = '{}'", brokers.pem(name))).collect();
        let settings = brokers.settings("stackwatch", &[brokers.secure_management(node)], &more.join("\n"));
        brokers.stackwatch(&settings, &NODES)
    };
    let ours = ("cacert", "ca.pem");
    has(&to(1, &[]), "unreachable", &["certificate is not trusted", "`cacert` in [broker]"]);
    has(&to(1, &[("cacert", "other-ca.pem")]), "unreachable", &["certificate is not trusted"]);
    let run = to(1, &[ours]);
    assert_eq!((run.code, rows(&run)), (0, 2), "{run:#?}");

    has(&to(2, &[ours]), "unreachable", &["client certificate", "`cert` and `key` in [broker]"]);
    let run = to(2, &[ours, ("cert", "other-client.pem"), ("key", "other-client.key")]);
    has(&run, "unreachable", &["certificate"]);
    let run = to(2, &[ours, ("cert", "client.pem"), ("key", "client.key")]);
    assert_eq!((run.code, rows(&run)), (0, 2), "{run:#?}");

    // The dashboard over it, from the node that asks for a certificate.
    let more = format!(
        "cacert = '{}'\ncert = '{}'\nkey = '{}'",
        brokers.pem("ca.pem"),
        brokers.pem("client.pem"),
        brokers.pem("client.key")
    );
    let settings = brokers.settings("stackwatch", &[brokers.secure_management(2)], &more);
    brokers.dashboard(&settings, (120, 40)).pty.see("compute.cmp01");
}

fn other_ports_of_the_broker_are_not_taken_for_its_management() {
    let (brokers, _alone) = Brokers::alone();
    let at = |scheme: &str, what: &str| format!("{scheme}://{}", brokers.address(1, what));
    for (url, kind, part) in [
        // The pages of the management UI: HTML.
        (format!("{}/cli", brokers.management(1)), "bad answer", "answered 406 Not Acceptable"),
        (at("http", "prometheus"), "missing", "knows no /api/overview"),
        (at("http", "amqp"), "unreachable", "broke the connection"),
        (at("http", "management-tls"), "unreachable", "broke the connection"),
        (at("https", "management"), "unreachable", ""),
    ] {
        let run =
            brokers.stackwatch(&brokers.settings("stackwatch", std::slice::from_ref(&url), ""), &QUEUES);
        has(&run, kind, &[part, "127.0.0.1:"]);
        assert_eq!(rows(&run), 0, "{url}");
        // A wrong address before a right one costs nothing.
        let both = brokers.settings("stackwatch", &[url, brokers.management(2)], "");
        assert!(brokers.show(&both, "queues")["rows"].as_array().unwrap().len() > 30);
        assert_eq!(brokers.show(&both, "nodes")["rows"].as_array().unwrap().len(), 2);
    }
}

fn a_disabled_management_plugin_is_named() {
    let (brokers, _alone) = Brokers::alone();
    let fault = brokers.fault(&["plugin-off", "1"]);
    let alone = brokers.settings("stackwatch", &[brokers.management(1)], "");
    let run = brokers.stackwatch(&alone, &QUEUES);
    has(&run, "unreachable", &["Connection refused", "rabbitmq-plugins enable rabbitmq_management"]);
    // The other node answers for both.
    let nodes = brokers.show(&brokers.usual(), "nodes");
    let running = nodes["rows"].as_array().unwrap().iter().filter(|row| row["running"] == true).count();
    assert_eq!(running, 2, "{nodes}");
    fault.and(&["plugin-on", "1"]);
    assert_eq!(brokers.show(&alone, "nodes")["rows"].as_array().unwrap().len(), 2);
}
