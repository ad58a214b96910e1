//! Lists that come in pages: complete whatever the page limit, and never round in circles.

use std::collections::HashSet;

use url::Url;

use super::{Error, Microversion, ServiceKind, Session};

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
    path: &'static str,
    cap: Option<Microversion>,
    parse: fn(&[u8]) -> Result<Parsed<T>, serde_json::Error>,
    /// The next page's query; `None` at the end.
    query: Option<Vec<(String, String)>>,
    seen: HashSet<Vec<(String, String)>>,
}

impl<T> Pages<T> {
    pub(super) fn new(
        session: &Session,
        service: ServiceKind,
        path: &'static str,
        query: Vec<(String, String)>,
        cap: Option<Microversion>,
        parse: fn(&[u8]) -> Result<Parsed<T>, serde_json::Error>,
    ) -> Self {
        Self { session: session.clone(), service, path, cap, parse, query: Some(query), seen: HashSet::new() }
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page<T>>, Error> {
        let Some(query) = self.query.take() else { return Ok(None) };
        let pairs: Vec<(&str, &str)> = query.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let body = self.session.get(self.service, self.path, &pairs, self.cap).await?;
        let (rows, next) = (self.parse)(&body).map_err(|error| Error::bad_answer(self.service, error))?;
        if let Some(next) = next {
            // Clouds behind TLS give inner addresses: only the query is used, on our own endpoint.
            let next = query_of(&next);
            self.seen.insert(query);
            if self.seen.contains(&next) {
                return Err(Error::bad_answer(
                    self.service,
                    format!("the pages of {} go round in circles", self.path),
                ));
            }
            self.query = Some(next);
        }
        Ok(Some(Page { rows, bytes: body.len() }))
    }
}

/// The query of a link that may be absolute, or a path alone.
fn query_of(link: &str) -> Vec<(String, String)> {
    let query = match Url::parse(link) {
        Ok(url) => url.query().unwrap_or_default().to_owned(),
        Err(_) => link.split_once('?').map_or_else(String::new, |(_, query)| query.to_owned()),
    };
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
