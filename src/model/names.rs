use super::{Identified, Text};

/// The name behind an id that other rows refer to. Ids that are gone keep no row: the id itself shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub id: Text,
    pub name: Text,
    /// The domain of a project or user.
    pub domain_id: Option<Text>,
    pub enabled: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamedKind {
    Project,
    Domain,
    User,
    Image,
    Flavor,
}

impl Identified for Named {
    fn id(&self) -> &Text {
        &self.id
    }
}
