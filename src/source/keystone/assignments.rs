//! keystone: who has a role in a project.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::wire::Str;
use super::super::{Error, ServiceKind, Session};
use crate::model::{Assignment, Text};

/// `GET /v3/role_assignments?scope.project.id={project}&include_names&effective`: users by name, groups first. Only
/// administrators are told.
///
/// `effective` has inherited and implied roles, and in the place of a group each of its members. So they are put
/// together again, and a second question without it tells the groups' names.
pub async fn assignments(session: &Session, project: &str) -> Result<Vec<Assignment>, Error> {
    let of = [("scope.project.id", project), ("include_names", "true"), ("effective", "true")];
    let (service, path) = (ServiceKind::Identity, "/role_assignments");
    let mut holders = Holders::default();
    session.get(service, path, &of, None).await?.read(service, |body| holders.take(body))?;
    // A group that has its role in the domain is in no second answer: its id shows.
    if holders.lacks_names()
        && let Ok(answer) = session.get(service, path, &of[..2], None).await
    {
        answer.read(service, |body| holders.take_names(body))?;
    }
    Ok(holders.into_rows())
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    role_assignments: Vec<Row<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Row<'a> {
    role: Party<'a>,
    user: Option<Party<'a>>,
    group: Option<Party<'a>>,
    #[serde(default)]
    links: Links<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Party<'a> {
    id: Str<'a>,
    name: Option<Str<'a>>,
    domain: Option<Domain<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Domain<'a> {
    id: Str<'a>,
    name: Option<Str<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Links<'a> {
    /// `…/v3/groups/{group}/users/{user}`: by which group a user has it.
    membership: Option<Str<'a>>,
}

impl Party<'_> {
    /// Its name, if there is one.
    fn called(&self) -> Option<Text> {
        self.name.as_deref().filter(|name| !name.is_empty()).map(Into::into)
    }

    fn domain(&self) -> Option<Text> {
        let domain = self.domain.as_ref()?;
        Some(domain.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&domain.id).into())
    }
}

#[derive(Default)]
struct Holder {
    name: Option<Text>,
    domain: Option<Text>,
    roles: BTreeSet<Text>,
    members: BTreeSet<Text>,
}

/// By whether it is a user, and its id.
#[derive(Default)]
struct Holders(BTreeMap<(bool, Text), Holder>);

impl Holders {
    fn take(&mut self, body: &[u8]) -> Result<(), serde_json::Error> {
        for row in serde_json::from_slice::<Body>(body)?.role_assignments {
            let role = row.role.called().unwrap_or_else(|| row.role.id.as_ref().into());
            let group = row.links.membership.as_deref().and_then(group_of);
            let holder = match (&row.user, &row.group, group) {
                (Some(user), _, Some(group)) => {
                    let holder = self.0.entry((false, group.into())).or_default();
                    holder.members.insert(user.id.as_ref().into());
                    holder
                }
                (Some(user), _, None) => self.named((true, user.id.as_ref().into()), user),
                (None, Some(group), _) => self.named((false, group.id.as_ref().into()), group),
                (None, None, _) => continue,
            };
            holder.roles.insert(role);
        }
        Ok(())
    }

    fn take_names(&mut self, body: &[u8]) -> Result<(), serde_json::Error> {
        for row in serde_json::from_slice::<Body>(body)?.role_assignments {
            let Some(group) = &row.group else { continue };
            let key = (false, group.id.as_ref().into());
            // One that has no member is told by nobody else.
            let holder = self.named(key, group);
            holder.roles.insert(row.role.called().unwrap_or_else(|| row.role.id.as_ref().into()));
        }
        Ok(())
    }

    fn named(&mut self, key: (bool, Text), party: &Party) -> &mut Holder {
        let holder = self.0.entry(key).or_default();
        holder.name = holder.name.take().or_else(|| party.called());
        holder.domain = holder.domain.take().or_else(|| party.domain());
        holder
    }

    fn lacks_names(&self) -> bool {
        self.0.iter().any(|((is_user, _), holder)| !is_user && holder.name.is_none())
    }

    fn into_rows(self) -> Vec<Assignment> {
        let row = |((is_user, id), holder): ((bool, Text), Holder)| {
            let assignment = Assignment {
                name: holder.name.unwrap_or_else(|| id.clone()),
                domain: holder.domain,
                roles: holder.roles.into_iter().collect(),
                members: (!is_user).then_some(holder.members.len()),
                id,
            };
            (is_user, assignment)
        };
        let mut rows: Vec<(bool, Assignment)> = self.0.into_iter().map(row).collect();
        rows.sort_by(|(a, x), (b, y)| (a, &x.name, &x.id).cmp(&(b, &y.name, &y.id)));
        rows.into_iter().map(|(_, assignment)| assignment).collect()
    }
}

/// The group of a membership's link.
fn group_of(link: &str) -> Option<&str> {
    link.split_once("/groups/")?.1.split('/').next().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `group ops (Default): member, reader, 2 users`, a line a row.
    fn said(bodies: [&str; 2]) -> Vec<String> {
        let mut holders = Holders::default();
        holders.take(bodies[0].as_bytes()).unwrap();
        if holders.lacks_names() {
            holders.take_names(bodies[1].as_bytes()).unwrap();
        }
        let line = |row: Assignment| {
            let kind = row.members.map_or("user".to_owned(), |n| format!("group of {n}"));
            format!(
                "{kind} {} ({}): {}",
                row.name,
                row.domain.as_deref().unwrap_or("?"),
                row.roles.join(", ")
            )
        };
        holders.into_rows().into_iter().map(line).collect()
    }

    #[test]
    fn members_of_a_group_are_the_group_and_roles_are_put_together() {
        // As keystone's API reference has them.
        let row = |who: &str, role: &str, links: &str| {
            format!(
                r#"{{"links": {{{links}}}, "scope": {{"project": {{"id": "p"}}}}, "role": {{"id": "r-{role}", "name": "{role}"}}, {who}}}"#
            )
        };
        let user = |id: &str, name: &str| {
            format!(
                r#""user": {{"id": "{id}", "name": "{name}", "domain": {{"id": "default", "name": "Default"}}}}"#
            )
        };
        let by = |group: &str, user: &str| {
            format!(
                r#""assignment": "http://k/v3/projects/p/groups/{group}/roles/r", "membership": "http://k/v3/groups/{group}/users/{user}""#
            )
        };
        let effective = [
            row(&user("u1", "li"), "member", r#""assignment": "x""#),
            row(&user("u1", "li"), "reader", r#""assignment": "x""#),
            // No name: its directory does not answer.
            row(&user("u2", ""), "reader", r#""assignment": "x""#),
            row(&user("u1", "li"), "member", &by("g1", "u1")),
            row(&user("u3", "wu"), "member", &by("g1", "u3")),
            row(&user("u3", "wu"), "reader", &by("g2", "u3")),
        ];
        let group = r#""group": {"id": "g1", "name": "ops", "domain": {"id": "d2", "name": "partners"}}"#;
        let empty = r#""group": {"id": "g3", "name": "zz", "domain": {"id": "d2", "name": ""}}"#;
        let plain = [row(group, "member", ""), row(empty, "admin", ""), row(&user("u1", "li"), "member", "")];
        let body =
            |rows: &[String]| format!(r#"{{"role_assignments": [{}], "links": {{}}}}"#, rows.join(", "));
        assert_eq!(
            said([&body(&effective), &body(&plain)]),
            [
                // It has its role in the domain.
                "group of 1 g2 (?): reader",
                "group of 2 ops (partners): member",
                "group of 0 zz (d2): admin",
                "user li (Default): member, reader",
                "user u2 (Default): reader",
            ]
        );
        // A keystone that does not expand them.
        assert_eq!(said([&body(&plain[..1]), "{}"]), ["group of 0 ops (partners): member"]);
        assert!(Holders::default().take(b"{}").is_err());
    }
}
