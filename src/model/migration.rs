use jiff::Timestamp;

use super::{Identified, Text};

/// A migration that is under way (`GET /os-migrations`): cold, live, resize or evacuation.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    pub id: Text,
    pub instance_id: Text,
    pub status: Text,
    pub migration_type: Option<Text>,
    pub source_compute: Option<Text>,
    pub dest_compute: Option<Text>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

impl Identified for Migration {
    fn id(&self) -> &Text {
        &self.id
    }
}
