use std::io::{self, Write};
use std::os::unix::fs::symlink;

use super::*;
use crate::config::logs::LogPlace;

fn names(found: &Found, root: &Path) -> Vec<String> {
    let short = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    found.files.iter().map(|file| short(&file.path)).collect()
}

fn why(found: &Found, name: &str) -> Option<Skipped> {
    found.skipped.iter().find(|(path, _)| path.ends_with(name)).map(|(_, why)| why.clone())
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_directory_gives_its_files_with_their_rotations_once_each() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["nova/nova-api.log", "nova/nova-api.log.1", "nova/nova-api.log.2.gz", "syslog", "a.journal"]
    {
        write(&root.join(name), "x");
    }
    write(&root.join("empty.log"), "");
    fs::hard_link(root.join("syslog"), root.join("syslog-too")).unwrap();
    symlink(root.join("nova/nova-api.log"), root.join("nova-api.log")).unwrap();
    let found =
        find(&[LogPlace::named(vec![root.to_owned(), root.join("nova/../nova/nova-api.log")], "test")]);
    // The links are the same files, whose first names come first.
    assert_eq!(
        names(&found, root),
        ["nova/nova-api.log", "nova/nova-api.log.1", "nova/nova-api.log.2.gz", "syslog"]
    );
    assert_eq!(why(&found, "a.journal"), Some(Skipped::Kind("journal".to_owned())));
}

#[test]
fn a_glob_gives_what_it_matches_and_says_when_that_is_nothing() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for name in ["cmp01/nova-compute.log", "cmp02/nova-compute.log", "cmp02/neutron.log"] {
        write(&root.join(name), "x");
    }
    let found = find(&[LogPlace::named(
        vec![root.join("*/nova-*.log"), root.join("*/cinder*"), root.join("gone.log")],
        "test",
    )]);
    assert_eq!(names(&found, root), ["cmp01/nova-compute.log", "cmp02/nova-compute.log"]);
    assert_eq!(why(&found, "cinder*"), Some(Skipped::NoMatch));
    assert_eq!(why(&found, "gone.log"), Some(Skipped::Missing));
}

#[test]
fn what_is_no_file_is_left_out_with_its_reason_and_never_opened() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(&root.join("a/b/c.log"), "x");
    symlink(root.join("a"), root.join("a/b/up")).unwrap();
    symlink(root.join("self"), root.join("self")).unwrap();
    symlink(root.join("nowhere"), root.join("broken")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let found = find(&[LogPlace::named(vec![root.to_owned(), "/dev/null".into()], "test")]);
    assert_eq!(names(&found, root), ["a/b/c.log"]);
    for (name, reason) in [
        ("up", Skipped::Loop),
        ("self", Skipped::Loop),
        ("broken", Skipped::Missing),
        ("pipe", Skipped::NotAFile("FIFO")),
        ("socket", Skipped::NotAFile("socket")),
        ("null", Skipped::NotAFile("device")),
    ] {
        assert_eq!(why(&found, name), Some(reason), "{name}");
    }
}

/// What a packed file unpacks to, and how that ended.
fn unpacked(path: &Path) -> (usize, io::Result<()>) {
    let found = find(&[LogPlace::named(vec![path.to_owned()], "test")]);
    let mut reader = Unpacked::open(&found.files[0]).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (total, Ok(())),
            Ok(read) => total += read,
            Err(error) => return (total, Err(error)),
        }
    }
}

fn gz(path: &Path, bytes: &[u8], times: usize) {
    let mut packer = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::best());
    for _ in 0..times {
        packer.write_all(bytes).unwrap();
    }
    packer.finish().unwrap();
}

#[test]
fn packed_files_are_known_by_their_content_and_read_whole() {
    let root = tempfile::tempdir().unwrap();
    let text = b"2026-11-23 18:48:30.066 1 INFO nova [-] x\n".repeat(1000);
    let at = |name: &str| root.path().join(name);
    gz(&at("a.log"), &text, 1);
    // Two members in one file.
    let twice = [fs::read(at("a.log")).unwrap(), fs::read(at("a.log")).unwrap()].concat();
    fs::write(at("twice.gz"), twice).unwrap();
    fs::write(at("b.zst"), zstd::encode_all(&text[..], 1).unwrap()).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(File::create(at("c.xz")).unwrap(), 1);
    xz.write_all(&text).unwrap();
    xz.finish().unwrap();
    for (name, times) in [("a.log", 1), ("twice.gz", 2), ("b.zst", 1), ("c.xz", 1)] {
        let (total, end) = unpacked(&at(name));
        assert_eq!((total, end.is_ok()), (times * text.len(), true), "{name}");
    }
}

#[test]
fn a_damaged_file_gives_what_it_has_and_a_bomb_is_stopped() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let text: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    gz(&at("whole.gz"), &text, 1);
    let whole = fs::read(at("whole.gz")).unwrap();
    fs::write(at("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    let (total, end) = unpacked(&at("cut.gz"));
    assert!(total > text.len() / 3 && end.is_err(), "{total} {end:?}");
    gz(&at("member.gz"), &vec![0; 1 << 20], 1);
    fs::write(at("bomb.gz"), fs::read(at("member.gz")).unwrap().repeat(17)).unwrap();
    let (total, end) = unpacked(&at("bomb.gz"));
    assert_eq!(total as u64, 16 << 20);
    assert!(end.unwrap_err().to_string().contains("200 times"));
}
