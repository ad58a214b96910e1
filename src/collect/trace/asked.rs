//! What the APIs say of an instance. None of it is waited for longer than the slowest answer takes, and what cannot be
//! had is a line of trouble.

use futures::future::join_all;

use super::super::outage;
use crate::model::{Instance, Trouble, Volume};
use crate::source::{Error, ErrorKind, Session, cinder, glance, neutron, nova};
use crate::trace::{Account, Id};

/// Volumes that cinder is asked about: a call each.
const VOLUMES: usize = 8;

/// The instance, which requests were made for it, where it was, and what it has.
pub(super) async fn ask(session: &Session, id: Id, account: &mut Account) {
    let id = &*id.to_string();
    let (row, actions, migrations, ports, volumes) = tokio::join!(
        row(session, id),
        nova::instance_actions(session, id),
        nova::migrations_of(session, id),
        neutron::ports_of(session, id),
        volumes(session, id),
    );
    let known = &mut account.belongings;
    let mut troubles = Vec::new();
    match row {
        Ok((instance, is_deleted)) => {
            known.is_deleted = is_deleted;
            account.instance = Some(instance);
        }
        Err(error) => troubles.push(of_nova(&error, "row", id)),
    }
    match actions {
        Ok(actions) => account.actions = actions,
        Err(error) => troubles.push(of_nova(&error, "actions", id)),
    }
    let is_known = account.instance.is_some();
    let mut note = |error: &Error, source, what| troubles.extend(beside(error, source, what, is_known));
    match migrations {
        Ok(rows) => known.migrations = rows,
        Err(error) => note(&error, "nova", "migrations"),
    }
    match ports {
        Ok(rows) => known.ports = rows,
        Err(error) => note(&error, "neutron", "ports"),
    }
    let (rows, error) = volumes;
    known.volumes = rows;
    if let Some((error, source)) = error {
        note(&error, source, "volumes");
    }
    if let Some(image) = account.instance.as_ref().and_then(|instance| instance.image_id.as_ref()) {
        match glance::image(session, image).await {
            Ok(image) => known.image = Some(image.name),
            // It may well be gone, while the instance lives.
            Err(error) if error.kind == ErrorKind::Missing => known.image = Some(image.clone()),
            Err(error) => note(&error, "glance", "image"),
        }
    }
    account.troubles.append(&mut troubles);
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
    // Migrations are for administrators: a member is told so by their absence, not by a fault in each trace.
    let is_not_for_all = error.kind == ErrorKind::Forbidden && what == "migrations";
    (!is_nothing && !is_not_for_all).then(|| trouble(error, source, what))
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
