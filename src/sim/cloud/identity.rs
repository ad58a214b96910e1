//! Users, roles, and the one application credential.

use uuid::Uuid;

use super::ProjectIx;

pub type UserIx = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Reader,
    Member,
    Admin,
    Service,
}

/// keystone's default roles.
pub const ROLES: [Role; 4] = [Role::Admin, Role::Member, Role::Reader, Role::Service];

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

pub struct User {
    pub id: Uuid,
    pub name: Box<str>,
    /// Its only project; the administrator's is `admin`.
    pub project: ProjectIx,
    /// Its highest role there: an admin is a member and a reader too, a member a reader.
    pub role: Role,
    /// `None`: nobody can log in as this one.
    pub password: Option<&'static str>,
}

impl User {
    /// Roles in its project, implied ones among them.
    pub fn roles(&self) -> &'static [Role] {
        match self.role {
            Role::Admin => &[Role::Member, Role::Reader, Role::Admin],
            Role::Member => &[Role::Member, Role::Reader],
            Role::Reader => &[Role::Reader],
            Role::Service => &[Role::Service],
        }
    }
}

pub struct Credential {
    pub id: Uuid,
    pub name: &'static str,
    pub secret: String,
    pub user: UserIx,
}
