use super::*;
use crate::Digest;
use crate::error::PathProblem;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use core::cell::RefCell;

/// A file as the old packer wrote it.
fn fpack(names: &[&str], payload: &[u8]) -> Vec<u8> {
    let mut file = alloc::vec![1];
    file.extend((names.len() as u64).to_le_bytes());
    file.extend(alloc::format!("{:256}", "base").bytes());
    let block: String = names.iter().map(|name| alloc::format!("{name:128}")).collect();
    file.extend(block.bytes().take(names.len().saturating_mul(NAME_LEN)));
    for _ in names {
        file.extend((payload.len() as u64).to_le_bytes());
    }
    file.extend(payload.repeat(names.len()));
    file
}

fn read(file: &[u8]) -> Result<(Vec<FpackItem>, Fpack)> {
    let mut items = Vec::new();
    let answer = parse(file, file.len() as u64, &Limits::default(), &mut |item| {
        items.push(item);
        Ok(())
    })?;
    Ok((items, answer.ready().unwrap()))
}

/// The names as they were read; `?` for those that were lost.
fn names(file: &[u8]) -> Vec<String> {
    let (items, _) = read(file).unwrap();
    let name = |item: &FpackItem| match item {
        FpackItem::Entry(entry) => String::from_utf8(entry.path.as_bytes().to_vec()).unwrap(),
        FpackItem::Refused(refused) => alloc::format!("{:?}", refused.problem),
        FpackItem::Lost { .. } => "?".to_string(),
    };
    items.iter().map(name).collect()
}

const PLAIN: &[u8] = include_bytes!("../../../../tests/fixtures/seed-formats/plain.fpack");

#[test]
fn the_old_programs_file() {
    let expected: BTreeMap<String, BTreeMap<String, serde_json::Value>> = serde_json::from_slice(
        include_bytes!("../../../../tests/fixtures/seed-formats/expected.json"),
    )
    .unwrap();
    let (items, fpack) = read(PLAIN).unwrap();
    assert_eq!((fpack.entries, fpack.refused, fpack.lost_names), (48, 0, 0));
    assert_eq!((fpack.header.count, fpack.header.base.as_str()), (48, "src"));
    let mut found = BTreeMap::new();
    for item in items {
        let FpackItem::Entry(entry) = item else { panic!("{item:?}") };
        let Kind::File(content) = entry.kind else { panic!("{entry:?}") };
        assert_eq!((content.digest, content.size), (None, content.stored_size));
        let digest = Digest::of(PLAIN.bytes(content.extent()).unwrap());
        let name = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
        found.insert(name, (content.size, digest.to_string()));
    }
    let expected: BTreeMap<_, _> = expected
        .into_iter()
        .map(|(name, file)| {
            let digest = file["sha256"].as_str().unwrap().to_string();
            (name, (file["size"].as_u64().unwrap(), digest))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_cut_and_every_addition_is_an_error() {
    let file = fpack(&["a", "b"], b"payload");
    assert_eq!(names(&file), ["a", "b"]);
    for len in 0..file.len() {
        let file_len = len as u64;
        assert_eq!(read(&file[..len]), Err(Error::NotAPack { file_len }), "{len}");
    }
    let longer = [file.as_slice(), b"x"].concat();
    assert_eq!(read(&longer), Err(Error::NotAPack { file_len: longer.len() as u64 }));
}

#[test]
fn hostile_headers() {
    let file = fpack(&["a"], b"");
    let with = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        read(&file)
    };
    let not_a_pack = Err(Error::NotAPack { file_len: file.len() as u64 });
    assert_eq!(with(0, &[2]), not_a_pack);
    for count in [0, 2, u64::MAX, u64::MAX / 136, 1 << 57] {
        assert_eq!(with(1, &count.to_le_bytes()), not_a_pack, "{count}");
    }
    assert_eq!(with(9, b"\xff"), not_a_pack);
    assert_eq!(with(265, b"\xff"), not_a_pack);
    assert_eq!(with(265 + 128, &[0xff; 8]), not_a_pack);
    assert!(with(0, &[1]).is_ok());
}

#[test]
fn names_are_cut_by_code_points() {
    assert_eq!(names(&fpack(&["é中文😀", "b c", "d"], b"12")), ["é中文😀", "b c", "d"]);
    assert_eq!(names(&fpack(&[&"n".repeat(128), "d"], b"")), [&"n".repeat(128), "d"]);
    assert_eq!(names(&fpack(&[], b"")), [""; 0]);
}

#[test]
fn names_that_were_cut_off_are_lost() {
    // 125 characters of three bytes push 250 bytes out: the last name, and all but "third ".
    let long = "中".repeat(125);
    let file = fpack(&[&long, "second", "third", "fourth"], b"abc");
    assert_eq!(names(&file), [&long, "second", "?", "?"]);
    let (items, fpack) = read(&file).unwrap();
    assert_eq!((fpack.entries, fpack.lost_names), (2, 2));
    let start = 265 + 4 * 136 + 9;
    let payload = Extent { start, len: 3 };
    assert_eq!(items[3], FpackItem::Lost { number: 3, payload });
}

#[test]
fn a_name_at_the_cut_is_believed_only_with_padding_left() {
    let names_with = |last: usize| {
        // 20 bytes are pushed out, so 108 are left for the last name.
        names(&fpack(&[&"é".repeat(20), &"n".repeat(last)], b"")).pop()
    };
    assert_eq!(names_with(100), Some("n".repeat(100)));
    assert_eq!(names_with(101).as_deref(), Some("?"));
    assert_eq!(names_with(108).as_deref(), Some("?"));
    // Cut inside a code point.
    let inside = alloc::format!("{}é", "n".repeat(107));
    assert_eq!(names(&fpack(&[&"é".repeat(20), &inside], b""))[1], "?");
}

#[test]
fn names_that_are_refused_and_backslashes() {
    assert_eq!(names(&fpack(&["../a", "/a", "", "a\\..\\b"], b"")), {
        let refused = [PathProblem::Parent, PathProblem::Absolute, PathProblem::Empty];
        let mut names: Vec<_> = refused.iter().map(|why| alloc::format!("{why:?}")).collect();
        names.push("a\\..\\b".into());
        names
    });
}

#[test]
fn the_limit_is_kept() {
    let file = fpack(&["a", "b"], b"");
    let limits = Limits { v1_entries: 1, ..Limits::default() };
    assert_eq!(
        parse(file.as_slice(), file.len() as u64, &limits, &mut |_| Ok(())),
        Err(Error::OverLimit { what: "v1_entries", value: 2, limit: 1 })
    );
}

#[test]
fn it_asks_twice_and_reports_once() {
    struct Remote(RefCell<Vec<Extent>>);
    impl Source for Remote {
        fn bytes(&self, extent: Extent) -> Option<&[u8]> {
            self.0.borrow().contains(&extent).then(|| PLAIN.bytes(extent).unwrap())
        }
    }
    let remote = Remote(RefCell::default());
    let mut count = 0;
    let mut count_one = |_| {
        count += 1;
        Ok(())
    };
    while let Answer::Need(extent) =
        parse(&remote, PLAIN.len() as u64, &Limits::default(), &mut count_one).unwrap()
    {
        remote.0.borrow_mut().push(extent);
    }
    assert_eq!(count, 48);
    let asked = remote.0.into_inner();
    assert_eq!(asked, [Extent { start: 0, len: 265 }, Extent { start: 265, len: 48 * 136 }]);
}
