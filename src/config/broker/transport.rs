//! `transport_url` as oslo.messaging reads it: `rabbit://user:password@host:port,…/vhost?options`.
//!
//! No URL library takes several hosts, so the netloc is split here as oslo.messaging's
//! `TransportURL.parse` splits it; addresses, percent signs and options are the url crate's business.

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use crate::config::secret::Secret;
use crate::words::nearest;

/// A transport URL. One that holds a password never stands in a message or a log.
#[derive(Clone, Debug)]
pub struct Transport {
    pub hosts: Vec<Host>,
    pub user: String,
    pub password: Secret,
    /// `/` where the URL names none: kombu takes an empty one for that.
    pub vhost: String,
    /// Whether AMQP goes through TLS.
    pub secure: bool,
    options: Vec<(String, String)>,
}

/// One node of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// A name or an address; an IPv6 address without its brackets.
    pub name: String,
    pub port: u16,
}

impl Host {
    /// As it stands in a URL.
    pub fn in_url(&self) -> String {
        if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() }
    }
}

/// What oslo.messaging and kombu call RabbitMQ, and what AMQP libraries do.
const SCHEMES: [&str; 5] = ["rabbit", "amqp", "amqps", "kombu", "pyamqp"];
/// Transports of oslo.messaging and kombu that are no AMQP 0-9-1.
const OTHERS: [&str; 6] = ["kafka", "zmq", "fake", "qpid", "memory", "redis"];
/// RabbitMQ's own account, which oslo.messaging takes where a URL names none.
const GUEST: &str = "guest";

impl Transport {
    /// Errors name the part that is wrong, and never the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("a transport URL begins with its scheme: rabbit://user:password@host:5672/vhost")?;
        let scheme = scheme.to_lowercase();
        // `kombu+amqp`: the transport, by kombu's own name.
        let scheme = scheme.strip_prefix("kombu+").map(str::to_owned).unwrap_or(scheme);
        if OTHERS.contains(&scheme.as_str()) {
            return Err(format!(
                "stackwatch reads RabbitMQ over AMQP 0-9-1, and {scheme} is another transport"
            ));
        }
        if !SCHEMES.contains(&scheme.as_str()) {
            let near = nearest(&scheme, SCHEMES.into_iter());
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("there is no transport `{}`{near}", shown(&scheme)));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let options: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let (netloc, path) = rest.split_once('/').unwrap_or((rest, ""));
        let secure = scheme == "amqps" || options.iter().any(|(key, value)| key == "ssl" && is_true(value));
        // oslo.messaging goes to 5672 where none is named, with TLS too; only AMQP's own scheme means another.
        let port = if scheme == "amqps" { 5671 } else { 5672 };
        let mut transport = Self {
            hosts: Vec::new(),
            user: GUEST.to_owned(),
            password: Secret::new(GUEST),
            vhost: decoded(path, "the vhost")?,
            secure,
            options,
        };
        if transport.vhost.is_empty() {
            transport.vhost.push('/');
        }
        let mut logins = Vec::new();
        for part in netloc.split(',').filter(|part| !part.is_empty()) {
            // From the right: an `@` in a password that nobody encoded stays with it.
            let (login, address) = match part.rsplit_once('@') {
                Some((login, address)) => (Some(login), address),
                None => (None, part),
            };
            if let Some(login) = login {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                logins.push((decoded(user, "the user")?, Secret::new(decoded(password, "the password")?)));
            }
            transport.hosts.push(host(address, port)?);
        }
        if transport.hosts.is_empty() {
            transport.hosts.push(host("localhost", port)?);
        }
        // oslo writes the login before each host; where they differ, that of the first one counts.
        if let Some((user, password)) = logins.into_iter().next() {
            (transport.user, transport.password) = (user, password);
        }
        Ok(transport)
    }

    /// What `[oslo_messaging_rabbit]` says stands below what the URL says of itself.
    pub(super) fn below(&mut self, name: &str, value: &str) {
        if self.option(name).is_none() {
            self.options.push((name.to_owned(), value.to_owned()));
            self.secure |= name == "ssl" && is_true(value);
        }
    }

    /// An option as it is to be, or none.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        self.options.retain(|(key, _)| key != name);
        self.options.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// What stands behind the `?`: `ssl_ca_file`, `kombu_reconnect_delay` …
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `host`, `host:port`, `[::1]:port`.
fn host(address: &str, usual: u16) -> Result<Host, String> {
    let (name, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (name, behind) = rest
                .split_once(']')
                .ok_or("an IPv6 address stands in brackets: rabbit://user:password@[fd00::5]:5672/vhost")?;
            (name, behind.strip_prefix(':').unwrap_or(behind))
        }
        None => address.split_once(':').unwrap_or((address, "")),
    };
    let port = match port {
        "" => usual,
        // What stands here may be the end of a password with a `/` in it.
        text => text.parse().map_err(|_| {
            "the port behind the host is no number; a `/`, `,` or `?` in a password is written %2F, %2C, %3F"
        })?,
    };
    let name = if name.is_empty() { "localhost" } else { name };
    let in_url = if address.starts_with('[') { format!("[{name}]") } else { name.to_owned() };
    url::Host::parse(&in_url).map_err(|error| format!("`{}` is no host: {error}", shown(name)))?;
    Ok(Host { name: name.to_owned(), port })
}

/// oslo.utils' words for yes.
fn is_true(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

fn decoded(text: &str, what: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(|text| text.into_owned()).map_err(|_| format!("{what} is no UTF-8 behind its percent signs"))
}

/// The beginning of a word, for a message.
fn shown(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::Transport;

    fn hosts(transport: &Transport) -> String {
        let hosts: Vec<String> =
            transport.hosts.iter().map(|host| format!("{}:{}", host.in_url(), host.port)).collect();
        hosts.join(" ")
    }

    #[test]
    fn urls_as_oslo_messaging_reads_them() {
        // URL, hosts, user, password, vhost, TLS.
        for (url, addresses, user, password, vhost, secure) in [
            ("rabbit://u:p@h:5672/nova", "h:5672", "u", "p", "nova", false),
            ("rabbit://u:p@a:5672,u:p@b:5673,u:p@c/", "a:5672 b:5673 c:5672", "u", "p", "/", false),
            ("rabbit://u:p@h", "h:5672", "u", "p", "/", false),
            ("rabbit://u:p@h/", "h:5672", "u", "p", "/", false),
            ("rabbit://u:p@h//", "h:5672", "u", "p", "/", false),
            ("rabbit://u:p@h//zed", "h:5672", "u", "p", "/zed", false),
            ("rabbit://u:p@h/%2Fzed", "h:5672", "u", "p", "/zed", false),
            ("rabbit://u:p@[fd00::5]:5673,u:p@[::1]/v", "[fd00::5]:5673 [::1]:5672", "u", "p", "v", false),
            ("rabbit://o%40s:p%40%3A%2F%2C%3F@h/v", "h:5672", "o@s", "p@:/,?", "v", false),
            ("rabbit://u:p@ss@h/v", "h:5672", "u", "p@ss", "v", false),
            ("rabbit://u:p:q@h/v", "h:5672", "u", "p:q", "v", false),
            ("rabbit://u:p@h/v?ssl=1&ssl_ca_file=/ca.pem", "h:5672", "u", "p", "v", true),
            ("rabbit://u:p@h/v?ssl=False&kombu_reconnect_delay=0.5", "h:5672", "u", "p", "v", false),
            ("amqps://u:p@h/v", "h:5671", "u", "p", "v", true),
            ("kombu+amqp://u:p@h/v", "h:5672", "u", "p", "v", false),
            ("kombu+rabbit://u:p@h:5673/v", "h:5673", "u", "p", "v", false),
            ("rabbit://", "localhost:5672", "guest", "guest", "/", false),
            ("kombu://h:5672/v", "h:5672", "guest", "guest", "v", false),
            ("rabbit://前端:パス@h/云", "h:5672", "前端", "パス", "云", false),
        ] {
            let transport = Transport::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(hosts(&transport), addresses, "{url}");
            assert_eq!(transport.user, user, "{url}");
            assert_eq!(transport.password.expose(), password, "{url}");
            assert_eq!((transport.vhost.as_str(), transport.secure), (vhost, secure), "{url}");
            assert!(!format!("{transport:?}").contains(&format!("{password:?}")) || password == "guest");
        }
        let ssl = Transport::parse("rabbit://u:p@h/v?ssl=1&ssl_ca_file=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(ssl.option("ssl_ca_file"), Some("/etc/ca.pem"));
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_with_it() {
        for (url, words) in [
            ("u:hunter2@h:5672/v", "begins with its scheme"),
            ("rabit://u:hunter2@h/v", "did you mean `rabbit`?"),
            ("kafka://u:hunter2@h/v", "kafka is another transport"),
            ("fake://", "fake is another transport"),
            ("kombu+memory://u:hunter2@h", "memory is another transport"),
            ("kombu+rabit://u:hunter2@h", "did you mean `rabbit`?"),
            ("rabbit://u:hunter2@h:port/v", "the port behind the host is no number"),
            ("rabbit://u:hunter2/hunter2@h/v", "is written %2F"),
            ("rabbit://u:hunter2@[fd00::5/v", "stands in brackets"),
            ("rabbit://u:hunter2@a b/v", "`a b` is no host"),
            ("rabbit://u:hunter2%ff@h/v", "the password is no UTF-8"),
        ] {
            let error = Transport::parse(url).unwrap_err();
            assert!(error.contains(words), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{url}: {error}");
        }
    }
}
