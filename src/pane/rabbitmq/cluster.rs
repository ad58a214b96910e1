//! The brokers in a few lines above their queues, and everything about them in details.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::health::expect::Expected;
use crate::health::{self, Verdict};
use crate::model::{Broker, BrokerNode, Connections, Counters};
use crate::pane::{Cx, parts};
use crate::report::Topic;
use crate::tables::queues::per_second;
use crate::theme::Role;
use crate::ui::details::Section;
use crate::ui::{format, spark, text};

/// Lines that brokers may take of a pane of this height.
fn room(height: u16) -> u16 {
    height / 4
}

/// Draws them with a rule below; the lines that it took.
pub(super) fn draw(frame: &mut Frame, area: Rect, cx: &Cx, missing: &[Expected]) -> u16 {
    let lines = lines(cx, missing, area.width as usize);
    let taken = (lines.len() as u16).min(room(area.height));
    if taken == 0 {
        return 0;
    }
    for (line, y) in lines.into_iter().zip(area.y..area.y + taken) {
        let line = text::cut_line(line, area.width as usize);
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
    let rule = Line::styled(cx.look.rule().repeat(area.width as usize), cx.theme.style(Role::Rule));
    frame.render_widget(rule, Rect { y: area.y + taken, height: 1, ..area });
    if parts::is_stale(cx, Topic::Brokers) {
        text::fade(frame.buffer_mut(), Rect { height: taken, ..area }, cx.theme);
    }
    taken + 1
}

fn brokers<'a>(cx: &Cx<'a>) -> Vec<&'a Broker> {
    let mut brokers: Vec<&Broker> = cx.store.brokers.iter().map(|(_, row)| row).collect();
    brokers.sort_by(|a, b| a.name.cmp(&b.name));
    brokers
}

/// What is worst of all brokers stands right below the first line: a screen may have no room for more.
fn lines(cx: &Cx, missing: &[Expected], width: usize) -> Vec<Line<'static>> {
    let brokers = brokers(cx);
    let mut lines = Vec::new();
    let mut worst: Option<health::Note> = None;
    for broker in &brokers {
        let notes = health::broker::notes(cx.store, broker);
        let verdict = notes.first().map_or(Verdict::Ok, |note| note.verdict);
        let summary = flow(summary(cx, broker, verdict, brokers.len() > 1), width);
        if brokers.len() == 1 {
            lines.extend(summary);
            lines.extend(flow(limits(cx, broker), width));
        } else {
            // A line each: what has no room is in the details.
            lines.extend(summary.into_iter().take(1));
        }
        let first = notes.into_iter().next();
        if first.as_ref().map(|note| note.verdict) > worst.as_ref().map(|note| note.verdict) {
            worst = first;
        }
    }
    let lost = missing.first().map(|expected| health::Note {
        verdict: Verdict::Warning,
        words: health::broker::missing_words(expected)
            + &match missing.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            },
    });
    let noted = worst.filter(|note| note.verdict > Verdict::Info);
    if let Some(note) = noted.into_iter().chain(lost).max_by_key(|note| note.verdict) {
        lines.insert(1.min(lines.len()), words(cx, note.verdict, &note.words));
    }
    lines
}

/// Puts pieces into as many lines as they need, none of them cut in two.
fn flow(pieces: Vec<Vec<Span<'static>>>, width: usize) -> Vec<Line<'static>> {
    const GAP: &str = "  ";
    const INDENT: &str = "   ";
    let mut lines: Vec<Line> = Vec::new();
    for piece in pieces {
        let wide: usize = piece.iter().map(Span::width).sum();
        let gap = Span::raw(GAP);
        match lines.last_mut().filter(|line| line.width() + gap.width() + wide <= width) {
            Some(line) => {
                line.push_span(gap);
                line.spans.extend(piece);
            }
            // What goes on stands below the name, which has a sign before it.
            None => {
                let mut line = Line::from(if lines.is_empty() { "" } else { INDENT });
                line.spans.extend(piece);
                lines.push(line);
            }
        }
    }
    lines
}

fn words(cx: &Cx, verdict: Verdict, words: &str) -> Line<'static> {
    Line::from(vec![
        Span::styled(
            format!(" {} ", cx.look.sign(parts::sign(verdict))),
            cx.theme.style(parts::role(verdict)),
        ),
        Span::raw(text::sanitise(words).into_owned()),
    ])
}

/// Name, version, nodes, rates, what waits, connections.
fn summary(cx: &Cx, broker: &Broker, verdict: Verdict, several: bool) -> Vec<Vec<Span<'static>>> {
    let style = |verdict| cx.theme.style(parts::role(verdict));
    let sign = |verdict| cx.look.sign(parts::sign(verdict));
    let plain = |text: String| Span::raw(text::sanitise(&text).into_owned());
    // Rows have its name in the settings; operators know the cluster's.
    let name = match &broker.cluster_name {
        Some(cluster) if several => format!("{} · {cluster}", broker.name),
        Some(cluster) => cluster.to_string(),
        None => broker.name.to_string(),
    };
    let mut pieces = vec![vec![
        Span::styled(format!(" {} ", sign(verdict)), style(verdict)),
        Span::styled(text::sanitise(&name).into_owned(), cx.theme.style(Role::Header)),
        plain(format!("  {}", broker.version.as_deref().unwrap_or("?"))),
    ]];
    let nodes = cx.store.nodes_of(&broker.name);
    for node in &nodes {
        let verdict = health::node::verdict(node);
        let down = match node.running {
            Some(false) if !node.partitions.is_empty() => " partitioned",
            Some(false) => " down",
            _ => "",
        };
        pieces.push(vec![
            Span::styled(format!("{} ", sign(verdict)), style(verdict)),
            plain(format!("{}{down}", short(&node.name, &nodes))),
        ]);
    }
    let trend = cx.store.trend(&broker.name);
    let rate = |name: &str, said: Option<f64>, series: Vec<f64>| {
        let now = said.or(series.last().copied()).map_or_else(|| "?".to_owned(), per_second);
        // Bars are drawn of whole numbers, and quiet brokers pass less than a message a second.
        let bars = spark::line(series.iter().map(|rate| (rate * 100.0) as u64));
        plain(format!("{name} {now}/s {bars}").trim_end().to_owned())
    };
    let series = |of: fn(&Counters) -> Option<u64>| trend.map(|trend| trend.rates(of)).unwrap_or_default();
    let rates = &broker.rates;
    pieces.push(vec![rate("in", rates.publish, series(|counters| counters.publish))]);
    pieces.push(vec![rate("out", rates.deliver, series(|counters| counters.deliver))]);
    pieces.push(vec![rate("ack", rates.ack, series(|counters| counters.ack))]);
    let depths = trend.map(|trend| spark::line(trend.depths())).unwrap_or_default();
    let count = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| format::number(n as i64));
    pieces.push(vec![plain(format!("ready {} {depths}", count(broker.totals.ready)).trim_end().to_owned())]);
    pieces.push(vec![plain(format!("unacked {}", count(broker.totals.unacked)))]);
    pieces.push(vec![plain(connections(broker))]);
    pieces
}

fn connections(broker: &Broker) -> String {
    let all = broker.totals.connections.map_or_else(|| "?".to_owned(), |n| format::number(n as i64));
    let waiting = broker.connections.as_ref().map(|connections| {
        let Connections { blocked, blocking, flow, .. } = connections;
        let each = [(blocked, "blocked"), (blocking, "blocking"), (flow, "in flow")];
        each.iter()
            .filter(|(n, _)| **n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect::<Vec<_>>()
            .join(", ")
    });
    let waiting =
        waiting.filter(|words| !words.is_empty()).map(|words| format!(" ({words})")).unwrap_or_default();
    format!("conns {all}{waiting}")
}

/// `rabbit@ctl01` is ctl01 to everybody, unless it shares that host with another node.
fn short<'a>(name: &'a str, nodes: &[&BrokerNode]) -> &'a str {
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    short_among(name, &names)
}

fn short_among<'a>(name: &'a str, names: &[&str]) -> &'a str {
    let Some((_, host)) = name.split_once('@') else { return name };
    let there = names.iter().filter(|other| other.split_once('@').is_some_and(|(_, other)| other == host));
    if there.count() > 1 { name } else { host }
}

/// Memory, disk, descriptors, alarms, partitions: of a line's length, for each node has its own in the details.
fn limits(cx: &Cx, broker: &Broker) -> Vec<Vec<Span<'static>>> {
    let nodes = cx.store.nodes_of(&broker.name);
    // Of several nodes the fullest, which is what there is to look at.
    let fullest = |share: &dyn Fn(&BrokerNode) -> Option<f64>| {
        let running = nodes.iter().filter(|node| node.running != Some(false));
        let known = running.filter_map(|node| Some((share(node)?, node)));
        match known.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
            None => "?".to_owned(),
            Some((share, _)) if nodes.len() == 1 => format!("{:.0}%", share * 100.0),
            Some((share, node)) => format!("{:.0}% {}", share * 100.0, short(&node.name, &nodes)),
        }
    };
    let disk = nodes.iter().filter_map(|node| node.disk_free).min();
    let disk = disk.map_or_else(|| "?".to_owned(), format::bytes);
    let alarms = match &broker.alarms {
        None => "?".to_owned(),
        Some(alarms) if alarms.is_empty() => "none".to_owned(),
        Some(alarms) => {
            let each =
                alarms.iter().map(|alarm| format!("{} on {}", alarm.resource, short(&alarm.node, &nodes)));
            each.collect::<Vec<_>>().join(", ")
        }
    };
    let partitioned: Vec<&str> = nodes
        .iter()
        .filter(|node| !node.partitions.is_empty())
        .map(|node| short(&node.name, &nodes))
        .collect();
    let partitions = match partitioned.as_slice() {
        _ if nodes.is_empty() => "?".to_owned(),
        [] => "none".to_owned(),
        nodes => nodes.join(", "),
    };
    let pieces = [
        format!("   MEM {}", fullest(&|node| health::node::share(node.mem_used, node.mem_limit))),
        format!("DISK {disk} free"),
        format!("FD {}", fullest(&|node| health::node::share(node.fd_used, node.fd_total))),
        format!("alarms {alarms}"),
        format!("partitions {partitions}"),
    ];
    let dim = cx.theme.style(Role::Dim);
    pieces.map(|piece| vec![Span::styled(text::sanitise(&piece).into_owned(), dim)]).into()
}

/// Everything about every broker and its nodes.
pub(super) fn sections(cx: &Cx, missing: &[Expected]) -> Vec<Section> {
    let mut sections = Vec::new();
    for broker in brokers(cx) {
        sections.push(of_broker(cx, broker));
        sections.extend(cx.store.nodes_of(&broker.name).into_iter().map(of_node));
    }
    if !missing.is_empty() {
        let mut section = Section::new(format!("queues that should be there ({})", missing.len()));
        for expected in missing {
            section.add(expected.name.clone(), health::broker::missing_words(expected));
        }
        sections.push(section);
    }
    if sections.is_empty() {
        let mut section = Section::new("cluster");
        section.add("", parts::NOTHING_KNOWN);
        sections.push(section);
    }
    sections
}

fn of_broker(cx: &Cx, broker: &Broker) -> Section {
    let mut section = Section::new(format!("broker {}", broker.name));
    for note in health::broker::notes(cx.store, broker) {
        section.add(note.verdict.as_str(), note.words);
    }
    let text = |text: &Option<crate::model::Text>| text.as_deref().unwrap_or("?").to_owned();
    section.add("cluster", text(&broker.cluster_name));
    section.add("version", format!("{} on Erlang {}", text(&broker.version), text(&broker.erlang_version)));
    section.add(
        "answered by",
        format!("{} at {}, user {}", text(&broker.answered_by), broker.address, broker.user),
    );
    section.add("as of", parts::moment(cx, broker.as_of));
    if !broker.vhosts.is_empty() {
        section.add("vhosts", broker.vhosts.join(", "));
    }
    for amqp in cx.store.amqp.values().filter(|state| state.broker == broker.name) {
        let words = match (&amqp.trouble, amqp.missing.len()) {
            (Some(_), _) => "no answer".to_owned(),
            (None, 0) => "every queue that must be there".to_owned(),
            (None, n) => format!("{} of those that should be there missing", format::count(n, "queue")),
        };
        section.add(format!("AMQP {}", amqp.vhost), format!("{}, user {}: {words}", amqp.address, amqp.user));
    }
    let n = |n: Option<u64>| n.map_or_else(|| "?".to_owned(), |n| format::number(n as i64));
    let totals = &broker.totals;
    section.add("messages", format!("{} ready, {} unacked", n(totals.ready), n(totals.unacked)));
    section.add("queues", format!("{}, with {} consumers", n(totals.queues), n(totals.consumers)));
    section.add(
        "connections",
        match &broker.connections {
            Some(Connections { running, flow, blocking, blocked, other }) => format!(
                "{}: {running} running, {flow} in flow, {blocking} blocking, {blocked} blocked, {other} other; {} channels",
                n(totals.connections),
                n(totals.channels)
            ),
            None => format!("{}, their states not read; {} channels", n(totals.connections), n(totals.channels)),
        },
    );
    let r = |rate: Option<f64>| rate.map_or_else(|| "?".to_owned(), per_second);
    let rates = &broker.rates;
    section.add(
        "a second",
        format!(
            "{} published, {} delivered, {} acknowledged",
            r(rates.publish),
            r(rates.deliver),
            r(rates.ack)
        ),
    );
    let churn = &broker.churn;
    section.add(
        "churn a second",
        format!(
            "connections +{} −{}, channels +{} −{}, queues +{} −{}",
            r(churn.connections_opened),
            r(churn.connections_closed),
            r(churn.channels_opened),
            r(churn.channels_closed),
            r(churn.queues_created),
            r(churn.queues_deleted)
        ),
    );
    section
}

fn of_node(node: &BrokerNode) -> Section {
    let mut section = Section::new(format!("node {}", node.name));
    for note in health::node::notes(node) {
        section.add(note.verdict.as_str(), note.words);
    }
    let runs = match node.running {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    };
    let up = crate::tables::nodes::uptime(node).map(|up| format!(", for {}", format::duration(up)));
    section.add("runs", format!("{runs}{}", up.unwrap_or_default()));
    section.add("version", node.version.as_deref().unwrap_or("?"));
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), format::bytes);
    section.add("memory", format!("{} of {}", size(node.mem_used), size(node.mem_limit)));
    section.add("disk", format!("{} free, limit {}", size(node.disk_free), size(node.disk_free_limit)));
    let of = |used, limit| format!("{} of {}", format::maybe(used), format::maybe(limit));
    section.add("file descriptors", of(node.fd_used, node.fd_total));
    if node.sockets_total.is_some() {
        section.add("sockets", of(node.sockets_used, node.sockets_total));
    }
    section.add("Erlang processes", of(node.proc_used, node.proc_total));
    section.add("run queue", format::maybe(node.run_queue));
    let partitions = if node.partitions.is_empty() { "none".to_owned() } else { node.partitions.join(", ") };
    section.add("partitioned from", partitions);
    section
}

#[cfg(test)]
mod tests {
    use super::short_among;

    #[test]
    fn a_node_is_called_by_its_host_unless_that_is_no_name_of_its_own() {
        for (name, names, called) in [
            ("rabbit@ctl01", &["rabbit@ctl01", "rabbit@ctl02"][..], "ctl01"),
            ("a@localhost", &["a@localhost", "b@localhost"], "a@localhost"),
            ("rabbit@gone", &["rabbit@ctl01"], "gone"),
            ("nohost", &[], "nohost"),
        ] {
            assert_eq!(short_among(name, names), called, "{names:?}");
        }
    }
}
