use jiff::Timestamp;

use super::*;
use crate::model::{Allowances, Named, NamedKind, Trouble};
use crate::report::{Delta, Outcome, QuotaSaid, Report};

fn say(store: &mut Store, outcome: Outcome) {
    store.apply(Report { at: Timestamp::UNIX_EPOCH, epoch: 0, outcome });
}

fn whole(store: &mut Store, topic: Topic, delta: Delta) {
    say(store, Outcome::Begin { topic, expected: None });
    say(store, Outcome::Part(delta));
    say(store, Outcome::End { topic, complete: true, limit: None });
}

fn project(id: &str, name: &str, domain: &str, enabled: bool) -> Named {
    Named { id: id.into(), name: name.into(), domain_id: Some(domain.into()), enabled: Some(enabled) }
}

fn allowance(resource: &str, limit: i64, in_use: i64, reserved: i64) -> Allowance {
    let limit = Limit::from_number(limit);
    Allowance { resource: resource.into(), limit, in_use: Some(in_use), reserved }
}

fn told(store: &mut Store, service: QuotaService, answer: Result<Allowances, Trouble>) {
    say(store, Outcome::Part(Delta::Quotas(service, QuotaSaid::Project("p".into(), answer))));
}

/// The project `shop`, of which every service has told nothing that counts.
fn quiet(enabled: bool) -> Store {
    let mut store = Store::default();
    let projects = vec![project("p", "shop", "default", enabled)];
    whole(&mut store, Topic::Projects, Delta::Names(NamedKind::Project, projects));
    for service in QuotaService::ALL {
        told(&mut store, service, Ok([].into()));
    }
    store
}

fn row(store: &Store) -> &Quotas {
    store.quotas.by_id("p").unwrap()
}

fn with(service: QuotaService, it: Allowance) -> Store {
    let mut store = quiet(true);
    told(&mut store, service, Ok([it].into()));
    store
}

use QuotaService::{Cinder, Neutron, Nova};

#[test]
fn verdicts_by_how_near_a_limit_is() {
    use Verdict::{Critical, Ok, Warning};
    // Limit, in use, reserved.
    for ((limit, in_use, reserved), verdict, words) in [
        ((100, 0, 0), Ok, ""),
        ((100, 79, 0), Ok, ""),
        ((100, 80, 0), Warning, "shop has 80 of 100 volumes, 80%"),
        // What is promised counts.
        ((100, 79, 1), Warning, "shop has 79 of 100 volumes, 1 promised, 80%"),
        ((100, 99, 0), Warning, "shop has 99 of 100 volumes, 99%"),
        (
            (100, 100, 0),
            Critical,
            "shop has 100 of 100 volumes: its users are refused more now; `openstack quota set --volumes N shop`",
        ),
        ((1, 1, 0), Critical, "1 of 1 volumes: its users are refused"),
        (
            (10, 12, 0),
            Critical,
            "shop has 12 of 10 volumes: the limit was lowered below that, and more is refused; `openstack",
        ),
        // Nothing is allowed, and nothing is there: nobody misses it.
        ((0, 0, 0), Ok, ""),
        ((0, 3, 0), Warning, "shop may have no volumes, and has 3"),
        // Unlimited is never full.
        ((-1, 1_000_000, 0), Ok, ""),
        (
            (10, -2, 0),
            Warning,
            "cinder counts -2 volumes of shop: a failed delete was booked twice: `cinder-manage quota check",
        ),
    ] {
        let store = with(Cinder, allowance("volumes", limit, in_use, reserved));
        assert_eq!(super::verdict(&store, row(&store)), verdict, "{in_use}+{reserved} of {limit}");
        let said = notes(&store, row(&store)).into_iter().next().map(|note| note.words).unwrap_or_default();
        assert!(said.contains(words) && said.is_empty() == words.is_empty(), "{said}");
    }
}

#[test]
fn the_nearest_of_all_resources_of_all_services_counts() {
    let mut store = quiet(true);
    assert_eq!(nearest(&store, row(&store)), None);
    told(&mut store, Nova, Ok([allowance("cores", 20, 10, 0), allowance("ram", -1, 51_200, 0)].into()));
    told(&mut store, Cinder, Ok([allowance("gigabytes_ssd", 100, 93, 0)].into()));
    told(&mut store, Neutron, Ok([allowance("floatingip", 50, 5, 0)].into()));
    let (share, of) = nearest(&store, row(&store)).unwrap();
    assert_eq!((share, label(of.service, of.resource)), (0.93, "ssd GiB".into()));
}

#[test]
fn resources_have_the_names_that_operators_use_and_the_line_that_raises_them() {
    for (service, resource, said, option) in [
        (Nova, "cores", "vCPU", "--cores N shop"),
        (Nova, "ram", "RAM", "--ram N shop"),
        (Nova, "server_groups", "server groups", "--server-groups N shop"),
        (Cinder, "gigabytes", "GiB", "--gigabytes N shop"),
        (Cinder, "backup_gigabytes", "backup GiB", "--backup-gigabytes N shop"),
        (Cinder, "volumes_fast_ssd", "fast_ssd volumes", "--volumes N --volume-type fast_ssd shop"),
        (Cinder, "gigabytes_hdd", "hdd GiB", "--gigabytes N --volume-type hdd shop"),
        (Neutron, "floatingip", "floating IPs", "--floating-ips N shop"),
        (Neutron, "security_group", "security groups", "--secgroups N shop"),
        (Neutron, "security_group_rule", "security rules", "--secgroup-rules N shop"),
        (Neutron, "rbac_policy", "RBAC policies", "--rbac-policies N shop"),
        (Neutron, "port", "ports", "--ports N shop"),
    ] {
        assert_eq!(label(service, resource), said);
        let store = with(service, allowance(resource, 2_048, 2_048, 0));
        let words = &notes(&store, row(&store))[0].words;
        assert!(words.contains(option) && words.contains(said), "{words}");
    }
}

#[test]
fn ram_is_said_in_gib() {
    for (mib, words) in [(51_200, "50"), (1_536, "1.5"), (0, "0"), (-1_024, "-1"), (703_000, "687")] {
        assert_eq!(amount(Nova, "ram", mib), words);
    }
    let store = with(Nova, allowance("ram", 524_288, 409_600, 0));
    let (_, of) = nearest(&store, row(&store)).unwrap();
    assert_eq!(figures(&of), "400 of 512 GiB");
}

#[test]
fn what_a_service_did_not_tell_is_unknown_and_never_fine() {
    let trouble = Trouble {
        source: "cinder",
        kind: "unreachable",
        message: "cinder at ctl01:8776 answered 500".to_owned(),
        next_step: String::new(),
        request_id: None,
    };
    let mut store = Store::default();
    let projects = vec![project("p", "shop", "default", true)];
    whole(&mut store, Topic::Projects, Delta::Names(NamedKind::Project, projects));
    assert_eq!(verdict(&store, row(&store)), Verdict::Unknown);
    for service in [Nova, Neutron] {
        told(&mut store, service, Ok([].into()));
    }
    assert_eq!(verdict(&store, row(&store)), Verdict::Unknown);
    assert_eq!(lacks(&store, row(&store)).collect::<Vec<_>>(), [Cinder]);
    // A cloud without cinder lacks nothing.
    say(&mut store, Outcome::Part(Delta::Quotas(Cinder, QuotaSaid::Absent)));
    assert_eq!(verdict(&store, row(&store)), Verdict::Ok);
    // One that told before and fails now is not fine either.
    let mut store = quiet(true);
    told(&mut store, Cinder, Err(trouble));
    assert_eq!(verdict(&store, row(&store)), Verdict::Unknown);
    assert_eq!(notes(&store, row(&store))[0].words, "cinder: cinder at ctl01:8776 answered 500");
}

#[test]
fn a_disabled_project_is_said_to_be() {
    let store = quiet(false);
    assert_eq!(verdict(&store, row(&store)), Verdict::Disabled);
    assert_eq!(notes(&store, row(&store))[0].words, "shop is disabled: what it has stays, and counts");
}

#[test]
fn projects_of_the_same_name_are_told_apart_by_their_domain() {
    let mut store = quiet(true);
    assert_eq!(called(&store, "p"), "shop");
    let named = |kind, row| Outcome::Part(Delta::Names(kind, vec![row]));
    say(&mut store, named(NamedKind::Project, project("q", "shop", "d2", true)));
    say(&mut store, named(NamedKind::Domain, project("d2", "partners", "", true)));
    assert_eq!(
        (called(&store, "p"), called(&store, "q")),
        ("shop (default)".into(), "shop (partners)".into())
    );
    assert_eq!(called(&store, "x"), "x");
}

#[test]
fn nobody_is_asked_about_before_the_projects_are_known_and_the_named_one_alone_if_one_is() {
    let mut order = Order::default();
    let mut store = Store::default();
    assert_eq!(order.of(&store), None);
    let projects =
        ["p", "q"].map(|id| project(id, if id == "q" { "ci" } else { "shop" }, "default", true)).to_vec();
    whole(&mut store, Topic::Projects, Delta::Names(NamedKind::Project, projects));
    let ids = |order: &mut Order, store: &Store| -> Vec<String> {
        order.of(store).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(ids(&mut order, &store), ["p", "q"]);
    assert_eq!(ids(&mut Order::only(Some("ci".to_owned())), &store), ["q"]);
    assert_eq!(ids(&mut Order::only(Some("p".to_owned())), &store), ["p"]);
    assert_eq!(ids(&mut Order::only(Some("nobody".to_owned())), &store), Vec::<String>::new());
}

#[test]
fn one_line_names_the_project_once_with_all_that_is_full_and_near() {
    let mut store = quiet(true);
    told(&mut store, Nova, Ok([allowance("cores", 20, 20, 0), allowance("ram", 102_400, 92_160, 0)].into()));
    told(
        &mut store,
        Cinder,
        Ok([allowance("gigabytes", 100, -1, 0), allowance("volumes", 10, 10, 0)].into()),
    );
    let said = summary(&store, row(&store)).unwrap();
    let expected = "shop has 20 of 20 vCPU, 10 of 10 volumes: more is refused, `openstack quota set --cores N shop`; \
                    near: RAM 90%; cinder counts -1 GiB of shop";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(summary(&quiet(true), row(&quiet(true))), None);
}

#[test]
fn an_account_of_the_object_store_is_judged_as_any_other_use() {
    use Verdict::{Critical, Ok, Warning};
    for (bytes_used, quota, share, verdict) in [
        (0, Limit::Of(0), None, Ok),
        (1, Limit::Of(0), Some(1.0), Warning),
        (79, Limit::Of(100), Some(0.79), Ok),
        (80, Limit::Of(100), Some(0.8), Warning),
        (100, Limit::Of(100), Some(1.0), Critical),
        (130, Limit::Of(100), Some(1.3), Critical),
        (u64::MAX, Limit::Unlimited, None, Ok),
    ] {
        let account = StorageAccount { bytes_used, objects: 1, containers: 1, quota };
        assert_eq!(of_account(&account), (share, verdict), "{bytes_used} of {quota:?}");
    }
}
