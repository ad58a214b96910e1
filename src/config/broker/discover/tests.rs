use std::fs;
use std::path::Path;

use crate::config::broker::Brokers;
use crate::config::file;

/// A host with these files.
fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// What is found there, beside these settings.
fn found(root: &Path, settings: &str) -> Brokers {
    file::parse(settings, "c.toml").unwrap().broker.or_found(root)
}

/// Each broker in a line: name, hosts, the user and the vhosts of its URLs, whether with TLS; and where it was found,
/// without the root.
fn lines(root: &Path, brokers: &Brokers) -> Vec<String> {
    let line = |broker: &crate::config::broker::BrokerConfig| {
        let hosts: Vec<String> =
            broker.hosts().iter().map(|host| format!("{}:{}", host.in_url(), host.port)).collect();
        let urls: Vec<String> =
            broker.transports.iter().map(|url| format!("{}@{}", url.user, url.vhost)).collect();
        let tls = if broker.transports.iter().any(|url| url.secure) { " TLS" } else { "" };
        let origin = broker.origin.replace(&root.display().to_string(), "");
        format!("{} {} {}{tls} | {origin}", broker.name, hosts.join(","), urls.join(","))
    };
    brokers.all.iter().map(line).collect()
}

fn troubles(root: &Path, brokers: &Brokers) -> Vec<String> {
    let root = root.display().to_string();
    brokers.troubles.iter().map(|trouble| trouble.message.replace(&root, "")).collect()
}

const PASSWORD: &str = "hunter2";

/// As the package has it: everything commented out but what was set.
const NOVA: &str = "[DEFAULT]\n\n#\n# From oslo.messaging\n#\n\n# Size of RPC connection pool. (integer value)\n\
    #rpc_conn_pool_size = 30\n\n# The network address and optional user credentials for connecting to the messaging\n\
    # backend, in URL format.\n#transport_url = rabbit://\n\
    transport_url = rabbit://openstack:hunter2@ctl01:5672,openstack:hunter2@ctl02:5672,openstack:hunter2@ctl03:5672//\n\
    log_dir = /var/log/nova\nmy_ip: 10.0.0.11\nenabled_apis = osapi_compute,\n    metadata\n\n[api]\n\
    [oslo_messaging_notifications]\ndriver = messagingv2\ndriver = log\n";

#[test]
fn a_url_is_found_in_the_files_of_each_deployment() {
    for (files, expected) in [
        (
            &[("etc/nova/nova.conf", NOVA)][..],
            &[
                "ctl01 ctl01:5672,ctl02:5672,ctl03:5672 openstack@/ | /etc/nova/nova.conf [DEFAULT] transport_url",
            ][..],
        ),
        // The directories that are read after it; the last file counts.
        (
            &[
                ("etc/nova/nova.conf", NOVA),
                ("etc/nova/nova.conf.d/10-mq.conf", "[DEFAULT]\ntransport_url = rabbit://a:hunter2@ten/v\n"),
                (
                    "etc/nova/nova.conf.d/20-mq.conf",
                    "[DEFAULT]\ntransport_url = rabbit://a:hunter2@twenty/v\n",
                ),
                ("etc/nova/nova.conf.d/README", "[DEFAULT]\ntransport_url = rabbit://a:hunter2@nobody/v\n"),
            ],
            &["twenty twenty:5672 a@v | /etc/nova/nova.conf.d/20-mq.conf [DEFAULT] transport_url"],
        ),
        (
            &[
                ("etc/neutron/neutron.conf", "[DEFAULT]\ndebug = false\n"),
                ("etc/neutron/conf.d/neutron-server/mq.conf", "[DEFAULT]\ntransport_url = rabbit://h/v\n"),
            ],
            &["h h:5672 guest@v | /etc/neutron/conf.d/neutron-server/mq.conf [DEFAULT] transport_url"],
        ),
        // kolla-ansible: a container each, and all say the same.
        (
            &[
                ("etc/kolla/nova-api/nova.conf", NOVA),
                ("etc/kolla/nova-conductor/nova.conf", NOVA),
                ("etc/kolla/cinder-volume/cinder.conf", NOVA),
                ("etc/kolla/globals.yml", "---\n"),
            ],
            &["ctl01 ctl01:5672,ctl02:5672,ctl03:5672 openstack@/ | \
                /etc/kolla/nova-api/nova.conf [DEFAULT] transport_url (and 2 more that say the same)"],
        ),
        (
            &[("var/lib/config-data/puppet-generated/nova_libvirt/etc/nova/nova.conf", NOVA)],
            &["ctl01 ctl01:5672,ctl02:5672,ctl03:5672 openstack@/ | \
                /var/lib/config-data/puppet-generated/nova_libvirt/etc/nova/nova.conf [DEFAULT] transport_url"],
        ),
        // openstack-ansible: a vhost and an account for each service, on one broker; one lists fewer nodes.
        (
            &[
                (
                    "etc/nova/nova.conf",
                    "[DEFAULT]\ntransport_url = rabbit://nova:hunter2@mq1:5671,nova:hunter2@mq2:5671//nova?ssl=1\n",
                ),
                (
                    "etc/neutron/neutron.conf",
                    "[DEFAULT]\ntransport_url = rabbit://neutron:hunter2@mq2:5671,neutron:hunter2@mq3:5671//neutron?ssl=1\n",
                ),
                (
                    "etc/cinder/cinder.conf",
                    "[DEFAULT]\ntransport_url = rabbit://cinder:hunter2@mq1:5671//cinder?ssl=1\n",
                ),
            ],
            &["mq1 mq1:5671,mq2:5671,mq3:5671 nova@/nova,neutron@/neutron,cinder@/cinder TLS | \
                /etc/nova/nova.conf [DEFAULT] transport_url, /etc/neutron/neutron.conf [DEFAULT] transport_url, \
                /etc/cinder/cinder.conf [DEFAULT] transport_url"],
        ),
        // DevStack: a cell with a vhost of its own.
        (
            &[
                (
                    "etc/nova/nova.conf",
                    "[DEFAULT]\ntransport_url = rabbit://stackrabbit:hunter2@10.0.0.5:5672/\n",
                ),
                (
                    "etc/nova/nova_cell1.conf",
                    "[DEFAULT]\ntransport_url = rabbit://stackrabbit:hunter2@10.0.0.5:5672/nova_cell1\n",
                ),
            ],
            &["10.0.0.5 10.0.0.5:5672 stackrabbit@/,stackrabbit@nova_cell1 | \
                /etc/nova/nova.conf [DEFAULT] transport_url, /etc/nova/nova_cell1.conf [DEFAULT] transport_url"],
        ),
        // Notifications by a broker of their own, and under the name that this had before.
        (
            &[(
                "etc/nova/nova.conf",
                "[DEFAULT]\ntransport_url = rabbit://u:hunter2@rpc/v\n\
                 notification_transport_url = rabbit://u:hunter2@older/v\n\
                 [oslo_messaging_notifications]\ntransport_url = rabbit://u:hunter2@notify/n\n",
            )],
            &[
                "rpc rpc:5672 u@v | /etc/nova/nova.conf [DEFAULT] transport_url",
                "notify notify:5672 u@n | /etc/nova/nova.conf [oslo_messaging_notifications] transport_url",
                "older older:5672 u@v | /etc/nova/nova.conf [DEFAULT] notification_transport_url",
            ],
        ),
        // Two nodes of one name: two brokers.
        (
            &[
                ("etc/nova/nova.conf", "[DEFAULT]\ntransport_url = rabbit://u:hunter2@h:5672/\n"),
                ("etc/cinder/cinder.conf", "[DEFAULT]\ntransport_url = rabbit://u:hunter2@h:5673/\n"),
            ],
            &[
                "h h:5672 u@/ | /etc/nova/nova.conf [DEFAULT] transport_url",
                "h-2 h:5673 u@/ | /etc/cinder/cinder.conf [DEFAULT] transport_url",
            ],
        ),
        (&[("etc/nova/nova.conf", "[DEFAULT]\n#transport_url = rabbit://\n")], &[]),
        (&[("etc/nova/nova.conf", "[DEFAULT]\ntransport_url =\n")], &[]),
        (&[("etc/nova", "a file where the directory should be")], &[]),
        (&[], &[]),
    ] {
        let root = host(files);
        let brokers = found(root.path(), "");
        assert_eq!(lines(root.path(), &brokers), expected, "{files:?}");
        assert_eq!(brokers.troubles, [], "{files:?}");
        assert!(!format!("{brokers:?}").contains(PASSWORD), "{brokers:?}");
    }
}

#[test]
fn values_are_urls_however_they_are_written() {
    // The line, and hosts, user, password, vhost.
    for (line, expected) in [
        ("transport_url = rabbit://u:p%40ss%23%2F@h:5673/v", "h:5673 u p@ss#/ v"),
        ("transport_url = rabbit://u:p#s;s@h/v", "h:5672 u p#s;s v"),
        ("transport_url=\"rabbit://u:p@h/v\"", "h:5672 u p v"),
        ("transport_url: rabbit://u:p@h/v", "h:5672 u p v"),
        (
            "transport_url = rabbit://u:p@[fd00::5]:5672,u:p@[fd00::6]/v",
            "[fd00::5]:5672,[fd00::6]:5672 u p v",
        ),
        ("transport_url = rabbit://u:p@a:5672,\n    u:p@b:5672/v", "a:5672,b:5672 u p v"),
        ("transport_url = rabbit://u:p@a/v\nbare\ntransport_url = rabbit://u:p@b/v", "b:5672 u p v"),
        ("transport_url = rabbit://u:pa$$word$1@h/v", "h:5672 u pa$word$1 v"),
        ("transport_url = kombu+rabbit://u:p@h/v", "h:5672 u p v"),
        ("transport_url = amqp://u:p@h:5672/v?heartbeat=60&kombu_reconnect_delay=0.5", "h:5672 u p v"),
        ("transport_url = rabbit://", "localhost:5672 guest guest /"),
    ] {
        let root = host(&[("etc/nova/nova.conf", &format!("[DEFAULT]\n{line}\n[api]\nx = y\n"))]);
        let brokers = found(root.path(), "");
        let [broker] = brokers.all.as_slice() else { panic!("{line}: {brokers:?}") };
        let hosts: Vec<String> =
            broker.hosts().iter().map(|host| format!("{}:{}", host.in_url(), host.port)).collect();
        let url = &broker.transports[0];
        let said = format!("{} {} {} {}", hosts.join(","), url.user, url.password.expose(), url.vhost);
        assert_eq!(said, expected, "{line}");
        assert_eq!(
            (broker.user.as_str(), broker.password.expose()),
            (url.user.as_str(), url.password.expose())
        );
    }
}

#[test]
fn what_cannot_be_taken_is_said_with_its_place_and_without_its_password() {
    for (value, words) in [
        ("fake://u:hunter2@h", "fake is another transport"),
        ("kombu+memory://u:hunter2@h", "memory is another transport"),
        ("rabit://u:hunter2@h/v", "did you mean `rabbit`?"),
        ("u:hunter2@h/v", "begins with its scheme"),
        ("rabbit://u:hunter2@h:x/v", "is no number"),
        ("rabbit://$mq_user:hunter2@h/v", "refers to another setting by `$`"),
        ("rabbit://u:hunter2$$${mq_password}@h/v", "refers to another setting by `$`"),
    ] {
        let root = host(&[
            ("etc/nova/nova.conf", &format!("[DEFAULT]\ntransport_url = {value}\n")),
            ("etc/cinder/cinder.conf", "[DEFAULT]\ntransport_url = rabbit://u:hunter2@well/v\n"),
        ]);
        let brokers = found(root.path(), "");
        let [trouble] = brokers.troubles.as_slice() else { panic!("{value}: {brokers:?}") };
        assert!(trouble.message.contains("/etc/nova/nova.conf [DEFAULT] transport_url: "), "{trouble:?}");
        assert!(trouble.message.contains(words) && !trouble.message.contains(PASSWORD), "{trouble:?}");
        assert!(trouble.next_step.contains("[broker] url"), "{trouble:?}");
        // The others are found all the same.
        assert_eq!(lines(root.path(), &brokers).len(), 1, "{value}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_read() {
    let root = host(&[("etc/cinder/cinder.conf", NOVA)]);
    // Of all that stops a reader this one stops root too; what rights do is tested over the program.
    fs::create_dir_all(root.path().join("etc/nova/nova.conf")).unwrap();
    let brokers = found(root.path(), "");
    assert_eq!(
        troubles(root.path(), &brokers),
        ["/etc/nova/nova.conf cannot be read: Is a directory (os error 21)"]
    );
    let next = &brokers.troubles[0].next_step;
    assert!(next.contains("(`nova`)") && next.contains("[broker] url"), "{next}");
    assert_eq!(brokers.all.len(), 1);
}

#[test]
fn tls_is_taken_over_from_the_url_and_from_the_section_beside_it() {
    let pem = [("etc/ssl/ca.pem", ""), ("etc/ssl/client.pem", ""), ("etc/ssl/client.key", "")];
    // The query of the URL, the section; whether TLS is spoken, and the files.
    for (query, section, expected) in [
        ("", "", "false - - -"),
        ("", "ssl = false", "false - - -"),
        ("", "ssl_ca_file = /etc/ssl/ca.pem", "false - - -"),
        ("", "ssl = true", "true - - -"),
        ("?ssl=1", "", "true - - -"),
        ("?ssl=1", "ssl = false", "true - - -"),
        ("?ssl=0", "ssl = true", "false - - -"),
        ("", "ssl = True\nssl_ca_file = /etc/ssl/ca.pem", "true /etc/ssl/ca.pem - -"),
        ("?ssl=1&ssl_ca_file=/etc/ssl/ca.pem", "ssl_ca_file = /nowhere.pem", "true /etc/ssl/ca.pem - -"),
        ("?ssl=1", "ssl_ca_file =", "true - - -"),
        (
            "",
            "rabbit_use_ssl = yes\nkombu_ssl_ca_certs = /etc/ssl/ca.pem\nkombu_ssl_certfile = /etc/ssl/client.pem\n\
             kombu_ssl_keyfile = /etc/ssl/client.key",
            "true /etc/ssl/ca.pem /etc/ssl/client.pem /etc/ssl/client.key",
        ),
    ] {
        let conf = format!(
            "[DEFAULT]\ntransport_url = rabbit://u:p@h:5671/v{query}\n[oslo_messaging_rabbit]\n{section}\n"
        );
        let files: Vec<(&str, &str)> =
            pem.into_iter().chain([("etc/nova/nova.conf", conf.as_str())]).collect();
        let root = host(&files);
        let brokers = found(root.path(), "");
        let [broker] = brokers.all.as_slice() else { panic!("{conf}: {brokers:?}") };
        let short = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map_or("-".to_owned(), |path| {
                format!("/{}", path.strip_prefix(root.path()).unwrap().display())
            })
        };
        let tls = &broker.tls;
        let said = format!(
            "{} {} {} {}",
            broker.transports[0].secure,
            short(&tls.cacert),
            short(&tls.cert),
            short(&tls.key)
        );
        assert_eq!(said, expected, "{conf}");
        assert!(tls.verify, "{conf}");
        assert_eq!(brokers.troubles, [], "{conf}");
        let secure = broker.management.iter().all(|url| url.scheme() == "https");
        assert_eq!(secure, broker.transports[0].secure, "{conf}");
    }
}

#[test]
fn a_certificate_that_only_the_service_may_read_is_done_without() {
    let conf = "[DEFAULT]\ntransport_url = rabbit://u:p@h:5671/v\n[oslo_messaging_rabbit]\nssl = true\n\
        ssl_ca_file = /etc/ssl/gone.pem\nssl_cert_file = /etc/ssl/client.pem\nssl_key_file = /etc/ssl/gone.key\n";
    let root = host(&[("etc/nova/nova.conf", conf), ("etc/ssl/client.pem", "")]);
    let brokers = found(root.path(), "");
    let tls = &brokers.all[0].tls;
    assert_eq!((&tls.cacert, &tls.cert, &tls.key), (&None, &None, &None));
    let place = "of /etc/nova/nova.conf [DEFAULT] transport_url) cannot be read: No such file";
    let said = troubles(root.path(), &brokers);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains(&format!("/etc/ssl/gone.pem (ssl_ca_file {place}")), "{said:?}");
    assert!(said[1].contains(&format!("/etc/ssl/gone.key (ssl_key_file {place}")), "{said:?}");
}

#[test]
fn settings_that_name_a_broker_count_alone_and_those_that_name_none_count_for_what_is_found() {
    let root = host(&[("etc/nova/nova.conf", NOVA)]);
    let named = found(root.path(), "[broker]\nurl = 'rabbit://u:p@own/v'");
    assert_eq!(lines(root.path(), &named), ["own own:5672 u@v | [broker] in the settings"]);

    let over = "[broker]\nname = 'prod'\nuser = 'stackwatch'\npassword = 'x'\nnodes = 3\nnotifications = true\n\
        verify = false";
    let brokers = found(root.path(), over);
    let [broker] = brokers.all.as_slice() else { panic!("{brokers:?}") };
    assert_eq!((broker.name.as_str(), broker.user.as_str(), broker.nodes), ("prod", "stackwatch", Some(3)));
    assert_eq!((broker.transports[0].user.as_str(), broker.tls.verify), ("openstack", false));
    assert_eq!(broker.notifications.len(), 4);
    assert_eq!(broker.origin, found(root.path(), "").all[0].origin);
}
