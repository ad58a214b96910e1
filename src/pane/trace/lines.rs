//! The records: as a tree request → service → record, or all of them in the order of time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{facts, head, record, said};
use crate::action::Action;
use crate::filter::{Filter, FilterError};
use crate::health::Verdict;
use crate::model::Level;
use crate::pane::{Cx, parts};
use crate::table::Slot;
use crate::tables::trace::COLUMNS;
use crate::theme::Role;
use crate::trace::story::{End, Request};
use crate::trace::{Account, Entry, Fact};
use crate::ui::tree::{Node, Tree};
use crate::ui::{format, text};

/// A request's records of one service on one host.
struct Group {
    /// Unique below its request.
    name: String,
    worst: Verdict,
    records: Vec<usize>,
}

/// What is asked of an account for each line on screen, found once.
#[derive(Default)]
struct Index {
    /// Of each request its name in the tree and its services, in the order in which they come in.
    requests: Vec<(String, Vec<Group>)>,
    /// Of each record its request, and when the one before it was written under that.
    request_of: HashMap<usize, (usize, Option<i64>)>,
    /// Steps by their record.
    steps: HashMap<usize, String>,
    /// What the APIs know beside.
    facts: Vec<Fact>,
}

impl Index {
    fn new(account: &Account) -> Self {
        let mut index = Self { facts: account.facts(), ..Self::default() };
        for (number, request) in account.story.requests.iter().enumerate() {
            let mut groups: Vec<Group> = Vec::new();
            let mut places: HashMap<(&str, &str), usize> = HashMap::new();
            let mut before = None;
            for at in &request.records {
                let Some(entry) = account.entries.get(*at) else { continue };
                index.request_of.insert(*at, (number, before));
                before = entry.at.or(before);
                let place = *places.entry((&entry.service, &entry.host)).or_insert_with(|| {
                    let name = format!("s{}@{}", entry.service, entry.host);
                    groups.push(Group { name, worst: Verdict::Ok, records: Vec::new() });
                    groups.len() - 1
                });
                groups[place].records.push(*at);
                groups[place].worst = groups[place].worst.max(record::verdict(entry));
            }
            for step in &request.steps {
                index.steps.insert(step.record, step.name.clone());
            }
            // Without an id there is one request at most.
            let name = request.id.map_or_else(|| "r".to_owned(), |id| format!("r{id}"));
            index.requests.push((name, groups));
        }
        index
    }

    /// The way from the root to a record.
    fn path(&self, at: usize) -> Option<Vec<String>> {
        let (name, groups) = self.requests.get(self.request_of.get(&at)?.0)?;
        let group = groups.iter().find(|group| group.records.binary_search(&at).is_ok())?;
        Some(vec![name.clone(), group.name.clone(), leaf(at).id])
    }

    /// The request of this name, and the group of that.
    fn find(&self, path: &[&str]) -> Option<(usize, Option<&Group>)> {
        let name = path.first()?;
        let at = self.requests.iter().position(|(known, _)| known == name)?;
        let group = path.get(1).and_then(|name| self.requests[at].1.iter().find(|group| group.name == *name));
        Some((at, group))
    }
}

/// The tree, and what it was built from.
#[derive(Default)]
pub(super) struct Lines {
    tree: Tree,
    account: Option<Arc<Account>>,
    index: Index,
    flat: bool,
    text: String,
    filter: Filter,
    /// Records that are shown, in their order on screen; those of closed branches are among them.
    order: Vec<usize>,
    /// Which nodes were open when it was built.
    opened: Option<usize>,
    /// Requests that were shown once: they open by themselves then.
    known: HashSet<String>,
    /// The operator has moved the cursor.
    moved: bool,
}

impl Lines {
    /// Builds the nodes anew when the account is another, or other nodes are open.
    pub fn sync(&mut self, account: &Arc<Account>, now: Timestamp) {
        let is_same = self.account.as_ref().is_some_and(|known| Arc::ptr_eq(known, account));
        if is_same && self.opened == Some(self.tree.opened()) {
            return;
        }
        let at = match () {
            () if is_same => None,
            () if self.moved => self.kept(account),
            // The cause is what one comes for.
            () => account.story.failure.as_ref().map(|failure| failure.record),
        };
        if !is_same {
            self.index = Index::new(account);
            self.account = Some(account.clone());
            self.open_new(account);
        }
        match at {
            Some(at) => self.show(account, at, now),
            None => self.build(account, now),
        }
    }

    /// Where the record under the cursor is in the new account.
    fn kept(&self, account: &Account) -> Option<usize> {
        let old = self.account.as_ref()?.entries.get(self.selected()?)?;
        account.entries.iter().position(|entry| entry.path == old.path && entry.offset == old.offset)
    }

    /// Requests that did something open by themselves, with their services; those that only looked stay closed.
    fn open_new(&mut self, account: &Account) {
        for (request, (name, groups)) in account.story.requests.iter().zip(&self.index.requests) {
            let is_deed = account.action(request).is_some() || request.end() == Some(End::Failed);
            if is_deed && self.known.insert(name.clone()) {
                self.tree.open(std::slice::from_ref(name));
                for group in groups {
                    self.tree.open(&[name.clone(), group.name.clone()]);
                }
            }
        }
    }

    fn build(&mut self, account: &Account, now: Timestamp) {
        let mut sieve = self.filter.sieve(COLUMNS, account, now);
        let mut passing = |records: &[usize]| -> Vec<usize> {
            let slots: Vec<Slot> = records.iter().map(|at| *at as Slot).collect();
            sieve.keep(&slots).into_iter().map(|slot| slot as usize).collect()
        };
        let mut order = Vec::new();
        let nodes = if self.flat {
            order = passing(&(0..account.entries.len()).collect::<Vec<_>>());
            order.iter().map(|at| leaf(*at)).collect()
        } else {
            let mut nodes = Vec::new();
            if !self.index.facts.is_empty() && self.filter.is_empty() {
                let leaf = |n| Node { id: format!("{FACTS}{n}"), children: Vec::new(), has_children: false };
                let children = (0..self.index.facts.len()).map(leaf).collect();
                nodes.push(Node { id: FACTS.to_owned(), children, has_children: true });
            }
            for (name, groups) in &self.index.requests {
                let mut children = Vec::new();
                for group in groups {
                    let records = passing(&group.records);
                    order.extend_from_slice(&records);
                    let is_open = self.tree.is_open(&[name.clone(), group.name.clone()]);
                    let leaves = records.iter().filter(|_| is_open).map(|at| leaf(*at)).collect();
                    if !records.is_empty() {
                        children.push(Node { id: group.name.clone(), children: leaves, has_children: true });
                    }
                }
                if !children.is_empty() {
                    nodes.push(Node { id: name.clone(), children, has_children: true });
                }
            }
            nodes
        };
        self.order = order;
        self.tree.set(&nodes);
        self.opened = Some(self.tree.opened());
    }

    /// Puts the cursor on a record, or on the nearest that passes the filter.
    fn show(&mut self, account: &Account, at: usize, now: Timestamp) {
        let mut at = at;
        if !self.filter.is_empty() {
            self.build(account, now);
            at = self.order.iter().copied().min_by_key(|shown| shown.abs_diff(at)).unwrap_or(at);
        }
        let path = if self.flat { Some(vec![leaf(at).id]) } else { self.index.path(at) };
        if let Some(path) = &path {
            for end in 1..path.len() {
                self.tree.open(&path[..end]);
            }
        }
        // The cursor stays only where its node is built.
        self.build(account, now);
        if let Some(path) = path.filter(|_| !self.order.is_empty()) {
            self.tree.select(&path);
            self.opened = Some(self.tree.opened());
        }
    }

    pub fn on(&mut self, action: Action, now: Timestamp) -> bool {
        match action {
            Action::ToggleTree => {
                let at = self.selected();
                self.flat = !self.flat;
                self.keep(at, now);
                true
            }
            Action::Enter if self.selected().is_none() && self.fact().is_none() => {
                self.step(Action::ToggleNode)
            }
            _ => self.step(action),
        }
    }

    /// What is shown is another, now and not with the next frame: the cursor stays on its record.
    fn keep(&mut self, at: Option<usize>, now: Timestamp) {
        self.opened = None;
        match (at, self.account.clone()) {
            (Some(at), Some(account)) => self.show(&account, at, now),
            (None, Some(account)) => self.build(&account, now),
            (_, None) => {}
        }
    }

    /// To the next error of the instance's own, or the one before; whether there is one.
    pub fn go_to_error(&mut self, forward: bool, now: Timestamp) -> bool {
        let Some(account) = self.account.clone() else { return false };
        let is_error = |at: &&usize| {
            account
                .entries
                .get(**at)
                .is_some_and(|entry| entry.parsed.level >= Level::Error && !entry.reason.is_of_another())
        };
        let here = self.here();
        let found = match (forward, self.selected()) {
            (true, Some(_)) => self.order.iter().skip(here + 1).find(is_error),
            (true, None) => self.order.iter().skip(here).find(is_error),
            (false, _) => self.order.iter().take(here).rfind(is_error),
        };
        let Some(at) = found.copied() else { return false };
        self.moved = true;
        self.show(&account, at, now);
        true
    }

    /// The place in what is shown of the record under the cursor, or of the first below its branch.
    fn here(&self) -> usize {
        let place = |at: usize| self.order.iter().position(|shown| *shown == at);
        let below = || match self.index.find(&self.tree.selected())? {
            (_, Some(group)) => group.records.iter().find_map(|at| place(*at)),
            (at, None) => {
                let records = self.index.requests.get(at)?.1.iter().flat_map(|group| &group.records);
                records.filter_map(|at| place(*at)).min()
            }
        };
        self.selected().and_then(place).or_else(below).unwrap_or(0)
    }

    fn step(&mut self, action: Action) -> bool {
        let is_its = self.tree.on(action);
        self.moved |= is_its;
        is_its
    }

    pub fn click(&mut self, row: u16) {
        self.moved = true;
        self.tree.click(row);
    }

    pub fn filter(&mut self, text: &str, now: Timestamp) -> Result<(), FilterError> {
        let columns: Vec<&'static str> = COLUMNS.iter().map(|column| column.name).collect();
        self.filter = Filter::parse(text, &columns)?;
        text.clone_into(&mut self.text);
        self.keep(self.selected(), now);
        Ok(())
    }

    pub fn filter_text(&self) -> &str {
        &self.text
    }

    /// The record under the cursor, by its place in the account.
    pub fn selected(&self) -> Option<usize> {
        self.tree.selected().last()?.strip_prefix('e')?.parse().ok()
    }

    /// What the APIs know, under the cursor.
    pub fn fact(&self) -> Option<&Fact> {
        self.index.facts.get(fact_number(self.tree.selected().last()?)?)
    }

    /// The request that the cursor is in; where it is in none, the one that failed, else the last that did something.
    pub fn request<'a>(&self, account: &'a Account) -> Option<&'a Request> {
        let requests = &account.story.requests;
        let of = |at: usize| self.index.request_of.get(&at).map(|(request, _)| *request);
        let here = self.selected().and_then(of);
        let here = here.or_else(|| self.index.find(&self.tree.selected()).map(|(at, _)| at));
        let failed = || account.story.failure.as_ref().and_then(|failure| of(failure.record));
        let last = || requests.iter().rposition(|request| account.action(request).is_some());
        requests.get(here.or_else(failed).or_else(last)?)
    }

    pub fn status(&self, account: &Account) -> String {
        let all = account.entries.len();
        let order = if self.flat { "by time" } else { "by request" };
        format!(
            "{} of {} shown · {order}",
            format::number(self.order.len() as i64),
            format::count(all, "record")
        )
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, cx: &Cx, account: &Account) {
        let index = &self.index;
        self.tree.draw(frame, area, cx.theme, cx.look, &|path, room| {
            line_of(cx, account, index, path, room).unwrap_or_default()
        });
    }
}

/// The branch of what the APIs know; its leaves are numbered.
const FACTS: &str = "k";

fn fact_number(id: &str) -> Option<usize> {
    id.strip_prefix(FACTS)?.parse().ok()
}

fn leaf(at: usize) -> Node {
    Node { id: format!("e{at}"), children: Vec::new(), has_children: false }
}

/// What a node says.
fn line_of(cx: &Cx, account: &Account, index: &Index, path: &[&str], room: usize) -> Option<Line<'static>> {
    if let Some(at) = path.last()?.strip_prefix('e') {
        let at: usize = at.parse().ok()?;
        let before = match path.len() {
            1 => at.checked_sub(1).and_then(|above| account.entries.get(above)?.at),
            _ => index.request_of.get(&at).and_then(|(_, before)| *before),
        };
        let step = index.steps.get(&at).map(String::as_str).unwrap_or_default();
        return Some(line(cx, account.entries.get(at)?, before, step, room));
    }
    if let Some(fact) = path.last().and_then(|id| index.facts.get(fact_number(id)?)) {
        return Some(facts::line(cx, fact));
    }
    if path == [FACTS] {
        return Some(facts::branch(cx, &index.facts, account.belongings.is_deleted));
    }
    match index.find(path)? {
        (at, None) => Some(request(cx, account, account.story.requests.get(at)?)),
        (_, Some(group)) => service(cx, account, group),
    }
}

fn request(cx: &Cx, account: &Account, request: &Request) -> Line<'static> {
    let (verdict, sum) = head::summary(account, request);
    let first = request.records.iter().filter_map(|at| account.entries.get(*at)?.at).min();
    let at = first.and_then(|at| Timestamp::from_microsecond(at).ok());
    let by = account.known(request).and_then(|action| action.user_id.as_ref());
    let by = by.map(|user| {
        let name = cx.store.users.by_id(user).map_or(user, |user| &user.name);
        format!("  by {name}")
    });
    let words = format!(
        "  {}{}  {}",
        at.map(|at| cx.clock.date_time(at)).unwrap_or_default(),
        by.unwrap_or_default(),
        format::count(request.records.len(), "record")
    );
    Line::from(vec![
        Span::styled(
            format!("{} ", cx.look.sign(parts::sign(verdict))),
            cx.theme.style(parts::role(verdict)),
        ),
        Span::styled(text::sanitise(&sum).into_owned(), cx.theme.style(Role::Accent)),
        Span::styled(text::sanitise(&words).into_owned(), cx.theme.style(Role::Dim)),
    ])
}

fn service(cx: &Cx, account: &Account, group: &Group) -> Option<Line<'static>> {
    let first = account.entries.get(*group.records.first()?)?;
    let sign = cx.look.sign(parts::sign(group.worst));
    let words = format!("{} on {}", first.service, first.host);
    Some(Line::from(vec![
        Span::styled(format!("{sign} "), cx.theme.style(parts::role(group.worst))),
        Span::raw(text::sanitise(&words).into_owned()),
        Span::styled(
            format!("  {}", format::count(group.records.len(), "record")),
            cx.theme.style(Role::Dim),
        ),
    ]))
}

/// `18:48:41.205  +0.067s  ctl01 nova-compute  ERROR  claimed  Failed to …  ▸ 46`: words give way last.
fn line(cx: &Cx, entry: &Entry, before: Option<i64>, step: &str, room: usize) -> Line<'static> {
    let time = entry.at.and_then(|at| Timestamp::from_microsecond(at).ok());
    let millis = entry.at.map_or(0, |at| at.rem_euclid(1_000_000) / 1_000);
    let time = time.map_or_else(|| "?".to_owned(), |at| format!("{}.{millis:03}", cx.clock.time(at)));
    let gap = match (entry.at, before) {
        (Some(at), Some(before)) if at - before >= 1_000 => {
            format!("+{}", crate::trace::seconds(at - before))
        }
        _ => String::new(),
    };
    let verdict = record::verdict(entry);
    let is_dim = entry.reason.is_of_another();
    let role = |role: Role| cx.theme.style(if is_dim { Role::Dim } else { role });
    let level = if verdict == Verdict::Ok { Role::Dim } else { parts::role(verdict) };
    let mut spans = vec![
        Span::styled(format!("{time} "), role(Role::Dim)),
        Span::styled(format!("{} ", text::fit(&gap, 8, true)), role(Role::Dim)),
    ];
    // Where the line is short of room, what the tree says already goes.
    if room >= 110 {
        let place = format!("{} {}", entry.host, entry.service);
        spans.push(Span::raw(format!("{} ", text::fit(&text::sanitise(&place), 24, false))));
    }
    let short = entry.parsed.level.as_str();
    spans.push(Span::styled(format!("{} ", text::fit(short, 7, false)), role(level)));
    if room >= 90 {
        spans.push(Span::styled(
            format!("{} ", text::fit(&text::sanitise(step), 14, false)),
            role(Role::Accent),
        ));
    }
    let more = match entry.more() {
        0 => String::new(),
        n => format!(" {} {n}", if cx.look.is_ascii() { "+" } else { "▸" }),
    };
    let used: usize = spans.iter().map(Span::width).sum();
    let words = room.saturating_sub(used + text::width(&more)).max(8);
    let message = text::cut(&said(entry.message()), words).into_owned();
    let style = if verdict == Verdict::Ok { role(Role::Text) } else { role(parts::role(verdict)) };
    spans.push(Span::styled(message, style));
    spans.push(Span::styled(more, role(Role::Dim)));
    Line::from(spans)
}
