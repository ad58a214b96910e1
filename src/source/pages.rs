//! Lists that come in pages: complete whatever the page limit, and never round in circles.

use std::collections::HashSet;

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

/// A cursor over a list.
pub struct Pages<T> {
    session: Session,
    service: ServiceKind,
    path: String,
    cap: Option<Microversion>,
    parse: fn(&[u8]) -> Result<Parsed<T>, serde_json::Error>,
    /// What tells one row from another.
    key: fn(&T) -> &Text,
    /// The next page's query; `None` at the end.
    query: Option<Vec<(String, String)>>,
    asked: HashSet<Vec<(String, String)>>,
    /// The first and last row of each page: a down cell's row may come first more than once.
    ends: HashSet<(Text, Text)>,
}

impl<T> Pages<T> {
    pub(super) fn new(
        session: &Session,
        service: ServiceKind,
        path: impl Into<String>,
        cap: Option<Microversion>,
        parse: fn(&[u8]) -> Result<Parsed<T>, serde_json::Error>,
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
            asked: HashSet::new(),
            ends: HashSet::new(),
        }
    }

    /// What the first page is asked with; links lead on from there.
    pub(super) fn with(mut self, query: Vec<(String, String)>) -> Self {
        self.query = Some(query);
        self
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let pairs: Vec<(&str, &str)> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let answer = self.session.get(self.service, &self.path, &pairs, self.cap).await?;
        let (rows, next) = answer.read(self.service, self.parse)?;
        if let Some(next) = next {
            // Clouds behind TLS give inner addresses: only the query is used, on our own endpoint.
            let next = query_of(&next);
            self.asked.insert(query);
            // The same page under a new marker is a circle too, and so is one without rows that leads on.
            let ends =
                rows.first().zip(rows.last()).map(|(a, b)| ((self.key)(a).clone(), (self.key)(b).clone()));
            let is_new = ends.is_some_and(|ends| self.ends.insert(ends));
            if !is_new || self.asked.contains(&next) {
                let what = format!("the pages of {} go round in circles", self.path);
                return Err(Error::bad_answer(self.service, what).with_id(&answer.id));
            }
            self.query = Some(next);
        }
        Ok(Some(Page { rows, bytes: answer.body.len() }))
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

/// The query of a link that may be absolute, or a path alone.
fn query_of(link: &str) -> Vec<(String, String)> {
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
