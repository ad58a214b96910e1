//! swift: what a project has stored.

use std::str::FromStr;

use super::http::Answer;
use super::{Error, ServiceKind, Session};
use crate::model::{Limit, StorageAccount};

/// `HEAD` on a project's account (OpenStack Object Storage API, "Show account metadata"). `None`: there is no account
/// yet, since nothing was ever stored; where accounts are made by themselves (`account_autocreate`) an empty one is told
/// of then. Missing: the catalog has no object store. Forbidden: this project's is not shown
/// to us; the role that swift asks for is named then (`keystoneauth` in its proxy-server.conf).
pub async fn account(session: &Session, project: &str) -> Result<Option<StorageAccount>, Error> {
    match session.head(ServiceKind::ObjectStore, project).await {
        Ok(answer) => parse(&answer).map(Some),
        Err(error) if error.status == Some(404) => Ok(None),
        // swift keeps the name until its account-reaper has freed what lies there.
        Err(error) if error.status == Some(410) => Err(Error {
            message: format!("{}: this account was deleted", error.message),
            next_step: "no container can be made in it until swift's account-reaper has freed it".to_owned(),
            ..error
        }),
        // A HEAD has no body that would name the right.
        Err(error) if error.status == Some(403) => {
            let who = session.login().await?;
            let (whose, option, role) = match who.project_id.as_deref() == Some(project) {
                true => ("a project's own", "operator_roles", "swiftoperator"),
                false => ("another project's", "reseller_admin_role", "ResellerAdmin"),
            };
            let rule = format!("{whose} account is shown to its {option} ({role} by default)");
            let own = who.project.as_deref().unwrap_or("PROJECT");
            let add = format!("`openstack role add --user {} --project {own} {role}`", who.user);
            Err(Error {
                message: format!("{}: {rule}", error.message),
                next_step: format!("{add} gives it, and with it the right to change what is stored there"),
                ..error
            })
        }
        Err(error) => Err(error),
    }
}

fn parse(answer: &Answer) -> Result<StorageAccount, Error> {
    // Of newer releases, which put into it what is set by the older name.
    let quota = match number::<i128>(answer, "X-Account-Quota-Bytes")? {
        None => number(answer, "X-Account-Meta-Quota-Bytes")?,
        told => told,
    };
    Ok(StorageAccount {
        bytes_used: figure(answer, "X-Account-Bytes-Used")?,
        objects: figure(answer, "X-Account-Object-Count")?,
        containers: figure(answer, "X-Account-Container-Count")?,
        // account_quotas takes what is below zero for none, and above this there is nothing that is full.
        quota: quota.and_then(|n| u64::try_from(n).ok()).map_or(Limit::Unlimited, Limit::Of),
    })
}

/// What every account tells.
fn figure(answer: &Answer, name: &str) -> Result<u64, Error> {
    number(answer, name)?.ok_or_else(|| bad(answer, &format!("no {name}")))
}

/// `None`: there is no such header.
fn number<T: FromStr>(answer: &Answer, name: &str) -> Result<Option<T>, Error> {
    let Some(value) = answer.headers.get(name) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| bad(answer, &format!("{name} is no number")))
}

fn bad(answer: &Answer, what: &str) -> Error {
    Error::bad_answer(ServiceKind::ObjectStore, what).with_id(&answer.id)
}
