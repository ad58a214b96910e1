//! Names of projects and instances.

const PROJECTS: [&str; 32] = [
    "web-shop",
    "billing",
    "data-lake",
    "ci",
    "payments",
    "search",
    "reporting",
    "mobile-api",
    "crm",
    "ml-platform",
    "intranet",
    "logistics",
    "iot-hub",
    "video",
    "maps",
    "render-farm",
    "staging",
    "qa",
    "monitoring",
    "partners",
    "genomics",
    "game-servers",
    "erp",
    "warehouse",
    "edge",
    "training",
    "research",
    "mail",
    "archive",
    "risk",
    "fraud",
    "sandbox",
];

const DESCRIPTIONS: [&str; 4] =
    ["", "Production", "Owned by the platform team", "Charged to cost centre 4711"];

const ROLES: [&str; 12] =
    ["web", "app", "db", "cache", "worker", "k8s-node", "gateway", "build", "queue", "api", "batch", "test"];

/// One tenant's instances have names that take two cells a letter.
const WIDE_ROLES: [&str; 3] = ["网站", "数据库", "缓存"];
const WIDE_PROJECT: usize = 6;

/// The `n`th tenant's project.
pub fn project(n: usize) -> String {
    let base = PROJECTS[n % PROJECTS.len()];
    match n / PROJECTS.len() {
        0 => base.to_owned(),
        round => format!("{base}-{:02}", round + 1),
    }
}

pub fn description(n: usize) -> &'static str {
    DESCRIPTIONS[n % DESCRIPTIONS.len()]
}

/// The `n`th instance of the `project`th tenant.
pub fn instance(project: usize, n: u32) -> String {
    let roles: &[&str] = if project == WIDE_PROJECT { &WIDE_ROLES } else { &ROLES };
    let count = roles.len();
    // Every project has its own mixture.
    let role = roles[(n as usize * 7 + project * 5) % count];
    format!("{role}-{:02}", n as usize / count + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_where_they_must_be() {
        let projects: BTreeSet<String> = (0..2_000).map(project).collect();
        assert_eq!(projects.len(), 2_000);
        for tenant in [0, WIDE_PROJECT] {
            let instances: BTreeSet<String> = (0..500).map(|n| instance(tenant, n)).collect();
            assert_eq!(instances.len(), 500);
        }
    }
}
