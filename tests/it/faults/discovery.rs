//! The broker that this host's services are configured for: found, or said why not.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use stackwatch::sim::Options;

use super::fails;
use crate::sim_cli::lab::Lab;
use crate::support::stub::{PASSWORD, Run, Stub, command, run};

/// A file of a service, below the directory that stands for the host's root.
fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn conf(url: &str) -> String {
    format!(
        "[DEFAULT]\n# transport_url = rabbit://\ntransport_url = {url}\n[oslo_messaging_rabbit]\nssl = false\n"
    )
}

#[test]
fn the_broker_is_found_in_nova_conf_and_the_doctor_says_where() {
    let scenario = "incident".to_owned();
    let options =
        Options { hypervisors: Some(6), instances: Some(40), speed: 0.0, scenario, ..Options::default() };
    let lab = Lab::start(&options);
    let (url, root) = (lab.sim.broker_url(), lab.dir());
    // A node that is away stands before the one that answers.
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = url.strip_prefix("rabbit://").unwrap();
    let login = node.split('@').next().unwrap();
    put(root, "etc/nova/nova.conf", &conf(&format!("rabbit://{login}@{away},{node}")));
    put(root, "etc/neutron/neutron.conf", &conf(&url));
    put(root, "etc/cinder/cinder.conf", &conf("fake://"));
    let ours = |words: &[&str]| {
        let mut command = command(root, &[words, &["--cloud", "admin"]].concat());
        command.env("OS_CLIENT_CONFIG_FILE", root.join("clouds.yaml"));
        run(command)
    };
    let doctor = ours(&["doctor"]);
    for part in [
        &format!("from {}/etc/nova/nova.conf [DEFAULT] transport_url (and 1 more", root.display()),
        "o rabbitmq AMQP openstack",
        "! rabbitmq",
        "/etc/cinder/cinder.conf [DEFAULT] transport_url: stackwatch reads RabbitMQ over AMQP 0-9-1, and fake is",
        "i requests                         amqp ",
        // The cloud is asked though the broker's management API is not there.
        "nova services",
    ] {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
    // Its management API is not where it would be: AMQP tells of the queues that must be there.
    let queues = ours(&["show", "queues", "-o", "json"]);
    let rows = queues.json();
    let rows = rows["rows"].as_array().unwrap();
    let conductor =
        rows.iter().find(|row| row["name"] == "conductor").unwrap_or_else(|| panic!("{queues:#?}"));
    assert_eq!(conductor["ready"], json!(0));
    assert!(conductor["consumers"].as_u64().unwrap() > 0, "{conductor}");
}

/// The program without root's right to read everything.
fn without_rights(cloud: &Stub, words: &[&str]) -> Run {
    let plain = cloud.command(words);
    if !rustix::process::geteuid().is_root() {
        return run(plain);
    }
    let mut command = Command::new("setpriv");
    let rights = "-dac_override,-dac_read_search";
    command.args([format!("--bounding-set={rights}"), format!("--inh-caps={rights}")]);
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(cloud.dir()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    run(command)
}

#[test]
fn a_file_that_may_not_be_read_is_named_with_the_next_step() {
    // The file, and a directory that only the service may enter, as packages have it.
    for (locked, named) in
        [("etc/nova/nova.conf", "nova.conf"), ("etc/nova", "nova.conf"), ("etc/kolla", "kolla")]
    {
        let cloud = Stub::new();
        let file = if named == "kolla" { "etc/kolla/nova-api/nova.conf" } else { "etc/nova/nova.conf" };
        put(cloud.dir(), file, &conf(&format!("rabbit://nova:{PASSWORD}@ctl01/")));
        let locked = cloud.dir().join(locked);
        fs::set_permissions(&locked, Permissions::from_mode(0o000)).unwrap();
        let path = cloud.dir().join(if named == "kolla" { "etc/kolla" } else { file });
        let said = format!("{} cannot be read: Permission denied", path.display());

        fails(
            &without_rights(&cloud, &["show", "queues"]),
            2,
            &["no broker is configured: ", &said, "as root", "[broker] url"],
        );
        let doctor = without_rights(&cloud, &["doctor"]);
        assert_eq!(doctor.code, 3, "{doctor:#?}");
        for part in ["x rabbitmq ", &said, "next: run stackwatch as root, or as a member of the group"] {
            assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
        }
        let screen = without_rights(&cloud, &["screen", "rabbitmq", "--size", "200x40"]);
        assert_eq!(screen.code, 3, "{screen:#?}");
        assert!(screen.out.contains("cannot be read: Permission denied"), "{}", screen.out);

        // Where another one is found, it is a remark.
        put(cloud.dir(), "etc/cinder/cinder.conf", &conf("rabbit://cinder:x@127.0.0.1:1/"));
        let doctor = without_rights(&cloud, &["doctor"]);
        for part in ["! rabbitmq ", &said, "cinder.conf [DEFAULT] transport_url, AMQP 127.0.0.1:1"] {
            assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
        }
        fs::set_permissions(&locked, Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn without_any_file_of_a_service_it_is_said_that_none_was_found() {
    let doctor = Stub::new().run(&["doctor"]);
    assert_eq!(doctor.code, 0, "{doctor:#?}");
    for part in
        ["i rabbitmq ", "no broker is configured: no nova, neutron or cinder of this host", "[broker] url"]
    {
        assert!(doctor.out.contains(part), "{part}:\n{}", doctor.out);
    }
}

#[test]
fn without_a_cloud_a_broker_that_is_away_is_said_at_once() {
    let root = tempfile::tempdir().unwrap();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    put(root.path(), "etc/nova/nova.conf", &conf(&format!("rabbit://u:x@{away}/v")));
    // No list of services will come that says what to ask for over AMQP.
    let show = run(command(root.path(), &["show", "queues", "-o", "json", "--timeout", "8"]));
    assert_eq!(show.code, 3, "{show:#?}");
    assert!(show.err.contains("cannot be reached") && !show.err.contains("no answer in time"), "{show:#?}");
}
