//! `show TABLE`: rows once, for scripts and pipes.

mod trend;
mod usage;

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Failure, Settings, broker_limits, brokers, error_json, lookup, one_cloud, session, settings};
use crate::cli::{Common, Over, Rows};
use crate::config::clouds;
use crate::exit::Exit;
use crate::feed::Feed;
use crate::filter::Filter;
use crate::health::{expect, quota};
use crate::model::Trouble;
use crate::report::Topic;
use crate::request::Wanted;
use crate::source::Sources;
use crate::store::{Standing, Store};
use crate::table::{Align, Column, Slot, Table, Value};
use crate::tables::trend::Still;
use crate::tables::{self, Listed};
use crate::ui::{format, text};

/// What the dashboard has recorded, and what nova adds up over a time, is no table of the store.
const TREND: &str = "trend";
const TREND_OVER: Over = Over::Span(Duration::from_secs(7 * 86_400));
const USAGE: &str = tables::usage::TABLE.name;

/// What to show, and how.
pub struct Wish {
    pub table: String,
    /// Of `trend` alone: which series.
    pub series: Option<String>,
    /// Of `trend` and `usage`: how far back.
    pub over: Option<Over>,
    /// Of `usage` alone: the period, and whether a project's instances are told one by one.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub servers: bool,
    pub filter: Option<String>,
    /// Of this project alone, by name or id.
    pub project: Option<String>,
    pub sort: Option<String>,
    pub output: Rows,
}

/// Reads the table's topics once and prints its rows.
pub async fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
    let listed = tables::by_name(&wish.table);
    if listed.is_none() && ![USAGE, TREND].contains(&&*wish.table) {
        return Err(unknown_table(&wish.table));
    }
    if let Some(failure) = misplaced(wish) {
        return Err(failure);
    }
    let Some(listed) = listed else {
        return if wish.table == USAGE { usage::run(common, wish).await } else { trend::run(common, wish) };
    };
    let filter = parsed(listed.table, wish.filter.as_deref())?;
    let order = order(listed.table, wish.sort.as_deref())?;
    let file = settings(common)?;
    let sources = sources(common, &file, listed)?;
    let about = About {
        cloud: sources.cloud().map(|cloud| cloud.name.clone()),
        region: sources.cloud().and_then(|cloud| cloud.region.clone()),
    };
    let has_cloud = sources.session.is_some();
    let reads: Vec<Topic> =
        listed.reads.iter().copied().filter(|topic| has_cloud || topic.is_of_broker()).collect();
    let projects = quota::Order::only(wish.project.clone());
    let store = read(sources, &reads, projects, common.timeout).await;
    let now = Timestamp::now();
    let mut slots = select(listed.table, &store, &filter, order, now);
    if let Some(project) = &wish.project {
        slots.retain(|slot| {
            store.quotas.get(*slot).is_some_and(|row| quota::is_called(&store, &row.id, project))
        });
    }
    let errors = errors(&store, &reads, now);
    let sources = reads.iter().map(|&topic| source_json(&store, topic, now)).collect();
    let exit = print(wish.output, (listed.table, &store, &slots), &about, sources, &errors, now)?;
    Ok(match &wish.project {
        Some(project) if slots.is_empty() && errors.is_empty() => no_project(project),
        _ => exit,
    })
}

fn no_project(name: &str) -> Exit {
    super::complain(&format!("there is no project `{name}`"), "`show quotas` lists all of them");
    Exit::NotThere
}

/// An option of other tables.
fn misplaced(wish: &Wish) -> Option<Failure> {
    let options: [(bool, &str, &[&str]); 6] = [
        (wish.series.is_some(), "a series", &[TREND]),
        (wish.over.is_some(), "--over", &[USAGE, TREND]),
        (wish.from.is_some(), "--from", &[USAGE]),
        (wish.to.is_some(), "--to", &[USAGE]),
        (wish.servers, "--servers", &[USAGE]),
        (wish.project.is_some(), "--project", &[tables::quotas::TABLE.name, USAGE]),
    ];
    let is_misplaced = |(given, _, of): &(bool, &str, &[&str])| *given && !of.contains(&&*wish.table);
    let (_, what, of) = options.into_iter().find(is_misplaced)?;
    let failure = Failure::usage(format!("{what} belongs to `show {}`", of.join("` and `show ")));
    let next_step = (what == "--project").then(|| "take --filter for this one".to_owned());
    Some(Failure { next_step, ..failure })
}

/// What the table needs: a cloud, the brokers, or both. A broker's rows need no cloud, though they say more
/// with one.
fn sources(common: &Common, file: &Settings, listed: &Listed) -> Result<Sources, Failure> {
    let is_of_broker = |topic: &Topic| topic.is_of_broker();
    if !listed.reads.iter().any(is_of_broker) {
        let session = Some(session(one_cloud(common, file)?, file)?);
        return Ok(Sources { session, quotas: file.quotas, ..Sources::default() });
    }
    if file.broker.all.is_empty() && listed.reads.first().is_some_and(is_of_broker) {
        let error = crate::source::rabbitmq::unconfigured(&file.broker.troubles);
        return Err(Failure { next_step: Some(error.next_step), ..Failure::usage(error.message) });
    }
    let cloud = match clouds::find(&lookup(common, file)) {
        Err(error) if error.is_nothing() => None,
        _ => Some(one_cloud(common, file)?),
    };
    let (name, limits) = (cloud.as_ref().map(|cloud| cloud.name.clone()), broker_limits());
    let brokers = brokers(file, name.as_deref(), limits)?;
    let amqp = super::amqp(file, name.as_deref(), limits)?;
    let session = cloud.map(|cloud| session(cloud, file)).transpose()?;
    Ok(Sources { session, brokers, amqp, ..Sources::default() })
}

struct About {
    /// None where a broker alone was asked.
    cloud: Option<String>,
    region: Option<String>,
}

fn unknown_table(name: &str) -> Failure {
    let names: Vec<&str> =
        tables::TABLES.iter().map(|listed| listed.table.name).chain([USAGE, TREND]).collect();
    Failure::unknown("there is no table", name, &names)
}

/// The filter over a table's columns.
fn parsed<C: ?Sized>(table: &Table<C>, filter: Option<&str>) -> Result<Filter, Failure> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    Filter::parse(filter.unwrap_or_default(), &names)
        .map_err(|error| Failure::usage(format!("--filter: {error}")))
}

/// `COL` or `-COL`; the table's own order otherwise.
fn order<C: ?Sized>(table: &Table<C>, sort: Option<&str>) -> Result<(&'static str, bool), Failure> {
    let Some(sort) = sort else { return Ok(table.sort) };
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    match table.column(name) {
        Some(column) => Ok((column.name, descending)),
        None => {
            let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            Err(Failure::unknown(&format!("--sort: {} has no column", table.name), name, &names))
        }
    }
}

/// Runs the collectors of these topics until each has succeeded or failed once, or time is up. `projects` says whose
/// quotas are asked for.
pub async fn read(
    sources: impl Into<Sources>,
    topics: &[Topic],
    mut projects: quota::Order,
    timeout: Duration,
) -> Store {
    let sources = sources.into();
    let mut store = Store::default();
    let mut queues = expect::Names::new(sources.session.is_some());
    let mut feed = Feed::start(sources, 0, |topic| topics.contains(&topic));
    let deadline = tokio::time::Instant::now() + timeout;
    let mut batch = Vec::new();
    while !topics.iter().all(|topic| store.freshness(*topic).settled()) {
        // Before the first report too: without a cloud none may come until it is said that no list will.
        let (queues, quotas) = (queues.of(&store), projects.of(&store));
        feed.want(Wanted { queues, quotas, ..Wanted::default() });
        let taken = tokio::time::timeout_at(deadline, feed.reports(&mut batch, 64)).await;
        for report in batch.drain(..) {
            store.apply(report);
        }
        if !matches!(taken, Ok(Ok(()))) {
            break;
        }
    }
    store
}

fn select<C: ?Sized>(
    table: &'static Table<C>,
    store: &C,
    filter: &Filter,
    (name, descending): (&str, bool),
    now: Timestamp,
) -> Vec<Slot> {
    let slots = (table.slots)(store);
    let mut rows = filter.sieve(table.columns, store, now).keep(&slots.live());
    if let Some(column) = table.column(name) {
        let compare = |column: &Column<C>, a, b| column.key(store, a).order(&column.key(store, b));
        rows.sort_by(|&a, &b| {
            let order = compare(column, a, b);
            let order = if descending { order.reverse() } else { order };
            order.then_with(|| compare(&table.columns[0], a, b)).then_with(|| slots.key(a).cmp(&slots.key(b)))
        });
    }
    rows
}

fn errors(store: &Store, topics: &[Topic], now: Timestamp) -> Vec<Trouble> {
    let mut errors = Vec::new();
    for &topic in topics {
        let fresh = store.freshness(topic);
        // Who is told of the own project's name alone has a name for each of its rows: that says nothing of other tables.
        let limit = fresh
            .limit
            .as_ref()
            .filter(|_| topic != Topic::Projects || topics.first() == Some(&Topic::Projects));
        let known = fresh.outage.as_ref().map(|failing| &failing.outage).or(limit);
        if let Some(outage) = known {
            errors.push(Trouble {
                source: topic.source(),
                kind: outage.kind.as_str(),
                message: format!("{}: {}", topic.name(), outage.message),
                next_step: outage.next_step.clone(),
                request_id: outage.request_id.clone(),
            });
        } else if fresh.standing(topic, now) == Standing::Waiting || fresh.progress.is_some() {
            errors.push(Trouble {
                source: topic.source(),
                kind: "timeout",
                message: match fresh.progress {
                    Some(p) => format!("{}: not all read in time ({} so far)", topic.name(), p.seen),
                    None => format!("{}: no answer in time", topic.name()),
                },
                next_step: "give it longer with --timeout".to_owned(),
                request_id: None,
            });
        }
    }
    errors
}

/// How well a topic is known, as an entry of `sources`.
fn source_json(store: &Store, topic: Topic, now: Timestamp) -> Json {
    let fresh = store.freshness(topic);
    json!({
        "name": format!("{} {}", topic.source(), topic.name()),
        "as_of": fresh.as_of.map(|at| at.to_string()),
        "complete": fresh.complete && fresh.limit.is_none() && fresh.standing(topic, now) == Standing::Fresh,
    })
}

/// The rows at these slots on standard output, and what could not be had on standard error. Nobody who reads is no
/// failure.
fn print<C: ?Sized>(
    output: Rows,
    (table, cx, slots): (&Table<C>, &C, &[Slot]),
    about: &About,
    sources: Vec<Json>,
    errors: &[Trouble],
    now: Timestamp,
) -> Result<Exit, Failure> {
    let printed = match output {
        Rows::Json => write_json(&json!({
            "schema": 1,
            "cloud": about.cloud,
            "region": about.region,
            "sources": sources,
            "errors": errors.iter().map(error_json).collect::<Vec<Json>>(),
            "rows": rows_json(table, cx, slots),
        })),
        Rows::Csv => print_csv(table, cx, slots),
        Rows::Table => print_table(table, cx, slots, now),
    };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
        Err(error) => return Err(Failure::usage(format!("cannot write to standard output: {error}"))),
        Ok(()) => {}
    }
    for error in errors {
        super::complain(&format!("{}: {}", error.source, error.message), &error.next_step);
    }
    Ok(if errors.is_empty() { Exit::Done } else { Exit::Partial })
}

/// The same of rows that are no table of the store.
fn print_still<T>(
    wish: &Wish,
    (table, rows): (&'static Table<Still<T>>, &Still<T>),
    about: &About,
    sources: Vec<Json>,
    errors: &[Trouble],
    now: Timestamp,
) -> Result<Exit, Failure> {
    let filter = parsed(table, wish.filter.as_deref())?;
    let slots = select(table, rows, &filter, order(table, wish.sort.as_deref())?, now);
    print(wish.output, (table, rows, &slots), about, sources, errors, now)
}

/// An object for each row, with all columns.
fn rows_json<C: ?Sized>(table: &Table<C>, store: &C, slots: &[Slot]) -> Vec<Json> {
    let row = |slot: Slot| {
        let cell = |column: &Column<C>| (column.name.to_owned(), json_of(&(column.value)(store, slot)));
        Json::Object(table.columns.iter().map(cell).collect::<Map<String, Json>>())
    };
    slots.iter().map(|slot| row(*slot)).collect()
}

/// A document on standard output, with nothing in it that a terminal would obey.
pub fn write_json(document: &Json) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
    // JSON escapes the C0 controls by itself. What else a terminal obeys, or nobody sees, stands within
    // texts alone: escaped, names stay as the cloud has them.
    for piece in text.split_inclusive(|c| c != '\n' && text::is_unsafe(c)) {
        match piece.chars().next_back().filter(|c| *c != '\n' && text::is_unsafe(*c)) {
            Some(last) => {
                out.write_all(&piece.as_bytes()[..piece.len() - last.len_utf8()])?;
                for unit in last.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            None => out.write_all(piece.as_bytes())?,
        }
    }
    writeln!(out)?;
    out.flush()
}

/// Names stay as the cloud has them.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Unknown | Value::Absent => Json::Null,
        Value::Text(text) => Json::String(text.to_string()),
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => json!(n),
        Value::Float(n) => json!(n),
        Value::Time(at) => Json::String(at.to_string()),
        Value::Span(span) => json!(span.as_secs()),
        Value::List(list) => Json::Array(list.iter().map(|item| Json::String(item.to_string())).collect()),
    }
}

/// RFC 4180, all columns, for spreadsheets: control characters are stripped there.
fn print_csv<C: ?Sized>(table: &Table<C>, store: &C, slots: &[Slot]) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    write!(out, "{}\r\n", names.join(","))?;
    for &slot in slots {
        for (i, column) in table.columns.iter().enumerate() {
            let cell = match json_of(&(column.value)(store, slot)) {
                Json::Null => String::new(),
                Json::String(text) => text,
                Json::Array(list) => list.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
                other => other.to_string(),
            };
            let cell = text::sanitise(&cell);
            let comma = if i == 0 { "" } else { "," };
            if cell.contains([',', '"']) {
                write!(out, "{comma}\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                write!(out, "{comma}{cell}")?;
            }
        }
        write!(out, "\r\n")?;
    }
    out.flush()
}

/// Aligned columns, as wide as their content: what the grid shows, without its cutting.
fn print_table<C: ?Sized>(table: &Table<C>, store: &C, slots: &[Slot], now: Timestamp) -> io::Result<()> {
    let columns: Vec<_> = table.columns.iter().filter(|column| column.width.1 > 0).collect();
    let cells: Vec<Vec<String>> = slots
        .iter()
        .map(|&slot| columns.iter().map(|column| format::cell(table, store, slot, column, now)).collect())
        .collect();
    let width = |i: usize| {
        let title = columns.get(i).map_or(0, |column| text::width(column.title));
        cells.iter().map(|row| row.get(i).map_or(0, |cell| text::width(cell))).fold(title, usize::max)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let titles = columns.iter().map(|column| column.title.to_owned()).collect();
    for row in std::iter::once(titles).chain(cells) {
        let mut line = String::new();
        for ((cell, column), width) in row.iter().zip(&columns).zip(&widths) {
            let pad = " ".repeat(width.saturating_sub(text::width(cell)));
            match column.align {
                Align::Left | Align::Ends => line.extend([cell.as_str(), &pad]),
                Align::Right => line.extend([&pad, cell.as_str()]),
            }
            line.push_str("  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}
