//! Which cloud: the chooser, and the question for a password.

use std::io::{Read, Write};
use std::net::TcpListener;

use rustix::process::Signal;
use rustix::termios::LocalModes;

use super::away::{Home, SIZE, closed, cloud};
use crate::support::pty::{Ended, Modes, Pty};

#[test]
fn several_clouds_are_chosen_from() {
    let clouds = format!("clouds:\n{}{}", cloud("east", "one"), cloud("west", "two"));
    let home = Home::with(&clouds);
    let mut pty = home.dashboard(&[], SIZE);
    let screen = pty.see("choose a cloud");
    assert!(screen.contains("east/one") && screen.contains("west/two"), "{}", screen.text());
    pty.press("j<enter>");
    let screen = pty.see("next try in");
    assert!(screen.row(0).contains("west/two"), "{}", screen.text());
    assert!(!screen.contains("choose a cloud"), "{}", screen.text());
}

#[test]
fn the_chooser_is_left_without_a_choice() {
    let home = Home::with(&format!("clouds:\n{}{}", cloud("east", "one"), cloud("west", "two")));
    for (keys, code) in [("q", 0), ("<esc>", 0), ("<ctrl-c>", 130)] {
        let mut pty = home.dashboard(&[], SIZE);
        pty.see("choose a cloud");
        pty.press(keys);
        assert_eq!(pty.end(), Ended::Code(code), "{keys}");
        assert_eq!(pty.modes(), Modes::GIVEN_BACK, "{keys}");
    }
}

#[test]
fn a_broken_entry_is_listed_with_its_reason_and_says_it_when_chosen() {
    let url = closed();
    let clouds = format!(
        "clouds:\n{}  b-typo:\n    auth: {{username: u, password: p}}\n  c-asks:\n    auth: {{auth_url: \"{url}\", \
         username: u}}\n  d-odd:\n    auth_type: v3oidcpassword\n    auth: {{auth_url: \"{url}\", username: u}}\n",
        cloud("a-good", "one")
    );
    let home = Home::with(&clouds);
    let mut pty = home.dashboard(&[], (160, 30));
    let screen = pty.see("choose a cloud");
    for (name, reason) in [("b-typo", "no auth_url"), ("c-asks", "no password"), ("d-odd", "v3oidcpassword")]
    {
        let row = screen.rows().into_iter().find(|row| row.contains(name));
        assert!(row.as_ref().is_some_and(|row| row.contains(reason)), "{name}: {row:?}");
    }
    let good = screen.rows().into_iter().find(|row| row.contains("a-good")).unwrap();
    assert!(!good.contains("cannot"), "{good}");
    pty.press("j<enter>");
    pty.see("add keystone's URL as auth.auth_url");
    pty.press("j<enter>");
    pty.see("start with --cloud c-asks to be asked for it");
    pty.press("j<enter>");
    pty.see("stackwatch knows password");
    assert!(pty.screen().contains("choose a cloud"), "another can be chosen: {}", pty.screen().text());
    pty.press("gg<enter>");
    assert!(pty.see("next try in").row(0).contains("a-good/one"));
}

/// An openrc without its password.
fn openrc(url: &str) -> [(&'static str, String); 4] {
    [
        ("OS_AUTH_URL", url.to_owned()),
        ("OS_USERNAME", "ops".to_owned()),
        ("OS_PROJECT_NAME", "admin".to_owned()),
        ("OS_USER_DOMAIN_NAME", "Default".to_owned()),
    ]
}

fn with_openrc(url: &str) -> Pty {
    let openrc = openrc(url);
    let env: Vec<(&str, &str)> = openrc.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Pty::start(&[], &env, SIZE)
}

#[test]
fn an_openrc_without_a_password_asks_for_it_without_an_echo() {
    let keystone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v3", keystone.local_addr().unwrap());
    let mut pty = with_openrc(&url);
    pty.see("password:");
    assert!(!pty.settings().local_modes.contains(LocalModes::ECHO));
    pty.press("s3crex<backspace>t<enter>");
    let (mut login, _) = keystone.accept().unwrap();
    let mut request = String::new();
    while !request.contains("s3cret\"") {
        let mut buffer = [0; 4_096];
        let read = login.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "a login with the password: {request}");
        request.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    login.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    pty.see("Hypervisors");
    let written = String::from_utf8(pty.since(0)).unwrap();
    assert!(!written.contains("s3cre"), "{written}");
    pty.press("q");
    assert_eq!(pty.end(), Ended::Code(0));
    assert_eq!(pty.modes(), Modes::GIVEN_BACK);
}

#[test]
fn ctrl_c_at_the_question_leaves_a_terminal_that_echoes() {
    let mut pty = with_openrc(&closed());
    pty.see("password:");
    pty.press("abc<ctrl-c>");
    assert_eq!(pty.end(), Ended::Code(130));
    assert_eq!(pty.modes(), Modes::GIVEN_BACK);
}

#[test]
fn sigterm_at_the_question_leaves_a_terminal_that_echoes() {
    let mut pty = with_openrc(&closed());
    pty.see("password:");
    pty.press("abc");
    pty.signal(Signal::TERM);
    assert_eq!(pty.end(), Ended::Code(143));
    assert_eq!(pty.modes(), Modes::GIVEN_BACK);
}
