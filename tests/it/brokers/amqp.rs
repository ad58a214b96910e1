//! AMQP and notifications over real nodes that freeze, restart, raise alarms and are flooded.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::Duration;

use futures::StreamExt;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Event, ExchangeKind};
use stackwatch::config::file;
use stackwatch::source::rabbitmq::Amqp;
use stackwatch::source::rabbitmq::amqp::Declared;
use stackwatch::source::{ErrorKind, Limits};

use crate::support::brokers::{Brokers, broker_tests};
use crate::support::listening::{Listening, Says, notification};

broker_tests![
    a_frozen_node_is_left_for_the_other_one,
    during_a_memory_alarm_amqp_tells_depths_as_before,
    after_a_restart_notifications_go_on_with_one_refresh_and_none_is_heard_twice,
    more_notifications_than_there_is_room_for_are_made_good_by_one_refresh,
    both_nodes_are_found_in_nova_conf_and_asked_over_amqp,
    the_tls_of_nova_conf_is_taken_over,
];

/// How long a node may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(3);
/// An exchange of these tests alone.
const EXCHANGE: &str = "told";

fn url(brokers: &Brokers, nodes: &[u8]) -> String {
    let password = brokers.password("openstack");
    let hosts: Vec<String> =
        nodes.iter().map(|node| format!("openstack:{password}@{}", brokers.address(*node, "amqp"))).collect();
    format!("rabbit://{}/{}", hosts.join(","), brokers.vhost())
}

/// The services' account on these nodes.
fn over(brokers: &Brokers, nodes: &[u8]) -> Amqp {
    let text = format!("[broker]\nurl = '{}'\nnotifications = ['{EXCHANGE}']", url(brokers, nodes));
    let broker = file::parse(&text, "c").unwrap().broker.all.remove(0);
    Amqp::all(&broker, Limits { connect: PATIENCE, ..Limits::default() }).unwrap().remove(0)
}

fn block_on<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(what)
}

async fn connect(brokers: &Brokers, node: u8) -> Connection {
    let url = url(brokers, &[node]).replacen("rabbit://", "amqp://", 1);
    Connection::connect(&url, ConnectionProperties::default()).await.unwrap()
}

/// A service that says something on the bus.
struct Publisher {
    channel: Channel,
    _connection: Connection,
}

impl Publisher {
    async fn open(brokers: &Brokers, node: u8) -> Self {
        let connection = connect(brokers, node).await;
        let channel = connection.create_channel().await.unwrap();
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declared =
            channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default());
        declared.await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { channel, _connection: connection }
    }

    /// Returns when the broker has all of them.
    async fn say(&self, ids: &[String]) {
        let mut confirms = Vec::new();
        for id in ids {
            let (body, options) = (notification(id, 0), BasicPublishOptions::default());
            let key = "versioned_notifications.info".into();
            let said =
                self.channel.basic_publish(EXCHANGE.into(), key, options, &body, BasicProperties::default());
            confirms.push(said.await.unwrap());
        }
        for confirm in confirms {
            confirm.await.unwrap();
        }
    }

    async fn forget(self) {
        self.channel.exchange_delete(EXCHANGE.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
}

async fn is_there(amqp: &Amqp, name: &str) {
    let answers = amqp.declare(&[name.into()]).await.unwrap();
    assert!(matches!(answers.as_slice(), [Declared::There { consumers: 1, .. }]), "{name}: {answers:?}");
}

fn a_frozen_node_is_left_for_the_other_one() {
    let (brokers, _alone) = Brokers::alone();
    block_on(async {
        // A queue of the node that stays.
        let (queue, amqp) = ("compute.cmp03", over(brokers, &[1, 2]));
        is_there(&amqp, queue).await;
        assert_eq!(amqp.address().await, brokers.address(1, "amqp"));
        let fault = brokers.fault(&["freeze", "1"]);
        // Who was connected waits for its answer and says who gives none; then the other node is asked.
        let error = amqp.declare(&[queue.into()]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{error:?}");
        assert!(error.message.contains(&brokers.address(1, "amqp")), "{error:?}");
        is_there(&amqp, queue).await;
        assert_eq!(amqp.address().await, brokers.address(2, "amqp"));
        // Who comes anew finds the other node at once.
        is_there(&over(brokers, &[1, 2]), queue).await;
        fault.and(&["undo"]);
    });
}

fn during_a_memory_alarm_amqp_tells_depths_as_before() {
    let (brokers, _alone) = Brokers::alone();
    block_on(async {
        let amqp = over(brokers, &[1]);
        is_there(&amqp, "compute.cmp01").await;
        let fault = brokers.fault(&["memory-alarm", "1"]);
        // Who publishes is blocked.
        let connection = connect(brokers, 1).await;
        let mut events = connection.events_listener();
        let channel = connection.create_channel().await.unwrap();
        let options = BasicPublishOptions::default();
        let said =
            channel.basic_publish("".into(), "nobody".into(), options, b"", BasicProperties::default());
        said.await.unwrap();
        let reason = loop {
            if let Event::ConnectionBlocked(reason) = events.next().await.unwrap() {
                break reason;
            }
        };
        assert!(reason.contains("low on memory"), "{reason}");
        // Who only asks is not, whether it was there before or comes now.
        is_there(&amqp, "compute.cmp01").await;
        is_there(&over(brokers, &[1]), "compute.cmp01").await;
        fault.and(&["undo"]);
    });
}

fn after_a_restart_notifications_go_on_with_one_refresh_and_none_is_heard_twice() {
    let (brokers, _alone) = Brokers::alone();
    block_on(async {
        let publisher = Publisher::open(brokers, 2).await;
        let mut listening = Listening::start(vec![over(brokers, &[1])]);
        assert_eq!(listening.next().await, Says::Well);
        let ids = |prefix: &str| (0..20).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        publisher.say(&ids("before")).await;
        let mut heard = Vec::new();
        while heard.len() < 20 {
            match listening.next().await {
                Says::Heard(ids) => heard.extend(ids),
                said => assert_eq!(said, Says::Well),
            }
        }
        let fault = brokers.fault(&["stop", "1"]);
        let mut said = listening.next().await;
        while said == Says::Well {
            said = listening.next().await;
        }
        assert!(matches!(said, Says::Out(_)), "{said:?}");
        // Nobody hears these.
        publisher.say(&ids("meanwhile")).await;
        fault.and(&["start", "1"]);
        while matches!(said, Says::Out(_)) {
            said = listening.next().await;
        }
        assert_eq!((said, listening.next().await), (Says::Missed, Says::Well));
        publisher.say(&ids("after")).await;
        while heard.len() < 40 {
            match listening.next().await {
                Says::Heard(ids) => heard.extend(ids),
                said => assert_eq!(said, Says::Well),
            }
        }
        assert_eq!(heard, [ids("before"), ids("after")].concat());
        publisher.forget().await;
        fault.and(&["undo"]);
    });
}

fn more_notifications_than_there_is_room_for_are_made_good_by_one_refresh() {
    let (brokers, _alone) = Brokers::alone();
    block_on(async {
        let publisher = Publisher::open(brokers, 1).await;
        let mut listening = Listening::with_room(vec![over(brokers, &[1])], 1);
        assert_eq!(listening.next().await, Says::Well);
        // Nobody takes in what it hears: its queue has room for 10,000.
        let ids: Vec<String> = (0..16_000).map(|n| n.to_string()).collect();
        publisher.say(&ids).await;
        let (mut heard, mut missed, mut well) = (Vec::new(), 0, 0);
        // Two looks after the last message tell whether it was one refresh alone.
        while well < 2 {
            match listening.next().await {
                Says::Heard(ids) => {
                    heard.extend(ids);
                    well = 0;
                }
                Says::Missed => missed += 1,
                Says::Well => well += 1,
                said => panic!("{said:?}"),
            }
        }
        let distinct: BTreeSet<&String> = heard.iter().collect();
        assert_eq!(distinct.len(), heard.len(), "some were heard twice");
        assert!(heard.len() < ids.len(), "none was dropped");
        assert_eq!((heard.last(), missed), (ids.last(), 1), "{} heard", heard.len());
        println!("{} of {} notifications heard, {missed} refresh asked", heard.len(), ids.len());
        publisher.forget().await;
    });
}

fn both_nodes_are_found_in_nova_conf_and_asked_over_amqp() {
    let (brokers, _alone) = Brokers::alone();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = url(brokers, &[1, 2]).replacen("rabbit://", &format!("rabbit://openstack:x@{away},"), 1);
    // The login of the first host counts.
    let url = url.replacen(":x@", &format!(":{}@", brokers.password("openstack")), 1);
    let files = [("etc/nova/nova.conf", format!("[DEFAULT]\ntransport_url = {url}\n"))];
    let doctor = brokers.on_a_host(&files, &["doctor"]);
    for part in [
        "etc/nova/nova.conf [DEFAULT] transport_url, AMQP 127.0.0.1:".to_owned(),
        format!(
            "o rabbitmq AMQP openstack          {}, user openstack, queue conductor has 2 consumers",
            brokers.address(1, "amqp")
        ),
    ] {
        assert!(doctor.out.contains(&part), "{part}:\n{}", doctor.out);
    }
}

fn the_tls_of_nova_conf_is_taken_over() {
    let (brokers, _alone) = Brokers::alone();
    let pem = |name: &str| std::fs::read_to_string(brokers.pem(name)).unwrap();
    // Node 1 takes whom it trusts, node 2 wants a certificate besides.
    let (authority, own) = (
        "ssl = true\nssl_ca_file = /etc/nova/ca.pem\n",
        "ssl_cert_file = /etc/nova/client.pem\nssl_key_file = /etc/nova/client.key\n",
    );
    for (node, tls, part) in [
        (1, authority.to_owned(), "queue conductor has 2 consumers"),
        (1, "ssl = true\n".to_owned(), "the TLS certificate is not trusted"),
        (1, String::new(), "x rabbitmq AMQP openstack"),
        (2, [authority, own].concat(), "queue conductor has 2 consumers"),
        (2, authority.to_owned(), "may ask for a client certificate"),
    ] {
        let (password, address) = (brokers.password("openstack"), brokers.address(node, "amqps"));
        let url = format!("rabbit://openstack:{password}@{address}/{}", brokers.vhost());
        let conf = format!("[DEFAULT]\ntransport_url = {url}\n\n[oslo_messaging_rabbit]\n{tls}");
        let files = [
            ("etc/nova/nova.conf", conf),
            ("etc/nova/ca.pem", pem("ca.pem")),
            ("etc/nova/client.pem", pem("client.pem")),
            ("etc/nova/client.key", pem("client.key")),
        ];
        let doctor = brokers.on_a_host(&files, &["doctor"]);
        assert!(doctor.out.contains(part), "{node} {tls}: {part}:\n{}", doctor.out);
    }
}
