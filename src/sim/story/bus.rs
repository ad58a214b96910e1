//! What happens to the broker itself: nodes that stop, alarms, a cluster that comes together again.

use super::{Step, World};
use crate::sim::cloud::Kind;
use crate::sim::scenario::{Beat, What};

impl World {
    /// A beat that is about one of the broker's nodes.
    pub(super) fn node_beat(&mut self, beat: &Beat, lasts: Option<i64>) {
        let Some(node) = beat.node.as_ref().and_then(|node| node.get_ref().checked_sub(1)) else { return };
        match beat.what {
            What::LoseNode => self.lose_node(node),
            _ => self.alarm(node, beat.what, true),
        }
        if let Some(lasts) = lasts {
            self.later(lasts, Step::Undo(beat.what, vec![node as u32]));
        }
    }

    fn lose_node(&mut self, node: usize) {
        let now = self.cloud.now;
        // Where the last one stops, there is nobody left to talk to: that is not told here.
        let others = self.cloud.bus.running().count() > 1;
        if let Some(row) = self.cloud.bus.nodes.get_mut(node).filter(|row| others && row.down.is_none()) {
            row.down = Some(now);
            (row.memory_alarm, row.disk_alarm) = (false, false);
            let node = row.name();
            self.tell(Kind::NodeLost { node }, None, None, None);
        }
    }

    pub(super) fn find_node(&mut self, node: usize) {
        let now = self.cloud.now;
        if let Some(row) = self.cloud.bus.nodes.get_mut(node).filter(|row| row.down.is_some()) {
            row.down = None;
            row.started = now;
            let node = row.name();
            self.tell(Kind::NodeBack { node }, None, None, None);
        }
    }

    pub(super) fn alarm(&mut self, node: usize, what: What, on: bool) {
        let Some(row) = self.cloud.bus.nodes.get_mut(node).filter(|row| row.down.is_none()) else { return };
        let (flag, resource) = match what {
            What::MemoryAlarm => (&mut row.memory_alarm, "memory"),
            _ => (&mut row.disk_alarm, "disk"),
        };
        if std::mem::replace(flag, on) == on {
            return;
        }
        let node = row.name();
        let kind = match on {
            true => Kind::Alarm { node, resource },
            false => Kind::AlarmOver { node, resource },
        };
        self.tell(kind, None, None, None);
    }

    /// A split ends when somebody restarts the node that stands apart.
    pub(super) fn rejoin(&mut self) {
        let now = self.cloud.now;
        if self.cloud.bus.split.take().is_some()
            && let Some(last) = self.cloud.bus.nodes.last_mut()
        {
            last.started = now;
        }
    }
}
