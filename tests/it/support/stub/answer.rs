//! What the stub answers: a status, headers and a body, whole or broken; now, or when a gate opens.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

/// One answer of the script.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    pub(super) gate: Option<Gate>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    /// The head promises more than comes; then the connection breaks.
    Cut(Vec<u8>),
    /// This, again and again, for as long as the other end takes it.
    Endless(Vec<u8>),
    /// The connection breaks before anything was said.
    Nothing,
    /// What a healthy cloud would say: ends a script's turn.
    Usual,
}

impl Answer {
    fn new(status: u16, kind: &str, body: Body) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body, gate: None }
    }

    pub fn json(body: Value) -> Self {
        Self::new(200, "application/json", Body::Whole(body.to_string().into_bytes()))
    }

    /// A recorded body, as it is.
    pub fn sample(text: &str) -> Self {
        Self::new(200, "application/json", Body::Whole(text.as_bytes().to_vec()))
    }

    pub fn bytes(body: Vec<u8>) -> Self {
        Self::new(200, "application/json", Body::Whole(body))
    }

    /// A refusal, worded as nova words them.
    pub fn refusal(status: u16, message: &str) -> Self {
        let mut answer = Self::json(json!({ "error": { "code": status, "message": message } }));
        answer.status = status;
        answer
    }

    pub fn status(status: u16) -> Self {
        Self::refusal(status, "as the test says")
    }

    /// What a proxy or a login page answers.
    pub fn html(status: u16, body: &str) -> Self {
        Self::new(status, "text/html", Body::Whole(body.as_bytes().to_vec()))
    }

    pub fn redirect(to: &str) -> Self {
        Self::html(302, "<html>moved</html>").header("location", to)
    }

    /// Half of a body, then the connection breaks.
    pub fn cut(half: &str) -> Self {
        Self::new(200, "application/json", Body::Cut(half.as_bytes().to_vec()))
    }

    pub fn endless(piece: &str) -> Self {
        Self::new(200, "application/json", Body::Endless(piece.as_bytes().to_vec()))
    }

    pub fn closes() -> Self {
        Self::new(200, "", Body::Nothing)
    }

    pub fn usual() -> Self {
        Self::new(200, "", Body::Usual)
    }

    /// Takes the request and says nothing for as long as the test lasts.
    pub fn hangs() -> Self {
        Self::usual().held_by(&Gate::new())
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Comes only once the gate is open.
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

/// Holds answers back until it is opened, once and for all.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn new() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn pass(&self) {
        let mut opened = self.0.subscribe();
        // The sender lives in `self`: waiting cannot fail.
        let _ = opened.wait_for(|open| *open).await;
    }
}
