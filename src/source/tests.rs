//! Recorded answers of keystone, placement, neutron and glance, and what is made of them.

use super::catalog::{self, VersionDocument};
use super::token::Token;
use super::wire::Words;
use super::{ErrorKind, Microversion, ServiceKind, glance, keystone, neutron, placement};
use crate::config::clouds::Interface;
use crate::config::secret::Secret;
use crate::model::{Agent, Inventory, Named, Provider, ResourceClass, Text};

/// A recorded body.
macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/samples/", $name, ".json")).as_slice()
    };
}

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(text.parse().unwrap())
}

fn named(id: &str, name: &str) -> Named {
    Named { id: id.into(), name: name.into(), domain_id: Some("default".into()), enabled: Some(true) }
}

fn token() -> Token {
    Token::parse(Secret::new("t"), sample!("keystone/token")).unwrap()
}

#[test]
fn a_token_names_who_what_and_where() {
    let token = token();
    assert_eq!((token.user.as_str(), token.expires_at), ("admin", at("2026-11-23T19:50:30Z")));
    let project = token.project.as_ref().unwrap();
    assert_eq!((project.id.as_str(), project.name.as_str()), ("2ca29ea816ee467fbb9cd53dbbea71b1", "admin"));
    let roles: Vec<&str> = token.roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(roles, ["member", "reader", "admin"]);
    let kinds: Vec<&str> = token.catalog.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["compute", "identity", "volumev3", "network", "placement", "image"]);
    assert!(token.is_fresh() && token.is_good(), "an hour from when it came, whenever that was");
    assert!(!format!("{token:?}").contains("\"t\""), "no Debug shows it");
}

#[test]
fn tokens_with_little_in_them() {
    // Of the system, of a domain, or of nothing at all: no project, maybe no catalog.
    let body = br#"{"token": {"user": {"id": "u", "name": "ops"}, "system": {"all": true}, "roles": [{"id": "r"}]}}"#;
    let token = Token::parse(Secret::new("t"), body).unwrap();
    assert!(token.project.is_none() && token.catalog.is_empty() && token.expires_at.is_none());
    assert!(token.is_fresh() && token.is_good(), "one that says no end is good until somebody refuses it");
    // One that came with its last second.
    let body = br#"{"token": {"user": {"name": "ops"}, "issued_at": "2026-11-23T18:50:30.000000Z",
        "expires_at": "2026-11-23T18:50:30.000000Z"}}"#;
    assert!(!Token::parse(Secret::new("t"), body).unwrap().is_fresh());
    for body in [&b"{}"[..], b"{\"token\": {}}", b"<html>"] {
        assert!(Token::parse(Secret::new("t"), body).is_err());
    }
}

#[test]
fn endpoints_of_the_recorded_catalog() {
    let token = token();
    let find = |service, interface, region| {
        catalog::endpoint(&token.catalog, service, interface, region)
            .map(|url| catalog::base(service, &url).to_string())
    };
    for (service, expected) in [
        (ServiceKind::Identity, "http://127.0.0.1:5000/v3"),
        (ServiceKind::Compute, "http://127.0.0.1:8774/v2.1"),
        (ServiceKind::Placement, "http://127.0.0.1:8778/"),
        (ServiceKind::Network, "http://127.0.0.1:9696/v2.0"),
        (ServiceKind::Image, "http://127.0.0.1:9292/v2"),
    ] {
        for interface in [Interface::Public, Interface::Internal, Interface::Admin] {
            assert_eq!(find(service, interface, Some("RegionOne")).as_deref(), Ok(expected), "{service:?}");
            assert_eq!(find(service, interface, None).as_deref(), Ok(expected), "{service:?}");
        }
        let error = find(service, Interface::Public, Some("RegionTwo")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Missing);
    }
}

#[test]
fn version_documents() {
    let range =
        |service, body: &[u8]| serde_json::from_slice::<VersionDocument>(body).unwrap().range(service);
    let nova = Some((Microversion(2, 1), Microversion(2, 93)));
    for (service, body, expected) in [
        (ServiceKind::Compute, sample!("nova/version"), nova),
        (ServiceKind::Compute, sample!("nova/versions"), nova),
        (ServiceKind::Placement, sample!("placement/root"), Some((Microversion(1, 0), Microversion(1, 39)))),
        // A nova from before there were any, and one that only has the version before.
        (ServiceKind::Compute, br#"{"version": {"id": "v2.1", "version": "", "min_version": ""}}"#, None),
        (ServiceKind::Compute, br#"{"versions": [{"id": "v2.0", "version": "2.5"}]}"#, None),
        (ServiceKind::Compute, b"{}", None),
    ] {
        assert_eq!(range(service, body), expected, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn projects_and_users() {
    let expected = [
        named("2a294ffc60fe46fe817f77a69d912949", "demo"),
        named("2ca29ea816ee467fbb9cd53dbbea71b1", "admin"),
        named("8c4f13b558e5441cb1cdd729e9ddc2ae", "service"),
    ];
    assert_eq!(keystone::parse_projects(sample!("keystone/projects")).unwrap(), expected);
    let domain = Named { id: "default".into(), name: "Default".into(), domain_id: None, enabled: Some(true) };
    assert_eq!(keystone::parse_domains(sample!("keystone/domains")).unwrap(), [domain]);
    assert_eq!(keystone::parse_project(sample!("keystone/project")).unwrap(), expected[0]);
    let user = named("2abd79619f444e01ac4ba1249e35ceed", "demo");
    assert_eq!(keystone::parse_user(sample!("keystone/user")).unwrap(), user);
    // A directory may have users without a name.
    let user = keystone::parse_user(br#"{"user": {"id": "u"}}"#).unwrap();
    assert_eq!(user, Named { id: "u".into(), name: "".into(), domain_id: None, enabled: None });
}

#[test]
fn providers_are_the_roots() {
    let host =
        |id: &str, name: &str| Provider { id: id.into(), name: name.into(), inventories: None, usages: None };
    let expected = [
        host("c2bb3e28-bc82-4f96-bc59-8e112c689a59", "cmp03"),
        host("4dd1c749-b723-44f1-8274-283c2b37a743", "cmp01"),
        host("887808b9-d3f8-45a8-ad16-f9268b6977e6", "cmp02"),
    ];
    for body in [sample!("placement/providers-1.0"), sample!("placement/providers-1.39")] {
        assert_eq!(placement::parse_providers(body).unwrap(), expected);
    }
    let nested = br#"{"resource_providers": [
        {"uuid": "a", "name": "cmp01", "parent_provider_uuid": null},
        {"uuid": "b", "name": "cmp01_pgpu0", "parent_provider_uuid": "a"}
    ]}"#;
    assert_eq!(placement::parse_providers(nested).unwrap(), [host("a", "cmp01")]);
}

#[test]
fn inventories_and_usages_by_class() {
    use ResourceClass::{DiskGb, MemoryMb, Pcpu, Vcpu};
    let of = |total, reserved, allocation_ratio| Inventory { total, reserved, allocation_ratio };
    let mut inventories = placement::parse_inventories(sample!("placement/inventories")).unwrap();
    inventories.sort_by_key(|(class, _)| *class);
    assert_eq!(
        inventories,
        [(Vcpu, of(10, 0, 16.0)), (MemoryMb, of(8_192, 512, 1.5)), (DiskGb, of(1_028, 0, 1.0))]
    );
    let mut usages = placement::parse_usages(sample!("placement/usages")).unwrap();
    usages.sort_unstable();
    assert_eq!(usages, [(Vcpu, 17), (MemoryMb, 1_536), (DiskGb, 17)]);
    // Pinned CPUs count; classes that the dashboard does not know are left out.
    let usages = placement::parse_usages(br#"{"usages": {"PCPU": 4, "VGPU": 1, "CUSTOM_GOLD": 1}}"#).unwrap();
    assert_eq!(usages, [(Pcpu, 4)]);
    // Without a ratio there is no limit to be told, and none is made up.
    assert!(placement::parse_inventories(br#"{"inventories": {"VCPU": {"total": 10}}}"#).is_err());
}

#[test]
fn agents() {
    let (rows, next) = neutron::parse_agents(sample!("neutron/agents"), &mut Words::default()).unwrap();
    assert_eq!(next, None);
    let agent = |id: &str, kind: &str, binary: &str, host: &str, zone: Option<&str>, heartbeat: &str| Agent {
        id: id.into(),
        binary: binary.into(),
        agent_type: kind.into(),
        host: host.into(),
        alive: true,
        admin_state_up: true,
        availability_zone: zone.map(Text::from),
        heartbeat: at(heartbeat),
    };
    let expected = [
        agent(
            "51702dd5-2725-4223-b5ec-1113edd7ab3c",
            "L3 agent",
            "neutron-l3-agent",
            "net01",
            Some("nova"),
            "2026-11-23T18:50:20Z",
        ),
        agent(
            "62856ca2-1b6b-4c3b-8e8e-c14bcaddaa62",
            "Open vSwitch agent",
            "neutron-openvswitch-agent",
            "cmp01",
            None,
            "2026-11-23T18:50:21Z",
        ),
        agent(
            "772f5ae0-c6df-4124-92fd-0bfd5eb4a41e",
            "Metadata agent",
            "neutron-metadata-agent",
            "net01",
            None,
            "2026-11-23T18:50:24Z",
        ),
        agent(
            "8a59c581-7df7-4387-8b9e-7fbfa3685b79",
            "DHCP agent",
            "neutron-dhcp-agent",
            "net01",
            Some("nova"),
            "2026-11-23T18:50:22Z",
        ),
        agent(
            "96019f82-85d5-4d51-b79f-8583e85c882b",
            "Linux bridge agent",
            "neutron-linuxbridge-agent",
            "net01",
            None,
            "2026-11-23T18:50:21Z",
        ),
    ];
    assert_eq!(rows, expected);
    // One that does not say that it lives does not.
    let (rows, _) = neutron::parse_agents(br#"{"agents": [{"id": "a"}]}"#, &mut Words::default()).unwrap();
    assert!(!rows[0].alive);
}

#[test]
fn images() {
    let expected =
        |id: &str, name: &str| Named { id: id.into(), name: name.into(), domain_id: None, enabled: None };
    let id = "dad2b808-6fd9-4919-934e-499cf48fa4b6";
    assert_eq!(glance::parse_image(sample!("glance/image")).unwrap(), expected(id, "cirros-tiny"));
    for body in [&br#"{"id": "a"}"#[..], br#"{"id": "a", "name": null}"#, br#"{"id": "a", "name": ""}"#] {
        assert_eq!(glance::parse_image(body).unwrap(), expected("a", "a"), "called by its id");
    }
}
