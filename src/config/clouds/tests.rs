use super::*;

/// A directory with these files, and a lookup in it.
fn lookup(files: &[(&str, &str)], env: &[(&str, &str)]) -> (tempfile::TempDir, Lookup) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let lookup = Lookup { cloud: None, region: None, env, dirs: vec![dir.path().to_owned()] };
    (dir, lookup)
}

fn one(lookup: &Lookup) -> CloudConfig {
    match find(lookup).unwrap() {
        Found::One(cloud) => *cloud,
        Found::Choose(choices) => panic!("{choices:?}"),
    }
}

const CLOUDS: &str = "
clouds:
  prod:
    profile: acme
    auth:
      username: ops
      password: 007
      project_name: admin
    verify: no
    region_name: north
    compute_endpoint_override: http://127.0.0.1:8774/v2.1
";

#[test]
fn profile_secure_and_cloud_are_merged() {
    let secure = "clouds:\n  prod:\n    auth:\n      password: s3cret\n  other:\n    auth: {password: x}\n";
    let public = "public-clouds:\n  acme:\n    auth:\n      auth_url: https://id.acme.test:5000/v2.0/\n      username: nobody\n    interface: internalURL\n";
    let (_dir, lookup) =
        lookup(&[("clouds.yaml", CLOUDS), ("secure.yaml", secure), ("clouds-public.yaml", public)], &[]);
    let cloud = one(&lookup);
    assert_eq!(cloud.auth_url.as_str(), "https://id.acme.test:5000/v3");
    assert_eq!(cloud.interface, Interface::Internal);
    assert!(!cloud.tls.verify);
    let endpoint = cloud.services["compute"].endpoint.as_ref().map(Url::as_str);
    assert_eq!(endpoint, Some("http://127.0.0.1:8774/v2.1"));
    match &cloud.auth {
        Auth::Password { user, password } => {
            assert_eq!((user.name.as_deref(), password.expose()), (Some("ops"), "s3cret"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!format!("{cloud:?}").contains("s3cret"), "no Debug shows a secret");
}

#[test]
fn a_numeric_password_stays_as_it_was_written() {
    let text = CLOUDS
        .replace("    profile: acme\n", "")
        .replace("auth:\n", "auth:\n      auth_url: http://h:5000\n");
    let (_dir, lookup) = lookup(&[("clouds.yaml", &text)], &[]);
    match one(&lookup).auth {
        Auth::Password { password, .. } => assert_eq!(password.expose(), "007"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn os_variables_are_a_cloud() {
    let env = [
        ("OS_AUTH_URL", "http://h:5000"),
        ("OS_APPLICATION_CREDENTIAL_ID", "abc"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "x"),
        ("OS_AUTH_TYPE", "v3applicationcredential"),
    ];
    let (_dir, lookup) = lookup(&[], &env);
    let cloud = one(&lookup);
    assert_eq!((cloud.name.as_str(), cloud.scope.clone()), ("envvars", Scope::Implied));
    assert!(matches!(cloud.auth, Auth::ApplicationCredential { id: Some(_), user: None, .. }));
}

#[test]
fn no_debug_shows_what_stands_in_the_environment() {
    let (_dir, lookup) = lookup(&[], &[("OS_PASSWORD", "hunter2"), ("OS_TOKEN", "hunter2")]);
    let shown = format!("{lookup:?}");
    assert!(shown.contains("OS_PASSWORD") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn scopes_and_domains() {
    let base = |auth: &str| {
        format!("clouds:\n  c:\n    auth: {{auth_url: http://h, username: u, password: p, {auth}}}\n")
    };
    let check = |auth: &str, expected: Scope| {
        let (_dir, lookup) = lookup(&[("clouds.yaml", &base(auth))], &[]);
        assert_eq!(one(&lookup).scope, expected, "{auth}");
    };
    let project = |domain| Scope::Project(Principal { id: None, name: Some("p".into()), domain });
    check("project_name: p, project_domain_id: d", project(Domain::Id("d".into())));
    check("project_name: p, project_domain_name: D", project(Domain::Name("D".into())));
    check("project_name: p", project(Domain::Id("default".into())));
    check("system_scope: all", Scope::System);
    check("domain_name: D", Scope::Domain(Domain::Name("D".into())));
}

#[test]
fn several_clouds_and_regions_are_chosen_from() {
    let text = "clouds:\n  a:\n    regions: [one, {name: two}]\n    auth: {auth_url: http://h, username: u, password: p}\n  b: {}\n";
    let (_dir, mut lookup) = lookup(&[("clouds.yaml", text)], &[]);
    let Found::Choose(choices) = find(&lookup).unwrap() else { panic!() };
    let names: Vec<String> = choices.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a/one", "a/two", "b"]);
    lookup.cloud = Some("a".into());
    assert!(matches!(find(&lookup).unwrap(), Found::Choose(regions) if regions.len() == 2));
    lookup.region = Some("two".into());
    assert_eq!(one(&lookup).region.as_deref(), Some("two"));
}

#[test]
fn every_mistake_is_named() {
    let cloud = |body: &str| format!("clouds:\n  prod:\n    {body}\n");
    let good = "auth: {auth_url: http://h, username: u, password: p}";
    for (text, name, parts) in [
        (String::new(), None, vec!["there is no cloud in it"]),
        ("clouds:\n  prod:\n    auth: [\n".to_owned(), None, vec!["clouds.yaml:"]),
        (cloud(good), Some("prd"), vec!["no cloud `prd`", "did you mean `prod`"]),
        (cloud("auth: {username: u}"), None, vec!["no auth_url"]),
        (cloud("auth: {auth_url: nonsense, username: u}"), None, vec!["auth_url `nonsense` is no URL"]),
        (cloud("auth: {auth_url: http://h, password: p}"), None, vec!["no username"]),
        (cloud("auth: {auth_url: http://h, username: u}"), None, vec!["no password"]),
        (
            cloud(&format!("auth_type: v3oidcpassword\n    {good}")),
            None,
            vec!["v3oidcpassword", "not supported"],
        ),
        (cloud(&format!("interface: pubic\n    {good}")), None, vec!["`pubic`", "`public`"]),
        (cloud("profile: acme\n    auth: {username: u, password: p}"), None, vec!["profile `acme`"]),
        (cloud(&format!("identity_api_version: 2\n    {good}")), None, vec!["identity_api_version `2`"]),
        (
            cloud(&format!("identity_api_version: '2.0'\n    {good}")),
            None,
            vec!["identity_api_version `2.0`"],
        ),
        (cloud(&format!("compute_api_version: 1.1\n    {good}")), None, vec!["compute_api_version `1.1`"]),
        (
            cloud(&format!("compute_default_microversion: new\n    {good}")),
            None,
            vec!["`new` is no microversion"],
        ),
        (
            cloud(&format!(
                "compute_api_version: '2.53'\n    compute_default_microversion: '2.60'\n    {good}"
            )),
            None,
            vec!["compute_default_microversion and compute_api_version", "two different microversions"],
        ),
        (cloud(&format!("network_interface: extern\n    {good}")), None, vec!["no interface `extern`"]),
        (
            cloud(&format!("image_endpoint_override: glance\n    {good}")),
            None,
            vec!["image_endpoint_override `glance`"],
        ),
        (cloud("auth: [a]"), None, vec!["clouds.yaml:3:"]),
    ] {
        let (_dir, mut lookup) = lookup(&[("clouds.yaml", &text)], &[]);
        lookup.cloud = name.map(str::to_owned);
        let error = find(&lookup).unwrap_err();
        let message = error.to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
        assert!(!error.next_step().is_empty());
    }
    let (_dir, lookup) = lookup(&[], &[]);
    assert!(find(&lookup).unwrap_err().to_string().contains("no cloud is configured"));
}

#[test]
fn a_broken_file_has_a_place_and_shows_no_secret() {
    let text = "clouds:\n  prod:\n    auth:\n      password: hunter2\n     username: u\n";
    let (_dir, lookup) = lookup(&[("clouds.yaml", text)], &[]);
    let message = find(&lookup).unwrap_err().to_string();
    assert!(message.contains("clouds.yaml:5:") || message.contains("clouds.yaml:4:"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn keys_are_found_wherever_openstacksdk_finds_them() {
    let expected = |cloud: &CloudConfig| {
        let Auth::Password { user, password } = &cloud.auth else { panic!("{:?}", cloud.auth) };
        assert_eq!(user.name.as_deref(), Some("u"));
        assert_eq!(user.domain, Domain::Name("D".into()));
        assert_eq!(password.expose(), "p");
        let project = Principal { id: None, name: Some("t".into()), domain: Domain::Name("D".into()) };
        assert_eq!(cloud.scope, Scope::Project(project));
        assert_eq!(cloud.interface, Interface::Internal);
    };
    for entry in [
        "{auth: {auth_url: http://h, username: u, password: p, project_name: t, domain_name: D}, interface: internal}",
        // Beside `auth`, with dashes, under older names.
        "{auth-url: http://h, username: u, password: p, tenant-name: t, domain-name: D, endpoint_type: internalURL}",
        "{auth: {auth-url: http://h, user-name: u, password: p, tenant_name: t, user_domain_name: D, \
          project-domain-name: D}, interface: internal}",
        // A scope beside `auth` wins, a password in it.
        "{auth: {auth_url: http://h, username: u, password: p, project_name: x, domain_name: D}, password: x, \
          project_name: t, interface: internal}",
        // The last of two equal keys.
        "{auth: {auth_url: http://x, auth_url: http://h, username: u, password: p, project_name: t, domain_name: D}, \
          interface: internal}",
    ] {
        let (_dir, lookup) = lookup(&[("clouds.yaml", &format!("clouds:\n  c: {entry}\n"))], &[]);
        expected(&one(&lookup));
    }
}

#[test]
fn anchors_and_merge_keys_are_yaml() {
    let text = "
shared: &shared
  auth: &auth {auth_url: http://h, username: u, password: p}
  region_name: north
clouds:
  a: {<<: *shared, region_name: south}
  b: {region_name: south, <<: *shared}
";
    for name in ["a", "b"] {
        let (_dir, mut lookup) = lookup(&[("clouds.yaml", text)], &[]);
        lookup.cloud = Some(name.into());
        assert_eq!(one(&lookup).region.as_deref(), Some("south"), "{name}: its own word wins");
    }
}

#[test]
fn domains_by_id_before_name_and_own_before_common() {
    let check = |auth: &str, expected: Domain| {
        let text = format!(
            "clouds:\n  c:\n    auth: {{auth_url: http://h, username: u, password: p, project_name: t, {auth}}}\n"
        );
        let (_dir, lookup) = lookup(&[("clouds.yaml", &text)], &[]);
        let Auth::Password { user, .. } = one(&lookup).auth else { panic!() };
        assert_eq!(user.domain, expected, "{auth}");
    };
    check("user_domain_id: i, user_domain_name: n", Domain::Id("i".into()));
    check("user_domain_name: n, domain_id: i", Domain::Name("n".into()));
    check("user_domain_name: n, default_domain_id: i", Domain::Name("n".into()));
    check("domain_id: i", Domain::Id("i".into()));
    check("default_domain: i", Domain::Id("i".into()));
    check("default_domain_name: n", Domain::Name("n".into()));
    check("project_domain_id: i", Domain::Id("default".into()));
}

#[test]
fn secure_yaml_may_hold_whole_clouds_and_stand_alone() {
    let whole = "clouds:\n  hidden:\n    auth: {auth_url: http://h, username: u, password: p}\n";
    let (_dir, secure_alone) = lookup(&[("secure.yaml", whole)], &[]);
    assert_eq!(one(&secure_alone).name, "hidden");
    // A secret without its cloud does not make the only cloud one of two.
    let clouds = "clouds:\n  seen:\n    auth: {auth_url: http://h, username: u, password: p}\n";
    let secret = "clouds:\n  gone:\n    auth: {password: p}\n";
    let (_dir, with_secret) = lookup(&[("clouds.yaml", clouds), ("secure.yaml", secret)], &[]);
    assert_eq!(one(&with_secret).name, "seen");
}

#[test]
fn files_named_by_variables_come_first() {
    let cloud = |name: &str| format!("clouds:\n  {name}:\n    auth: {{auth_url: http://h, username: u}}\n");
    let (dir, mut lookup) = lookup(&[("clouds.yaml", &cloud("usual")), ("mine.yaml", &cloud("mine"))], &[]);
    let secret = dir.path().join("hidden.json");
    std::fs::write(&secret, r#"{"clouds": {"mine": {"auth": {"password": "p"}}}}"#).unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    lookup.env.insert("OS_CLIENT_CONFIG_FILE".into(), path("mine.yaml"));
    lookup.env.insert("OS_CLIENT_SECURE_FILE".into(), path("hidden.json"));
    let cloud = one(&lookup);
    assert_eq!((cloud.name.as_str(), cloud.origin), ("mine", path("mine.yaml")));
    assert!(matches!(cloud.auth, Auth::Password { password, .. } if password.expose() == "p"));
}

#[test]
fn variables_choose_and_fill_in() {
    let file = "clouds:\n  prod:\n    regions: [north, south]\n    auth: {auth_url: http://h, username: u}\n";
    let shell = [("OS_AUTH_URL", "http://shell"), ("OS_USERNAME", "s"), ("OS_PASSWORD", "p")];
    let check = |extra: &[(&str, &str)], expected: (&str, Option<&str>, &str)| {
        let env: Vec<_> = shell.iter().chain(extra).copied().collect();
        let (_dir, lookup) = lookup(&[("clouds.yaml", file)], &env);
        let cloud = one(&lookup);
        let host = cloud.auth_url.host_str().unwrap_or_default();
        assert_eq!((cloud.name.as_str(), cloud.region.as_deref(), host), expected, "{extra:?}");
    };
    check(&[], ("envvars", None, "shell"));
    check(&[("OS_REGION_NAME", "west")], ("envvars", Some("west"), "shell"));
    check(&[("OS_CLOUD", "prod"), ("OS_REGION_NAME", "south")], ("prod", Some("south"), "h"));
    check(&[("OS_CLOUD", "envvars")], ("envvars", None, "shell"));
    check(&[("OS_CLOUD_NAME", "mine"), ("OS_CLOUD", "mine")], ("mine", None, "shell"));
    // Of a region that it does not have, the cloud says which there are.
    let env = [("OS_CLOUD", "prod"), ("OS_REGION_NAME", "sout")];
    let (_dir, wrong) = lookup(&[("clouds.yaml", file)], &env);
    let message = find(&wrong).unwrap_err().to_string();
    assert!(message.contains("no region `sout`; did you mean `south`?"), "{message}");
}

#[test]
fn a_region_may_say_what_is_different_there() {
    let text = "
clouds:
  prod:
    auth: {auth_url: 'https://{region_name}.test:5000', username: u, password: p}
    compute_endpoint_override: 'https://nova.{region_name}.test'
    regions:
      - north
      - {name: south, values: {interface: internal, auth: {project_name: there}}}
";
    let (_dir, mut lookup) = lookup(&[("clouds.yaml", text)], &[]);
    lookup.region = Some("south".into());
    let south = one(&lookup);
    assert_eq!(south.auth_url.as_str(), "https://south.test:5000/v3");
    assert_eq!(south.interface, Interface::Internal);
    assert!(matches!(&south.scope, Scope::Project(project) if project.name.as_deref() == Some("there")));
    assert_eq!(
        south.services["compute"].endpoint.as_ref().map(Url::as_str),
        Some("https://nova.south.test/")
    );
    lookup.region = Some("north".into());
    assert_eq!((one(&lookup).interface, one(&lookup).scope), (Interface::Public, Scope::Implied));
}

#[test]
fn the_regions_of_a_profile_are_chosen_from_too() {
    let clouds = "clouds:\n  a: {profile: acme, auth: {username: u, password: p}}\n  b: {}\n";
    let public = "public-clouds:\n  acme: {regions: [one, two], auth: {auth_url: http://h}}\n";
    let (_dir, lookup) = lookup(&[("clouds.yaml", clouds), ("clouds-public.yaml", public)], &[]);
    let Found::Choose(choices) = find(&lookup).unwrap() else { panic!() };
    let names: Vec<String> = choices.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a/one", "a/two", "b"]);
}

#[test]
fn settings_of_single_services() {
    let check = |setting: &str, kind: &str, expected: ServiceConfig| {
        let auth = "auth: {auth_url: http://h, username: u, password: p}";
        let text = format!("clouds:\n  c: {{{auth}, {setting}}}\n");
        let (_dir, lookup) = lookup(&[("clouds.yaml", &text)], &[]);
        let service = one(&lookup).services.remove(kind).unwrap_or_default();
        assert_eq!(service, expected, "{setting}");
    };
    let nothing = ServiceConfig::default;
    let capped = |minor| ServiceConfig { microversion: Some((2, minor)), ..nothing() };
    check("compute_api_version: '2.53'", "compute", capped(53));
    check("compute_api_version: 2.53", "compute", capped(53));
    check("compute_default_microversion: '2.90'", "compute", capped(90));
    check("compute_api_version: 2, compute_default_microversion: '2.60'", "compute", capped(60));
    for harmless in ["compute_api_version: 2", "compute_api_version: '2.0'", "compute_api_version: 2.latest"]
    {
        check(harmless, "compute", nothing());
    }
    check("compute_default_microversion: latest", "compute", nothing());
    check("identity_api_version: 3", "identity", nothing());
    // Of these APIs nothing but names is read: an old word in an old file does no harm.
    check("image_api_version: 1", "image", nothing());
    check("network_api_version: 2", "network", nothing());
    check(
        "placement_interface: internal",
        "placement",
        ServiceConfig { interface: Some(Interface::Internal), ..nothing() },
    );
    check("image_region_name: other", "image", ServiceConfig { region: Some("other".into()), ..nothing() });
    let endpoint = |url| ServiceConfig { endpoint: Url::parse(url).ok(), ..nothing() };
    check("volumev3_endpoint_override: http://c", "block-storage", endpoint("http://c"));
    check("network-endpoint-override: http://n:9696", "network", endpoint("http://n:9696"));
    check("object_store_endpoint_override: http://o/v1", "object-store", endpoint("http://o/v1"));
}
