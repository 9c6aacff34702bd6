//! Gzip members and raw deflate streams: the same at any split, and never more than the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::gzip::GzipDecoder;

const LIMIT: u64 = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let Some((step, member)) = bytes.split_first() else { return };
    let step = usize::from(*step) + 1;
    for make in [GzipDecoder::new, GzipDecoder::raw] {
        let decode = |step, room| decode(make(LIMIT), member, step, room);
        assert_eq!(decode(step, 4096), decode(member.len().max(1), 1000));
    }
});

fn decode(mut decoder: GzipDecoder, member: &[u8], step: usize, room: usize) -> Option<Vec<u8>> {
    let (mut content, mut output) = (Vec::new(), vec![0; room]);
    for mut piece in member.chunks(step) {
        loop {
            let progress = decoder.decode(piece, &mut output).ok()?;
            content.extend_from_slice(&output[..progress.produced]);
            piece = &piece[progress.consumed..];
            if progress.produced < room {
                break;
            }
        }
        assert!(content.len() as u64 <= LIMIT);
    }
    decoder.finish().ok()?;
    Some(content)
}
