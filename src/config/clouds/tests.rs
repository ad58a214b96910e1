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
    assert_eq!(cloud.overrides["compute"].as_str(), "http://127.0.0.1:8774/v2.1");
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
        (cloud(&format!("profile: acme\n    {good}")), None, vec!["profile `acme`"]),
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
