//! What the APIs say of an instance. None of it is waited for longer than the slowest answer takes, and what cannot be
//! had is a line of trouble.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::super::outage;
use crate::model::{Instance, Migration, Port, Text, Trouble, Volume};
use crate::source::{Error, ErrorKind, Session, cinder, glance, neutron, nova};
use crate::trace::{Account, Belongings, Id};

/// Volumes that cinder is asked about: a call each.
const VOLUMES: usize = 8;
/// What an instance has changes seldom: it is asked for again after so long, or once more was done to the instance.
const RESTS: Duration = Duration::from_secs(30);

/// What the instance that was asked about last has, as it was told.
#[derive(Default)]
pub(super) struct Memory(Mutex<Option<Remembered>>);

#[derive(Clone)]
struct Remembered {
    id: Id,
    at: Instant,
    /// So much had been done to it, and nova called it so.
    actions: usize,
    status: Option<Text>,
    belongings: Belongings,
    troubles: Vec<Trouble>,
}

impl Memory {
    pub fn forget(&self) {
        self.put(None);
    }

    fn of(&self, id: Id) -> Option<Remembered> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        remembered.filter(|remembered| remembered.id == id && remembered.at.elapsed() < RESTS)
    }

    fn put(&self, remembered: Option<Remembered>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = remembered;
    }
}

/// The instance, which requests were made for it, where it was, and what it has.
pub(super) async fn ask(session: &Session, memory: &Memory, subject: Id, account: &mut Account) {
    let id = &*subject.to_string();
    let known = memory.of(subject);
    let (row, actions, mut told) =
        tokio::join!(row(session, id), nova::instance_actions(session, id), async {
            if known.is_none() { Some(Told::by_all(session, id).await) } else { None }
        });
    let mut is_deleted = false;
    match row {
        Ok((instance, deleted)) => {
            is_deleted = deleted;
            account.instance = Some(instance);
        }
        Err(error) => account.troubles.push(of_nova(&error, "row", id)),
    }
    match actions {
        Ok(actions) => account.actions = actions,
        Err(error) => account.troubles.push(of_nova(&error, "actions", id)),
    }
    let status = account.instance.as_ref().map(|instance| instance.status.clone());
    let is_same = |known: &Remembered| known.actions == account.actions.len() && known.status == status;
    let known = known.filter(is_same);
    if known.is_none() && told.is_none() {
        told = Some(Told::by_all(session, id).await);
    }
    let (belongings, troubles) = match (told, known) {
        (Some(told), _) => {
            let (belongings, troubles) = told.settle(session, account.instance.as_ref()).await;
            memory.put(Some(Remembered {
                id: subject,
                at: Instant::now(),
                actions: account.actions.len(),
                status,
                belongings: belongings.clone(),
                troubles: troubles.clone(),
            }));
            (belongings, troubles)
        }
        (None, known) => known.map(|known| (known.belongings, known.troubles)).unwrap_or_default(),
    };
    account.belongings = Belongings { is_deleted, ..belongings };
    account.troubles.extend(troubles);
}

/// The answers of the services beside nova's row and actions.
struct Told {
    migrations: Result<Vec<Migration>, Error>,
    ports: Result<Vec<Port>, Error>,
    volumes: (Vec<Volume>, Option<(Error, &'static str)>),
}

impl Told {
    async fn by_all(session: &Session, id: &str) -> Self {
        let (migrations, ports, volumes) = tokio::join!(
            nova::migrations_of(session, id),
            neutron::ports_of(session, id),
            volumes(session, id)
        );
        Self { migrations, ports, volumes }
    }

    /// What it has, and what could not be had.
    async fn settle(self, session: &Session, instance: Option<&Instance>) -> (Belongings, Vec<Trouble>) {
        let mut known = Belongings::default();
        let mut troubles = Vec::new();
        let mut note =
            |error: &Error, source, what| troubles.extend(beside(error, source, what, instance.is_some()));
        match self.migrations {
            Ok(rows) => known.migrations = rows,
            // A member is told so where they would stand, not by a fault in each trace.
            Err(error) if error.kind == ErrorKind::Forbidden => known.are_migrations_hidden = true,
            Err(error) => note(&error, "nova", "migrations"),
        }
        match self.ports {
            Ok(rows) => known.ports = rows,
            Err(error) => note(&error, "neutron", "ports"),
        }
        let (rows, error) = self.volumes;
        known.volumes = rows;
        if let Some((error, source)) = error {
            note(&error, source, "volumes");
        }
        if let Some(image) = instance.and_then(|instance| instance.image_id.as_ref()) {
            match glance::image(session, image).await {
                Ok(image) => known.image = Some(image.name),
                // It may well be gone, while the instance lives.
                Err(error) if error.kind == ErrorKind::Missing => known.image = Some(image.clone()),
                Err(error) => note(&error, "glance", "image"),
            }
        }
        (known, troubles)
    }
}

/// The instance, and whether it was deleted.
async fn row(session: &Session, id: &str) -> Result<(Instance, bool), Error> {
    match nova::server(session, id).await {
        Err(error) if error.kind == ErrorKind::Missing && error.status.is_some() => {
            match nova::deleted_server(session, id).await {
                Ok(Some(row)) => Ok((row, true)),
                // Whoever may not ask for that knows no more than before.
                _ => Err(error),
            }
        }
        outcome => outcome.map(|row| (row, false)),
    }
}

/// As nova has them, with what cinder adds; and who could not be asked.
async fn volumes(session: &Session, id: &str) -> (Vec<Volume>, Option<(Error, &'static str)>) {
    let mut rows = match nova::volume_attachments(session, id).await {
        Ok(rows) => rows,
        Err(error) => return (Vec::new(), Some((error, "nova"))),
    };
    let told = join_all(rows.iter().take(VOLUMES).map(|row| cinder::volume(session, row))).await;
    let mut failed = None;
    for (row, told) in rows.iter_mut().zip(told) {
        match told {
            Ok(told) => *row = told,
            Err(error) => failed = failed.or(Some((error, "cinder"))),
        }
    }
    (rows, failed)
}

fn of_nova(error: &Error, what: &str, id: &str) -> Trouble {
    match error.kind {
        ErrorKind::Missing => Trouble {
            message: format!("nova knows no {what} of {id}: it was deleted, or belongs to another cloud"),
            next_step: String::new(),
            ..trouble(error, "nova", what)
        },
        _ => trouble(error, "nova", what),
    }
}

/// What is good to know, but no more than that. Where the cloud has no such service, or the instance is not known at
/// all, there is nothing to be told.
fn beside(error: &Error, source: &'static str, what: &str, is_known: bool) -> Option<Trouble> {
    let is_nothing = error.kind == ErrorKind::Missing && (error.status.is_none() || !is_known);
    (!is_nothing).then(|| trouble(error, source, what))
}

fn trouble(error: &Error, source: &'static str, what: &str) -> Trouble {
    let outage = outage(error, None);
    Trouble {
        source,
        kind: outage.kind.as_str(),
        message: format!("{what}: {}", outage.message),
        next_step: outage.next_step,
        request_id: outage.request_id,
    }
}
