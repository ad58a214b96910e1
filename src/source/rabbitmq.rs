//! RabbitMQ's management API: what there is, who takes from what, whether the cluster is well; and AMQP itself
//! (`amqp.rs`), for who may not ask it.
//!
//! operations.md 3.4–3.7 has the costs and traps. 3.10 is what this was proven on; what 3.8, 3.11 to 4.3 do
//! otherwise is taken from their documentation, and said where it is.

pub mod amqp;

mod client;
mod metrics;
mod notification;
mod parse;
#[cfg(test)]
mod tests;

use futures::FutureExt;
use reqwest::StatusCode;

use super::{Error, ErrorKind, ServiceKind};
use crate::config::broker::Trouble;
use crate::model::{Alarm, Broker, BrokerNode, Connections, Consumer, Queue, Text};
pub use amqp::{Amqp, Heard};
pub use client::Management;
pub use metrics::depths;

/// The most that a broker gives in one page; more is answered by 400.
pub const PAGE: usize = 500;
/// From this many connections on they are not read one by one: the answer would cost the broker more than it
/// tells.
const CONNECTIONS: u64 = 10_000;
/// So many consumers of a queue are looked up with their connection.
const CONSUMERS: usize = 20;

/// Without them a queue comes with some 70 fields: a tenth of the body is left. The broker measures no less
/// for it.
const QUEUE: &str = "name,vhost,type,state,node,leader,members,online,messages_ready,messages_unacknowledged,\
    consumers,consumer_capacity,consumer_utilisation,memory,policy,durable,exclusive,arguments,idle_since,\
    message_stats.publish,message_stats.deliver_get,message_stats.ack,\
    message_stats.publish_details.rate,message_stats.deliver_get_details.rate";
/// Without them a node lists each Erlang application of its own.
const NODE: &str = "name,running,partitions,mem_used,mem_limit,mem_alarm,disk_free,disk_free_limit,\
    disk_free_alarm,fd_used,fd_total,sockets_used,sockets_total,proc_used,proc_total,run_queue,uptime,\
    being_drained,applications";

/// `GET /api/overview` with the alarms in effect: the cheap part, whatever the broker's size.
pub async fn overview(broker: &Management) -> Result<Broker, Error> {
    let answer = broker.get(&["overview"], &[]).await?;
    let mut row = broker.read(&answer, parse::overview)?;
    let Broker { name, user, address, nodes_expected, vhosts, .. } = unknown(broker);
    row = Broker { name, user, address, nodes_expected, vhosts, ..row };
    row.alarms = alarms(broker).await?;
    row.quorum_critical = check(broker, "node-is-quorum-critical").await?.map(|well| !well);
    Ok(row)
}

/// A broker of which nothing is known but what the settings say.
pub fn unknown(broker: &Management) -> Broker {
    let config = broker.config();
    Broker {
        name: config.name.as_str().into(),
        user: config.user.as_str().into(),
        address: broker.address().into(),
        nodes_expected: config.nodes,
        vhosts: config.transports.iter().map(|url| url.vhost.as_str().into()).collect(),
        ..Broker::default()
    }
}

/// Nobody said where a broker is; what of this host's configuration could not be taken may be why.
pub fn unconfigured(troubles: &[Trouble]) -> Error {
    const NEXT: &str = "write nova's transport_url into config.toml: [broker] url = \"rabbit://user:password@host:5672/vhost\"";
    let (why, next) = match troubles {
        [] => ("no nova, neutron or cinder of this host is configured for one".to_owned(), NEXT.to_owned()),
        [one] => (one.message.clone(), one.next_step.clone()),
        [one, more @ ..] => (
            format!("{} (and {} more: see `stackwatch doctor`)", one.message, more.len()),
            one.next_step.clone(),
        ),
    };
    let message = format!("no broker is configured: {why}");
    Error::new(ErrorKind::Missing, ServiceKind::Broker, message, next)
}

/// How many queues there are, on all vhosts, and whether lists say nothing of how deep they are.
pub async fn queue_count(broker: &Management) -> Result<(Option<u64>, bool), Error> {
    let query = [("columns", "rabbitmq_version,object_totals.queues,disable_stats")];
    let answer = broker.get(&["overview"], &query).await?;
    let overview = broker.read(&answer, parse::overview)?;
    Ok((overview.totals.queues, overview.statistics_off))
}

/// The alarms in effect. The check knows at once; nodes say it with their next statistics, seconds later.
async fn alarms(broker: &Management) -> Result<Option<Vec<Alarm>>, Error> {
    let (status, answer) = broker.ask(&["health", "checks", "alarms"], &[]).await?;
    match status {
        StatusCode::OK => Ok(Some(Vec::new())),
        StatusCode::SERVICE_UNAVAILABLE => broker.read(&answer, parse::alarms).map(Some),
        // Before 3.8.10 there is no such check.
        _ => Ok(None),
    }
}

/// Whether a health check passes; `None` where the broker has none of that name.
async fn check(broker: &Management, name: &str) -> Result<Option<bool>, Error> {
    let (status, _) = broker.ask(&["health", "checks", name], &[]).await?;
    Ok(match status {
        StatusCode::OK => Some(true),
        StatusCode::SERVICE_UNAVAILABLE => Some(false),
        _ => None,
    })
}

/// `GET /api/nodes`: every member of the cluster, those that do not run too.
pub async fn nodes(broker: &Management) -> Result<Vec<BrokerNode>, Error> {
    let answer = broker.get(&["nodes"], &[("columns", NODE)]).await?;
    broker.read(&answer, |body| parse::nodes(body, &broker.config().name))
}

/// Connections by state, page by page; `None` where there are too many of them to ask.
pub async fn connections(broker: &Management, expected: Option<u64>) -> Result<Option<Connections>, Error> {
    if expected.is_some_and(|n| n > CONNECTIONS) {
        return Ok(None);
    }
    let mut sum = Connections::default();
    for number in 1..=(CONNECTIONS as usize / PAGE) {
        let (number, size) = (number.to_string(), PAGE.to_string());
        let query = [("page", number.as_str()), ("page_size", &size), ("columns", "state")];
        let answer = broker.get(&["connections"], &query).await?;
        let page = broker.read(&answer, parse::connections)?;
        for state in &page.rows {
            match state.as_str() {
                "running" => sum.running += 1,
                "flow" => sum.flow += 1,
                "blocking" => sum.blocking += 1,
                "blocked" => sum.blocked += 1,
                _ => sum.other += 1,
            }
        }
        if page.is_last {
            return Ok(Some(sum));
        }
    }
    Ok(None)
}

/// Which queues to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All in one answer: what a broker of up to some 2,000 queues gives in a third of a second. With more of
    /// them it is still the cheapest way to see all, but not to be asked often.
    All,
    /// This page, the deepest queues first, sorted by the broker.
    Deepest(usize),
}

/// Rows, and whether there are more behind them.
#[derive(Debug)]
pub struct Part<T> {
    pub rows: Vec<T>,
    pub is_last: bool,
}

/// `GET /api/queues`, of every vhost that this account may see. To an account without a permission on a
/// vhost its queues are not there: an empty list is no proof that there are none.
pub async fn queues(broker: &Management, which: Which) -> Result<Part<Queue>, Error> {
    let (page, size) = match which {
        Which::All => (None, PAGE.to_string()),
        Which::Deepest(page) => (Some(page.to_string()), PAGE.to_string()),
    };
    let mut query = vec![("columns", QUEUE)];
    if let Some(page) = &page {
        query.extend([
            ("page", page.as_str()),
            ("page_size", size.as_str()),
            ("sort", "messages"),
            ("sort_reverse", "true"),
        ]);
    }
    // From 3.13 on the plain list leaves fields out, and this one has them all.
    let detailed = broker.is_at_least(3, 13);
    let path: &[&str] = if detailed { &["queues", "detailed"] } else { &["queues"] };
    let answer = match broker.get(path, &query).await {
        Err(error) if detailed && error.kind == ErrorKind::Missing => broker.get(&["queues"], &query).await?,
        outcome => outcome?,
    };
    broker.read(&answer, |body| parse::queues(body, &broker.config().name))
}

/// Whether this account may see the queues of a vhost.
pub async fn may_see(broker: &Management, vhost: &str) -> Result<bool, Error> {
    let query = [("page", "1"), ("page_size", "1"), ("columns", "name")];
    match broker.get(&["queues", vhost], &query).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Missing) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The tags of our account, which are its rights over the management API.
pub async fn tags(broker: &Management) -> Result<Vec<String>, Error> {
    let answer = broker.get(&["whoami"], &[]).await?;
    broker.read(&answer, parse::tags)
}

/// An account that may log in, and may not see nodes, others' connections and vhosts without a permission.
pub fn lacks(user: &str, tags: &[String]) -> Option<Error> {
    if tags.iter().any(|tag| matches!(tag.as_str(), "monitoring" | "administrator")) {
        return None;
    }
    let has = if tags.is_empty() { "none".to_owned() } else { tags.join(", ") };
    Some(Error::new(
        ErrorKind::Forbidden,
        ServiceKind::Broker,
        format!(
            "user {user} has no tag `monitoring` (it has {has}): it sees its own vhosts alone, and no nodes"
        ),
        format!("rabbitmqctl set_user_tags {user} monitoring"),
    ))
}

/// An account to which fewer queues are shown than there are.
pub fn hides(user: &str, shown: u64, all: u64) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        ServiceKind::Broker,
        format!(
            "rabbitmq shows user {user} {shown} of {all} queues: it has no permission on the other vhosts"
        ),
        format!("rabbitmqctl set_permissions -p VHOST {user} '^$' '^$' '.*'"),
    )
}

/// An account to which the queues of a vhost are not there.
pub fn lacks_permission(user: &str, vhost: &str) -> Error {
    Error::new(
        ErrorKind::Forbidden,
        ServiceKind::Broker,
        format!("user {user} has no permission on the vhost {vhost}: to it its queues are not there"),
        format!("rabbitmqctl set_permissions -p {vhost} {user} '^$' '^$' '.*'"),
    )
}

/// An account that a vhost lets in, and its queues not.
pub fn lacks_declare(vhost: &Amqp, words: &str) -> Error {
    let (user, vhost) = (vhost.user(), vhost.vhost());
    Error::new(
        ErrorKind::Forbidden,
        ServiceKind::Broker,
        format!("user {user} may not declare queues of the vhost {vhost} passively: {words}"),
        format!(
            "rabbitmqctl set_permissions -p {vhost} {user} '^$' '^$' '.*'; 4.2.6 and 4.3.0 want `configure` too"
        ),
    )
}

/// Who takes messages from a queue, with the connection behind each.
pub async fn consumers(broker: &Management, vhost: &str, name: &str) -> Result<Vec<Consumer>, Error> {
    let answer = broker.get(&["queues", vhost, name], &[("columns", "consumer_details")]).await?;
    let mut consumers = broker.read(&answer, parse::consumers)?;
    // Several consumers of one process share its connection.
    let mut known: Vec<(Text, Option<parse::Connection>)> = Vec::new();
    for consumer in consumers.iter_mut().take(CONSUMERS) {
        let connection = match known.iter().find(|(name, _)| *name == consumer.connection) {
            Some((_, connection)) => connection.clone(),
            None => {
                let asked = connection(broker, &consumer.connection).boxed().await?;
                known.push((consumer.connection.clone(), asked.clone()));
                asked
            }
        };
        if let Some(connection) = connection {
            connection.fill(consumer);
        }
    }
    Ok(consumers)
}

/// One connection; one that is gone meanwhile is nobody's error.
async fn connection(broker: &Management, name: &str) -> Result<Option<parse::Connection>, Error> {
    const COLUMNS: &str =
        "state,user,peer_host,connected_at,client_properties.connection_name,user_provided_name";
    match broker.get(&["connections", name], &[("columns", COLUMNS)]).await {
        Ok(answer) => broker.read(&answer, parse::connection).map(Some),
        Err(error) if error.kind == ErrorKind::Missing => Ok(None),
        Err(error) => Err(error),
    }
}
