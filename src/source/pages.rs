//! Lists that come in pages: complete whatever the page limit, and never round in circles.

use std::collections::HashSet;

use tokio::task::{JoinError, spawn, spawn_blocking};
use tokio_util::task::AbortOnDropHandle;

use super::http::{Answer, lock};
use super::wire::{self, Words};
use super::{Error, Microversion, ServiceKind, Session};
use crate::model::Text;

/// One page of rows.
#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Size of the body.
    pub bytes: usize,
}

/// A page's rows, and the link to the next.
pub(super) type Parsed<T> = (Vec<T>, Option<String>);

/// How a page's body becomes rows.
pub(super) type Parse<T> = fn(&[u8], &mut Words) -> Result<Parsed<T>, serde_json::Error>;

/// What a page is asked with.
type PageQuery = Vec<(String, String)>;

/// A cursor over a list. While a page is parsed, the next one is on its way.
pub struct Pages<T> {
    session: Session,
    service: ServiceKind,
    path: String,
    cap: Option<Microversion>,
    parse: Parse<T>,
    /// What tells one row from another.
    key: fn(&T) -> &Text,
    /// The next page's query; `None` at the end.
    query: Option<PageQuery>,
    /// The answer that is awaited already, and what it was asked with.
    ahead: Option<(PageQuery, AbortOnDropHandle<Result<Answer, Error>>)>,
    asked: HashSet<PageQuery>,
    /// The first and last row of each page: a down cell's row may come first more than once.
    ends: HashSet<(Text, Text)>,
    /// Rows are sums over what is paged: the same ones may fill several pages.
    repeats: bool,
}

impl<T: Send + 'static> Pages<T> {
    pub(super) fn new(
        session: &Session,
        service: ServiceKind,
        path: impl Into<String>,
        cap: Option<Microversion>,
        parse: Parse<T>,
        key: fn(&T) -> &Text,
    ) -> Self {
        Self {
            session: session.clone(),
            service,
            path: path.into(),
            cap,
            parse,
            key,
            query: Some(Vec::new()),
            ahead: None,
            asked: HashSet::new(),
            ends: HashSet::new(),
            repeats: false,
        }
    }

    /// What the first page is asked with; links lead on from there.
    pub(super) fn with(mut self, query: PageQuery) -> Self {
        self.query = Some(query);
        self
    }

    /// A row may come again, with more of what it is about: only links tell a circle.
    pub(super) fn with_repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// The first page alone: the next one is not asked for.
    pub async fn first(mut self) -> Result<Option<Page<T>>, Error> {
        self.turn(false).await
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        self.turn(true).await
    }

    async fn turn(&mut self, goes_on: bool) -> Result<Option<Page<T>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let answer = match self.ahead.take() {
            Some((ahead, answer)) if ahead == query => answer.await.unwrap_or_else(gone)?,
            _ => self.ask(query.clone()).await?,
        };
        let (id, bytes) = (answer.id.clone(), answer.body.len());
        let next = wire::next_at_end(&answer.body).map(|link| query_of(&link));
        if let Some(next) = next.filter(|next| goes_on && *next != query && !self.asked.contains(next)) {
            self.ahead = Some((next.clone(), AbortOnDropHandle::new(spawn(self.ask(next)))));
        }
        // Megabytes of JSON would hold up what else this thread has to do.
        let (service, parse, words) = (self.service, self.parse, self.session.words());
        let read = spawn_blocking(move || {
            (answer.read(service, |body| parse(body, &mut lock(&words))), answer.body)
        });
        let (parsed, body) = read.await.unwrap_or_else(gone);
        self.session.give_back(body);
        let (rows, next) = parsed?;
        if let Some(next) = next {
            // Clouds behind TLS give inner addresses: only the query is used, on our own endpoint.
            let next = query_of(&next);
            self.asked.insert(query);
            // The same page under a new marker is a circle too, and so is one without rows that leads on.
            let ends =
                rows.first().zip(rows.last()).map(|(a, b)| ((self.key)(a).clone(), (self.key)(b).clone()));
            let is_new = ends.is_some_and(|ends| self.ends.insert(ends) || self.repeats);
            if !is_new || self.asked.contains(&next) {
                let what = format!("the pages of {} go round in circles", self.path);
                return Err(Error::bad_answer(self.service, what).with_id(&id));
            }
            self.query = Some(next);
        }
        Ok(Some(Page { rows, bytes }))
    }

    fn ask(&self, query: PageQuery) -> impl Future<Output = Result<Answer, Error>> + Send + use<T> {
        let (session, service, path, cap) = (self.session.clone(), self.service, self.path.clone(), self.cap);
        async move {
            let pairs: Vec<(&str, &str)> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            session.get(service, &path, &pairs, cap).await
        }
    }

    /// All rows of all pages.
    pub(super) async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        while let Some(page) = self.next().await? {
            rows.extend(page.rows);
        }
        Ok(rows)
    }
}

/// A task that did not come to its end panicked, and its panic goes on here; or the program ends, and nobody
/// waits for rows any more.
fn gone<T>(error: JoinError) -> T {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
    }
}

/// The query of a link that may be absolute, or a path alone.
fn query_of(link: &str) -> PageQuery {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::query_of;

    #[test]
    fn of_a_link_only_the_query_counts() {
        let expected = [("limit", "2"), ("marker", "a b")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        for link in [
            "http://10.0.0.1:8774/v2.1/servers/detail?limit=2&marker=a+b",
            "https://elsewhere.test/?limit=2&marker=a%20b#top",
            "/v2/images?limit=2&marker=a%20b",
            "?limit=2&marker=a%20b",
        ] {
            assert_eq!(query_of(link), expected, "{link}");
        }
        assert!(query_of("http://10.0.0.1/v2.1/servers").is_empty());
    }
}
