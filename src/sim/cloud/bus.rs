//! The broker below the cloud: a cluster with a node on each controller.

use crate::sim::time::Time;

pub struct Bus {
    pub nodes: Vec<BusNode>,
    /// Since when the last node stands apart: each side takes itself for the cluster.
    pub split: Option<Time>,
    /// Whether somebody reads the notifications.
    pub read: bool,
}

pub struct BusNode {
    /// The controller that it runs on.
    pub host: Box<str>,
    pub started: Time,
    /// Since when it does not run.
    pub down: Option<Time>,
    pub memory_alarm: bool,
    pub disk_alarm: bool,
}

impl BusNode {
    /// `rabbit@ctl01`.
    pub fn name(&self) -> String {
        format!("rabbit@{}", self.host)
    }
}

impl Bus {
    /// Whose peers this node has lost: the others of the cluster, seen from the last one, and the last one seen
    /// from the others.
    pub fn lost_by(&self, node: usize) -> impl Iterator<Item = &BusNode> {
        let last = self.nodes.len().saturating_sub(1);
        let apart = self.split.is_some() && last > 0;
        self.nodes
            .iter()
            .enumerate()
            .filter(move |(n, other)| apart && other.down.is_none() && (*n == last) != (node == last))
            .map(|(_, other)| other)
    }

    pub fn running(&self) -> impl Iterator<Item = &BusNode> {
        self.nodes.iter().filter(|node| node.down.is_none())
    }

    /// Whether an alarm blocks all that publish.
    pub fn blocks(&self) -> bool {
        self.running().any(|node| node.memory_alarm || node.disk_alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str) -> BusNode {
        BusNode { host: host.into(), started: Time(0), down: None, memory_alarm: false, disk_alarm: false }
    }

    #[test]
    fn in_a_split_each_side_has_lost_the_other() {
        let nodes = ["ctl01", "ctl02", "ctl03"].map(node).into();
        let mut bus = Bus { nodes, split: None, read: true };
        let lost = |bus: &Bus, n| bus.lost_by(n).map(BusNode::name).collect::<Vec<_>>();
        assert!(lost(&bus, 0).is_empty());
        bus.split = Some(Time(1));
        assert_eq!(lost(&bus, 0), ["rabbit@ctl03"]);
        assert_eq!(lost(&bus, 2), ["rabbit@ctl01", "rabbit@ctl02"]);
        bus.nodes[2].down = Some(Time(2));
        assert!(lost(&bus, 0).is_empty(), "a node that does not run is down, not apart");
        bus.nodes.truncate(1);
        assert!(lost(&bus, 0).is_empty(), "one node alone has nobody to lose");
    }
}
