use std::fs;
use std::io::Write;
use std::path::Path;

use jiff::tz::TimeZone;

use super::super::files;
use super::worker::BLOCK;
use super::*;
use crate::config::logs::LogPlace;
use crate::trace::Subject;

const UUID: &str = "f064d769-2144-43c6-a1f6-7967745cf373";
const REQUEST: &str = "req-a54b595b-8846-4aa2-8a5a-629e8034465f";

fn line(second: u32, context: &str, message: &str) -> String {
    format!(
        "2026-11-23 18:{:02}:{:02}.000 1 INFO nova.compute [{context}] {message}\n",
        second / 60,
        second % 60
    )
}

fn lender(second: u32) -> String {
    line(second, &format!("None {REQUEST} u p - - d d"), &format!("[instance: {UUID}] Claim successful"))
}

fn lent(second: u32) -> String {
    line(second, &format!("None {REQUEST} u p - - d d"), "under the request")
}

/// Lines that have nothing to do with it, of at least so many bytes.
fn noise(bytes: usize) -> String {
    let other = line(0, "None req-00000000-0000-4000-8000-000000000000 u p - - d d", "noise");
    other.repeat(bytes.div_ceil(other.len()))
}

fn utc(root: &Path) -> LogPlace {
    LogPlace::named(vec![root.to_owned()], "test").in_zone(TimeZone::UTC)
}

fn told(root: &Path, limits: Limits) -> Told {
    let found = files::find(&[utc(root)]);
    let grammar = Grammar::shipped().unwrap();
    let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
    let never = AtomicBool::new(false);
    run(&found.files, &grammar, &mut trace, limits, &never, &mut |_| {})
}

fn heads(told: &Told) -> Vec<String> {
    told.records.iter().map(|kept| String::from_utf8_lossy(&kept.record.head).into_owned() + "\n").collect()
}

fn pack(path: &Path, text: &[u8]) {
    let mut zip = flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::fast());
    zip.write_all(text).unwrap();
    zip.finish().unwrap();
}

#[test]
fn an_id_across_the_edge_of_a_block_is_found_once_in_plain_and_packed_files() {
    let place = lender(1).find(UUID).unwrap();
    // From before the edge to behind it, with the edge in the middle of the UUID and of `req-`.
    for back in [0, 1, 18, 36, place, place + 1, place - 50] {
        let root = tempfile::tempdir().unwrap();
        let edge = BLOCK - back.min(BLOCK);
        let mut text = noise(edge - 200);
        text.truncate(edge - 200);
        text.push('\n');
        let filler = edge - text.len() - place.min(edge - text.len());
        text.push_str(&"x".repeat(filler.saturating_sub(1)));
        text.push('\n');
        text.push_str(&lender(1));
        text.push_str(&noise(2 * BLOCK));
        text.push_str(&lent(2));
        fs::write(root.path().join("plain.log"), &text).unwrap();
        pack(&root.path().join("old.log.gz"), text.as_bytes());
        let told = told(root.path(), Limits::default());
        assert_eq!(heads(&told), [lender(1), lender(1), lent(2), lent(2)], "{back}");
        assert_eq!(told.trouble, []);
    }
}

#[test]
fn ids_are_looked_for_in_every_file_and_only_where_they_can_be() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::write(at("a.log"), lender(5)).unwrap();
    fs::write(at("b.log"), noise(8 * BLOCK) + &lent(1) + &noise(8 * BLOCK) + &lent(9)).unwrap();
    let told = told(root.path(), Limits::default());
    assert_eq!(heads(&told), [lent(1), lender(5), lent(9)]);
    // Two of the seventeen blocks again, and the small file.
    let size = fs::metadata(at("b.log")).unwrap().len();
    assert!(told.bytes > size && told.bytes < size + 4 * BLOCK as u64, "{} of {size}", told.bytes);
    assert_eq!(told.rounds, 1);
}

#[test]
fn nuls_bad_utf8_and_long_lines_are_lines_like_others() {
    let root = tempfile::tempdir().unwrap();
    let mut text = noise(1000).into_bytes();
    text.extend(b"2026-11-23 18:00:01.000 1 INFO nova.a [-] \0\0\xff\xfe ");
    text.extend(UUID.as_bytes());
    text.extend(b"\r\n2026-11-23 18:00:02.000 1 INFO nova.a [-] ");
    text.extend(std::iter::repeat_n(b'x', 3 * BLOCK));
    text.extend(UUID.as_bytes());
    text.extend(std::iter::repeat_n(b'y', 2 * BLOCK));
    // The last line of a file that is being written has no end yet.
    text.extend(b"\n2026-11-23 18:00:03.000 1 INFO nova.a [-] ");
    text.extend(UUID.as_bytes());
    fs::write(root.path().join("a.log"), &text).unwrap();
    let told = told(root.path(), Limits::default());
    let sizes: Vec<u32> = told.records.iter().map(|kept| kept.record.lines[0].1).collect();
    assert_eq!(sizes, [83, 42 + 36 + 5 * BLOCK as u32, 78]);
    assert_eq!(told.records.iter().filter(|kept| kept.record.is_cut).count(), 1);
}

#[test]
fn a_file_that_went_away_or_is_damaged_is_said_and_the_rest_is_told() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::write(at("a.log"), lender(1)).unwrap();
    fs::write(at("gone.log"), lent(2)).unwrap();
    let random: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    pack(&at("cut.gz"), &[lent(3).as_bytes(), &random].concat());
    let cut = fs::read(at("cut.gz")).unwrap();
    fs::write(at("cut.gz"), &cut[..cut.len() / 2]).unwrap();
    let found = files::find(&[utc(root.path())]);
    fs::remove_file(at("gone.log")).unwrap();
    let grammar = Grammar::shipped().unwrap();
    let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
    let never = AtomicBool::new(false);
    let told = run(&found.files, &grammar, &mut trace, Limits::default(), &never, &mut |_| {});
    assert_eq!(heads(&told), [lender(1), lent(3)]);
    let mut trouble: Vec<_> =
        told.trouble.iter().map(|(path, _)| path.file_name().unwrap().to_owned()).collect();
    trouble.sort();
    assert_eq!(trouble, ["cut.gz", "gone.log"]);
}

#[test]
fn what_is_more_than_the_limits_allow_is_counted() {
    let root = tempfile::tempdir().unwrap();
    let text: String = (0..30).map(lender).collect();
    fs::write(root.path().join("a.log"), text).unwrap();
    for limits in [Limits { records: 10, ..Limits::default() }, Limits { bytes: 2_000, ..Limits::default() }]
    {
        let told = told(root.path(), limits);
        assert!(told.records.len() <= 12 && !told.records.is_empty());
        assert_eq!(told.records.len() + told.dropped, 30);
    }
}
