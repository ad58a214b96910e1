//! Mistakes before anything is asked: exit code 2.

use super::fails;
use crate::support::stub::{PASSWORD, Run, Stub, command, run};

/// Every word that reads a cloud.
const WORDS: [&[&str]; 3] = [&["show", "hypervisors"], &["screen", "instances"], &["doctor"]];

/// Runs a word in a directory with this `clouds.yaml`.
fn with_clouds(text: &str, args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("clouds.yaml"), text).unwrap();
    run(command(dir.path(), args))
}

#[test]
fn no_configuration_at_all() {
    for word in WORDS {
        let dir = tempfile::tempdir().unwrap();
        let run = run(command(dir.path(), word));
        fails(&run, 2, &["no cloud is configured", "OS_CLOUD", "clouds.yaml in .,", "/etc/kolla", "openrc"]);
    }
}

#[test]
fn a_broken_clouds_yaml_is_named_with_file_line_and_column() {
    let text = format!("clouds:\n  prod:\n    auth:\n      password: {PASSWORD}\n     username: ops\n");
    for word in WORDS {
        fails(&with_clouds(&text, word), 2, &["./clouds.yaml:5:6: ", "mend the file at that place"]);
    }
}

#[test]
fn a_broken_secure_yaml_is_named_too() {
    let cloud = Stub::new();
    cloud.write("secure.yaml", &format!("clouds:\n  stub: {{auth: {{password: {PASSWORD}\n"));
    fails(&cloud.run(&["show", "services"]), 2, &["./secure.yaml:"]);
}

#[test]
fn an_unknown_cloud_brings_the_nearest_names() {
    let text = "clouds:\n  production: {}\n  staging: {}\n";
    for word in WORDS {
        let args: Vec<&str> = word.iter().copied().chain(["--cloud", "prodction"]).collect();
        let run = with_clouds(text, &args);
        fails(
            &run,
            2,
            &["no cloud `prodction`; did you mean `production`?", "production, staging", "--cloud"],
        );
    }
}

#[test]
fn several_clouds_without_a_choice_are_listed() {
    let run = with_clouds("clouds:\n  a: {region_name: one}\n  b: {}\n", &["show", "services"]);
    fails(&run, 2, &["several clouds to choose from: a/one, b", "--cloud"]);
}

#[test]
fn an_unsupported_auth_type_is_named_with_those_that_work() {
    for kind in ["v3oidcpassword", "v2password", "v3kerberos", "none"] {
        let text = format!("clouds:\n  c: {{auth_type: {kind}, auth: {{auth_url: 'http://127.0.0.1:1'}}}}\n");
        let run = with_clouds(&text, &["show", "services"]);
        fails(&run, 2, &[&format!("auth_type `{kind}` is not supported"), "v3applicationcredential"]);
    }
}

#[test]
fn identity_v2_is_refused_in_words() {
    let auth = "auth: {auth_url: 'http://127.0.0.1:1/v2.0', username: u, password: p}";
    let run = with_clouds(&format!("clouds:\n  c: {{identity_api_version: 2, {auth}}}\n"), &["doctor"]);
    fails(&run, 2, &["identity_api_version `2` is not supported", "version 3"]);
}

#[test]
fn an_openrc_without_its_password_says_so_where_nobody_can_be_asked() {
    let dir = tempfile::tempdir().unwrap();
    for word in WORDS {
        let mut command = command(dir.path(), word);
        command
            .env("OS_AUTH_URL", "http://127.0.0.1:1")
            .env("OS_USERNAME", "ops")
            .env("OS_PROJECT_NAME", "admin");
        fails(&run(command), 2, &["(the OS_* variables) has no password", "OS_PASSWORD", "on a terminal"]);
    }
}

#[test]
fn an_openrc_is_a_cloud() {
    let cloud = Stub::new();
    std::fs::remove_file(cloud.dir().join("clouds.yaml")).unwrap();
    let mut command = cloud.command(&["show", "services", "-o", "json"]);
    command.env("OS_AUTH_URL", format!("{}/identity/v3", cloud.url())).env("OS_USERNAME", "ops");
    command
        .env("OS_PASSWORD", PASSWORD)
        .env("OS_PROJECT_NAME", "admin")
        .env("OS_USER_DOMAIN_NAME", "Default");
    let run = run(command);
    assert_eq!(
        (run.code, run.json()["cloud"].as_str(), run.json()["rows"].as_array().unwrap().len()),
        (0, Some("envvars"), 5)
    );
}

#[test]
fn an_exported_password_completes_a_cloud_without_one() {
    let cloud = Stub::new();
    let entry = cloud.entry().replace(&format!(" password: {PASSWORD},"), "");
    cloud.write("clouds.yaml", &cloud.clouds(&entry));
    fails(&cloud.run(&["show", "services"]), 2, &["cloud `stub` (./clouds.yaml) has no password"]);
    let mut command = cloud.command(&["show", "services"]);
    command.env("OS_PASSWORD", PASSWORD).env("OS_CLOUD", "stub");
    assert_eq!(run(command).code, 0);
}

#[test]
fn certificate_files_that_are_missing_are_named() {
    let cloud = Stub::tls();
    for word in WORDS {
        cloud.write("clouds.yaml", &cloud.clouds(&cloud.entry().replace("$DIR/ca.pem", "gone.pem")));
        let run = cloud.run(word);
        fails(&run, 2, &["gone.pem cannot be read", "cacert"]);
    }
}

#[test]
fn a_wrong_key_of_our_own_settings_is_named_with_place_and_neighbour() {
    let cloud = Stub::new();
    cloud.write("config.toml", "[cloud]\nrequest_per_second = 3\n");
    for word in WORDS {
        let args: Vec<&str> = word.iter().copied().chain(["--config", "config.toml"]).collect();
        fails(&cloud.run(&args), 2, &["config.toml:2:1:", "did you mean `requests_per_second`?"]);
    }
}
