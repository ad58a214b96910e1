//! Who has a role in a project.

use super::Text;

/// A user with roles in a project, or a group whose members all have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub id: Text,
    /// The id where keystone tells no name: a directory that does not answer, a group of a domain.
    pub name: Text,
    pub domain: Option<Text>,
    /// In name order, each once; those that others imply among them.
    pub roles: Vec<Text>,
    /// Of a group: how many users have the roles by it.
    pub members: Option<usize>,
}
