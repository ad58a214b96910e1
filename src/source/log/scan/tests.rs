use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::super::files::{self, Packing, Unpacked};
use super::super::record::Folder;
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
    told_of(UUID, root, limits, &Packs::default())
}

fn told_of(subject: &str, root: &Path, limits: Limits, packs: &Packs) -> Told {
    let found = files::find(&[utc(root)]);
    let grammar = Grammar::shipped().unwrap();
    let mut trace = Trace::new(Subject::parse(subject.as_bytes()).unwrap());
    let never = AtomicBool::new(false);
    let beside = Beside { packs: Some(packs), ..Beside::default() };
    everywhere(&found.files, beside, &grammar, &mut trace, limits, &never, &mut |_| {})
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

#[test]
fn a_packed_file_that_was_unpacked_once_is_unpacked_again_only_for_what_is_new() {
    const OTHER: &str = "0a1b2c3d-2144-43c6-a1f6-7967745cf373";
    const ABSENT: &str = "0a1b2c3e-2144-43c6-a1f6-7967745cf373";
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("old.log.gz");
    let other = lender(7).replace(UUID, OTHER).replace(REQUEST, "req-77777777-8846-4aa2-8a5a-629e8034465f");
    let text = noise(BLOCK) + &lender(1) + &noise(BLOCK) + &lent(2) + &noise(3 * BLOCK) + &other;
    pack(&path, text.as_bytes());
    let packs = Packs::default();
    let of = |subject| {
        let told = told_of(subject, root.path(), Limits::default(), &packs);
        (heads(&told), told.bytes)
    };
    let both = vec![lender(1), lent(2)];
    let (heads, bytes) = of(UUID);
    assert_eq!(heads, both);
    assert!(bytes > text.len() as u64);
    assert_eq!(of(UUID), (both, 0));
    assert_eq!(of(ABSENT), (vec![], 0));
    let (heads, bytes) = of(OTHER);
    assert_eq!(heads, std::slice::from_ref(&other));
    assert!(bytes > 0);
    assert_eq!(of(OTHER), (vec![other], 0));
    // Packed anew it is another file, though it has the same name.
    fs::remove_file(&path).unwrap();
    pack(&path, lender(9).as_bytes());
    assert_eq!(of(UUID).0, [lender(9)]);
}

#[test]
fn what_is_damaged_is_said_each_time() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cut.gz");
    let random: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    pack(&path, &[lender(3).as_bytes(), &random].concat());
    let cut = fs::read(&path).unwrap();
    fs::write(&path, &cut[..cut.len() / 2]).unwrap();
    let packs = Packs::default();
    for _ in 0..2 {
        let told = told_of(UUID, root.path(), Limits::default(), &packs);
        assert_eq!((heads(&told), told.trouble.len()), (vec![lender(3)], 1));
    }
}

/// What a file is made of. Numbers are of requests.
#[derive(Clone, Debug)]
enum Piece {
    Lender(u32),
    Lent(u32),
    /// Another service under a request, by an id of its own.
    Part(u32, u32),
    /// An error with its traceback.
    Failed(u32),
    /// Somebody's list that names the instance.
    Look(u32),
    /// Nearly an id that is followed.
    Alike(u32),
    Nuls,
    Noise(usize),
    /// Up to so many bytes before the next edge of a block.
    Edge(usize),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let number = 0u32..6;
    let piece = prop_oneof![
        number.clone().prop_map(Piece::Lender),
        number.clone().prop_map(Piece::Lent),
        (number.clone(), 6u32..10).prop_map(|(request, part)| Piece::Part(request, part)),
        (6u32..10).prop_map(Piece::Lent),
        number.clone().prop_map(Piece::Failed),
        number.clone().prop_map(Piece::Look),
        number.prop_map(Piece::Alike),
        Just(Piece::Nuls),
        (1usize..9_000).prop_map(Piece::Noise),
        (0usize..260).prop_map(Piece::Edge),
    ];
    prop::collection::vec(piece, 1..14)
}

fn text(pieces: &[Piece], crlf: bool) -> Vec<u8> {
    let request = |n: u32, end: &str| format!("req-{n:08x}-8846-4aa2-8a5a-629e8034465{end}");
    let mut text = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let second = number as u32;
        let of = |n: u32| format!("None {} u p - - d d", request(n, "f"));
        let filler = |bytes: usize| "x".repeat(bytes.saturating_sub(1)) + "\n";
        let lines = match piece {
            Piece::Lender(n) => line(second, &of(*n), &format!("[instance: {UUID}] Claim")),
            Piece::Lent(n) => line(second, &of(*n), "under it"),
            Piece::Part(n, part) => line(
                second,
                &format!("{} {} u p - - d d", request(*n, "f"), request(*part, "f")),
                "a part of it",
            ),
            Piece::Failed(n) => {
                let head = line(second, &of(*n), "Failed").replace("INFO", "ERROR");
                let time = head[..23].to_owned();
                let trace = |words: &str| format!("{time} 1 ERROR nova.compute {words}\n");
                head + &trace("Traceback (most recent call last):") + &trace(&format!("  of {UUID}"))
            }
            Piece::Look(n) => line(
                second,
                &of(*n),
                &format!("10.0.0.9 \"GET /v2.0/ports?device_id={UUID} HTTP/1.1\" status: 200 len: 9"),
            )
            .replace("nova.compute", "neutron.wsgi"),
            Piece::Alike(n) => line(second, &format!("None {} u p - - d d", request(*n, "e")), "no part"),
            Piece::Nuls => line(second, "-", "\0\0\0 nothing"),
            Piece::Noise(bytes) => line(second, "-", &filler(*bytes)),
            Piece::Edge(back) => {
                let left = BLOCK - text.len() % BLOCK;
                let begin = line(second, "-", "");
                line(second, "-", &filler(left.saturating_sub(begin.len() + back)))
            }
        };
        let lines = if crlf { lines.replace('\n', "\r\n") } else { lines };
        text.extend(lines.as_bytes());
    }
    text
}

fn written(root: &Path, name: &str, packing: Packing, text: &[u8]) {
    let path = |end: &str| root.join(format!("{name}.log{end}"));
    match packing {
        Packing::Plain => fs::write(path(""), text).unwrap(),
        Packing::Gz => pack(&path(".gz"), text),
        Packing::Zst => fs::write(path(".zst"), zstd::encode_all(text, 1).unwrap()).unwrap(),
        Packing::Xz => {
            let mut packed = Vec::new();
            liblzma::read::XzEncoder::new(text, 0).read_to_end(&mut packed).unwrap();
            fs::write(path(".xz"), packed).unwrap();
        }
    }
}

/// All records of all files, line by line, heard again and again until nothing more belongs.
fn expected(root: &Path) -> BTreeSet<(usize, u64)> {
    let grammar = Grammar::shipped().unwrap();
    let mut records: Vec<(usize, u64, Vec<u8>, Vec<u8>)> = Vec::new();
    for (number, file) in files::find(&[utc(root)]).files.iter().enumerate() {
        let mut all = Vec::new();
        Unpacked::open(file).unwrap().read_to_end(&mut all).unwrap();
        let (mut folder, mut at) = (Folder::default(), 0);
        let mut placed = Vec::new();
        for whole in all.split_inclusive(|byte| *byte == b'\n') {
            let line = whole.strip_suffix(b"\n").unwrap_or(whole);
            let (record, begins) = folder.place(line, &grammar.parse(line));
            if begins {
                placed.push(record);
                records.push((number, at, line.to_vec(), Vec::new()));
            } else {
                let before = placed.len() - placed.iter().position(|placed| *placed == record).unwrap();
                let place = records.len() - before;
                records[place].3.extend_from_slice(whole);
            }
            at += whole.len() as u64;
        }
    }
    let mut trace = Trace::new(Subject::parse(UUID.as_bytes()).unwrap());
    let mut kept = BTreeSet::new();
    loop {
        let before = (kept.len(), trace.followed().count());
        for (number, at, head, rest) in &records {
            if let Some(Ok(_)) = trace.hear(head, &grammar.parse(head), rest, false) {
                kept.insert((*number, *at));
            }
        }
        if (kept.len(), trace.followed().count()) == before {
            return kept;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_found_is_what_reading_line_by_line_finds(
        files in prop::collection::vec(
            (pieces(), any::<bool>(), prop::sample::select(vec![Packing::Plain, Packing::Plain, Packing::Gz, Packing::Zst, Packing::Xz])),
            1..5,
        ),
    ) {
        let root = tempfile::tempdir().unwrap();
        for (number, (pieces, crlf, packing)) in files.iter().enumerate() {
            written(root.path(), &number.to_string(), *packing, &text(pieces, *crlf));
        }
        let expected = expected(root.path());
        let packs = Packs::default();
        for _ in 0..2 {
            let told = told_of(UUID, root.path(), Limits::default(), &packs);
            let found: BTreeSet<_> = told.records.iter().map(|kept| (kept.file, kept.record.offset())).collect();
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(told.records.len(), found.len());
            prop_assert_eq!(told.unfinished, 0);
        }
    }
}
