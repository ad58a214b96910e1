//! `[broker]` in the settings: one table or several, checked while its place in the file is known.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

use super::{BrokerConfig, EXCHANGES, Transport, Trouble, beside, discover, metrics, tls};
use crate::config::secret::Secret;

/// The brokers of the settings, in the order of the file; else those that were found on this host.
#[derive(Clone, Debug, Default)]
pub struct Brokers {
    pub all: Vec<BrokerConfig>,
    /// What of the services' configuration could not be taken.
    pub troubles: Vec<Trouble>,
    /// A `[broker]` that says where none is: it counts for those that are found.
    over: Option<Box<Raw>>,
}

impl Brokers {
    /// Those that stand below a cloud: another one's would say that all of its hosts are off the bus. Where no cloud
    /// is known, all.
    pub fn of<'a>(&'a self, cloud: Option<&'a str>) -> impl Iterator<Item = &'a BrokerConfig> {
        let is_its = move |broker: &&BrokerConfig| match (&broker.cloud, cloud) {
            (Some(its), Some(cloud)) => its == cloud,
            _ => true,
        };
        self.all.iter().filter(is_its)
    }

    /// Where the settings name none: those that nova, neutron and cinder are configured for, in the files below this
    /// root.
    pub fn or_found(mut self, root: &Path) -> Self {
        if !self.all.is_empty() {
            return self;
        }
        let (groups, troubles) = discover::brokers(root);
        self.troubles = troubles;
        let over = self.over.take().unwrap_or_default();
        let single = groups.len() == 1;
        for discover::Group { transports, origin } in groups {
            match over.broker(transports, single) {
                Ok(broker) => self.all.push(BrokerConfig { origin, ..broker }),
                Err(why) => self.troubles.push(Trouble { message: why.to_owned(), next_step: String::new() }),
            }
        }
        distinct(&mut self.all);
        self
    }
}

/// Rows of two brokers are told apart by name.
fn distinct(brokers: &mut [BrokerConfig]) {
    for at in 1..brokers.len() {
        let (before, rest) = brokers.split_at_mut(at);
        if let Some(broker) = rest.first_mut()
            && before.iter().any(|other| other.name == broker.name)
        {
            broker.name = format!("{}-{}", broker.name, at + 1);
        }
    }
}

impl<'de> Deserialize<'de> for Brokers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut brokers = Self::default();
        for table in deserializer.deserialize_any(Tables)? {
            match table {
                Table::Named(named) => brokers.all.extend(named),
                Table::Over(over) => brokers.over = Some(over),
            }
        }
        distinct(&mut brokers.all);
        Ok(brokers)
    }
}

/// One table: several brokers where its URLs have different hosts, or what counts for those that are found.
#[derive(Deserialize)]
#[serde(try_from = "Raw")]
enum Table {
    Named(Vec<BrokerConfig>),
    Over(Box<Raw>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    name: Option<String>,
    cloud: Option<String>,
    url: Many<TransportUrl>,
    management: Many<ManagementUrl>,
    metrics: Many<MetricsUrl>,
    user: Option<String>,
    password: Option<Secret>,
    verify: bool,
    cacert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    nodes: Option<usize>,
    notifications: Exchanges,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            name: None,
            cloud: None,
            url: Many(Vec::new()),
            management: Many(Vec::new()),
            metrics: Many(Vec::new()),
            user: None,
            password: None,
            verify: true,
            cacert: None,
            cert: None,
            key: None,
            nodes: None,
            notifications: Exchanges::Asked(false),
        }
    }
}

impl TryFrom<Raw> for Table {
    type Error = &'static str;

    fn try_from(raw: Raw) -> Result<Self, &'static str> {
        // URLs of the same hosts are vhosts of one broker.
        let mut groups: Vec<Vec<Transport>> = Vec::new();
        for TransportUrl(url) in raw.url.0.iter().cloned() {
            match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.hosts == url.hosts))
            {
                Some(group) => group.push(url),
                None => groups.push(vec![url]),
            }
        }
        if groups.is_empty() && raw.management.0.is_empty() {
            return match raw.user.is_some() == raw.password.is_some() {
                true => Ok(Self::Over(Box::new(raw))),
                false => Err(TOGETHER),
            };
        }
        if groups.len() > 1 && !raw.management.0.is_empty() {
            return Err(
                "these are URLs of several brokers: write a [[broker]] with its `management` for each",
            );
        }
        if groups.is_empty() && raw.notifications.is_wanted() {
            return Err("notifications come over AMQP: name the broker's `url` (its transport URL) too");
        }
        if groups.is_empty() {
            groups.push(Vec::new());
        }
        let single = groups.len() == 1;
        groups.into_iter().map(|urls| raw.broker(urls, single)).collect::<Result<_, _>>().map(Self::Named)
    }
}

const TOGETHER: &str = "`user` and `password` go together";

impl Raw {
    fn broker(&self, urls: Vec<Transport>, single: bool) -> Result<BrokerConfig, &'static str> {
        let first = urls.first();
        let named = self.management.0.first();
        let hosts = first.map(|url| url.hosts.clone()).unwrap_or_default();
        let management = match named {
            Some(_) => self.management.0.iter().map(|one| one.url.clone()).collect(),
            None => beside(&hosts, first.is_some_and(|url| url.secure)),
        };
        let metrics = match self.metrics.0.is_empty() {
            false => self.metrics.0.iter().map(|MetricsUrl(url)| url.clone()).collect(),
            true => metrics(&management),
        };
        let login = named.and_then(|one| one.login.clone());
        let of_url = first.map(|url| (url.user.clone(), url.password.clone()));
        let (user, password) = match (&self.user, &self.password) {
            (Some(user), Some(password)) => (user.clone(), password.clone()),
            (None, None) => login
                .or(of_url)
                .ok_or("there is no `user` and `password` for the management API: name them, or write them into a URL")?,
            _ => return Err(TOGETHER),
        };
        let host = hosts.first().map(|host| host.name.clone());
        let host = host.or_else(|| Some(management.first()?.host_str()?.to_owned()));
        let name = self.name.clone().filter(|_| single).or(host).unwrap_or_else(|| "rabbitmq".to_owned());
        let own = [self.cacert.clone(), self.cert.clone(), self.key.clone()];
        Ok(BrokerConfig {
            tls: tls(self.verify, own, first),
            name,
            cloud: self.cloud.clone(),
            transports: of_vhosts(urls),
            management,
            metrics,
            user,
            password,
            nodes: self.nodes,
            notifications: self.notifications.names(),
            origin: "[broker] in the settings".to_owned(),
        })
    }
}

/// `notifications = true`, or the names of the exchanges.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "notifications is true, false, or a list of exchanges")]
enum Exchanges {
    Asked(bool),
    Named(Vec<String>),
}

impl Exchanges {
    fn is_wanted(&self) -> bool {
        !self.names().is_empty()
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Asked(false) => Vec::new(),
            Self::Asked(true) => EXCHANGES.map(str::to_owned).into(),
            Self::Named(names) => names.clone(),
        }
    }
}

/// One for each vhost: the first that names it.
fn of_vhosts(urls: Vec<Transport>) -> Vec<Transport> {
    let mut transports: Vec<Transport> = Vec::new();
    for url in urls {
        if transports.iter().all(|known| known.vhost != url.vhost) {
            transports.push(url);
        }
    }
    transports
}

#[derive(Clone, Debug)]
struct TransportUrl(Transport);

impl Parse for TransportUrl {
    fn parse(text: &str) -> Result<Self, String> {
        Transport::parse(text).map(Self)
    }
}

/// `http://host:15672`, with or without a login and a path before `/api`.
#[derive(Clone, Debug)]
struct ManagementUrl {
    url: Url,
    login: Option<(String, Secret)>,
}

impl Parse for ManagementUrl {
    fn parse(text: &str) -> Result<Self, String> {
        management(text)
    }
}

fn management(text: &str) -> Result<ManagementUrl, String> {
    let mut url = Url::parse(text)
        .map_err(|error| format!("this is no URL ({error}): the management API is http://host:15672"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("the management API is http://host:15672, or https://host:15671".to_owned());
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login = (!url.username().is_empty())
        .then(|| (decoded(url.username()), Secret::new(decoded(url.password().unwrap_or_default()))));
    // It has a host, so both can be taken away.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/api").unwrap_or(path).to_owned();
    url.set_path(&path);
    Ok(ManagementUrl { url, login })
}

/// `http://host:15692`: whoever reaches it may read it, so there is no login in it.
#[derive(Clone, Debug)]
struct MetricsUrl(Url);

impl Parse for MetricsUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let known = management(text).ok().filter(|known| known.login.is_none());
        let mut url = known.ok_or("the metrics of a node are http://host:15692, without a login")?.url;
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/metrics").unwrap_or(path).to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }
}

/// What is written as one text. Its errors must not show it: it may hold a password.
trait Parse: Sized {
    fn parse(text: &str) -> Result<Self, String>;
}

/// One text, or a list of them.
#[derive(Clone, Debug)]
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Parse> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts(PhantomData))
    }
}

struct Texts<T>(PhantomData<T>);

impl<'de, T: Parse> Visitor<'de> for Texts<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a URL, or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
        T::parse(text).map(|one| Many(vec![one])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
        let mut many = Vec::new();
        while let Some(text) = seq.next_element::<Secret>()? {
            // An error is placed where the list begins.
            let number = many.len() + 1;
            let one = T::parse(text.expose());
            many.push(
                one.map_err(|error| A::Error::custom(format!("number {number} of the list: {error}")))?,
            );
        }
        Ok(Many(many))
    }
}

/// `[broker]` or `[[broker]]`.
struct Tables;

impl<'de> Visitor<'de> for Tables {
    type Value = Vec<Table>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table [broker], or several [[broker]]")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<Table>, A::Error> {
        Table::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<Table>, A::Error> {
        let tables: Vec<Table> = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
        match tables.iter().any(|table| matches!(table, Table::Over(_))) {
            true => Err(A::Error::custom(
                "each [[broker]] needs a `url` (its transport URL), a `management` URL, or both",
            )),
            false => Ok(tables),
        }
    }

    /// serde's own error would show the text, which may hold a password.
    fn visit_str<E: Error>(self, _: &str) -> Result<Vec<Table>, E> {
        Err(E::custom("a broker is a table: [broker], and below it url = \"…\""))
    }
}
