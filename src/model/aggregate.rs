use std::collections::BTreeMap;

use super::{Identified, Text};

/// A host aggregate (`GET /os-aggregates`).
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The aggregate's numeric id, as text: the store's key.
    pub id: Text,
    pub name: Text,
    /// The zone that this aggregate defines, if it does.
    pub availability_zone: Option<Text>,
    /// Compute service hosts (`service.host`, not `hypervisor_hostname`).
    pub hosts: Vec<Text>,
    pub metadata: BTreeMap<Text, Text>,
}

impl Identified for Aggregate {
    fn id(&self) -> &Text {
        &self.id
    }
}
