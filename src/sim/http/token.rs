//! Tokens: who asks, and for which project. They live in memory alone and are drawn anew each time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::answer::Refusal;
use super::ask::Ask;
use crate::sim::cloud::{Cloud, ProjectIx, Role, UserIx};
use crate::sim::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    None,
    Project(ProjectIx),
    Domain,
    System,
}

/// What a token stands for.
#[derive(Clone, Debug)]
pub struct Grant {
    pub user: UserIx,
    pub scope: Scope,
    pub methods: Vec<&'static str>,
    pub audit: String,
    pub issued: Time,
    pub expires: Time,
    /// Whether it was got by the application credential.
    pub by_credential: bool,
}

impl Grant {
    pub fn project(&self) -> Option<ProjectIx> {
        match self.scope {
            Scope::Project(project) => Some(project),
            _ => None,
        }
    }

    pub fn roles(&self, cloud: &Cloud) -> &'static [Role] {
        match self.scope {
            Scope::None => &[],
            _ => cloud.user(self.user).roles(),
        }
    }

    pub fn has(&self, cloud: &Cloud, role: Role) -> bool {
        self.roles(cloud).contains(&role)
    }

    /// nova's, neutron's and cinder's administrator: the role, and a project to have it in.
    pub fn is_admin(&self, cloud: &Cloud) -> bool {
        self.project().is_some() && self.has(cloud, Role::Admin)
    }
}

pub struct Tokens {
    granted: Mutex<HashMap<String, Grant>>,
}

/// Beyond so many the expired ones are swept out.
const MANY: usize = 10_000;

impl Tokens {
    pub fn new() -> Self {
        Self { granted: Mutex::new(HashMap::new()) }
    }

    fn granted(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token, shaped like a Fernet one.
    pub fn grant(&self, grant: Grant) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letters = (0..176).map(|_| char::from(LETTERS[usize::from(rand::random::<u8>() % 64)]));
        let token: String = "gAAAAAB".chars().chain(letters).collect();
        let now = grant.issued;
        let mut granted = self.granted();
        if granted.len() >= MANY {
            granted.retain(|_, old| old.expires > now);
        }
        granted.insert(token.clone(), grant);
        token
    }

    pub fn find(&self, token: &str, now: Time) -> Option<Grant> {
        self.granted().get(token).filter(|grant| grant.expires > now).cloned()
    }

    pub fn revoke(&self, token: &str) -> bool {
        self.granted().remove(token).is_some()
    }

    /// All of them: what restarting keystone with new keys does.
    pub fn revoke_all(&self) {
        self.granted().clear();
    }

    /// Who asks, by the header.
    pub fn of(&self, ask: &Ask) -> Result<Grant, Refusal> {
        ask.header("x-auth-token").and_then(|token| self.find(token, ask.now)).ok_or(Refusal::Unauthorized)
    }
}
