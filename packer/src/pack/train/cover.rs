//! Learns one dictionary from samples, by the C library's fast cover.
//!
//! The crate's own call tries five sets of parameters and takes the best: five times the work for two hundredths of the size.
//! What it calls with one set has no safe face, so that is here, and nothing else.

#![expect(unsafe_code, reason = "a call of the C library")]

use zstd::zstd_safe::zstd_sys::{
    ZDICT_fastCover_params_t, ZDICT_isError, ZDICT_params_t, ZDICT_trainFromBuffer_fastCover,
};

/// How much is taken at a time for the dictionary, in bytes. Of 50 to 1024 this did best on sources, documents and records.
const SEGMENT: u32 = 512;

/// How long the pieces are that are counted, in bytes: 6 or 8.
const PIECE: u32 = 8;

/// Two to this power counters, of six bytes each.
const COUNTERS: u32 = 18;

/// A dictionary of at most `size` bytes for files like these, which lie side by side in `samples` and have these lengths;
/// `None` when they make none.
pub(super) fn dictionary(
    samples: &[u8],
    lens: &[usize],
    size: usize,
    level: u32,
) -> Option<Vec<u8>> {
    let sum = lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len))?;
    let count = u32::try_from(lens.len()).ok()?;
    if sum != samples.len() {
        return None;
    }
    let of_frames = ZDICT_params_t {
        compressionLevel: level.cast_signed(),
        notificationLevel: 0,
        // Made from the content.
        dictID: 0,
    };
    let parameters = ZDICT_fastCover_params_t {
        k: SEGMENT,
        d: PIECE,
        f: COUNTERS,
        steps: 1,
        nbThreads: 1,
        // All of them are learnt from: the caller keeps others to judge by.
        splitPoint: 1.0,
        accel: 1,
        shrinkDict: 0,
        shrinkDictMaxRegression: 0,
        zParams: of_frames,
    };
    let mut dictionary = vec![0; size];
    // SAFETY: the lengths add up to those of the samples, as was checked, and there are `count` of them; the library writes at
    // most `dictionary.len()` bytes, keeps nothing of what it was given, and has no state.
    let (written, failed) = unsafe {
        let written = ZDICT_trainFromBuffer_fastCover(
            dictionary.as_mut_ptr().cast(),
            dictionary.len(),
            samples.as_ptr().cast(),
            lens.as_ptr(),
            count,
            parameters,
        );
        (written, ZDICT_isError(written) != 0)
    };
    if failed || written > dictionary.len() {
        return None;
    }
    dictionary.truncate(written);
    Some(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_have_in_common_is_learnt() {
        let files: Vec<String> = (0..400u64)
            .map(|n| {
                format!(
                    "{{\"name\":\"file {n}\",\"checksum\":{}}}",
                    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )
            })
            .collect();
        let lens: Vec<usize> = files.iter().map(String::len).collect();
        let samples = files.concat().into_bytes();
        let learnt = dictionary(&samples, &lens, 2048, 3).unwrap();
        assert!(learnt.len() <= 2048);
        assert!(learnt.windows(10).any(|bytes| bytes == b"\"checksum\""));
        assert_eq!(Some(&learnt), dictionary(&samples, &lens, 2048, 3).as_ref());
    }

    #[test]
    fn too_little_makes_none() {
        assert_eq!(dictionary(b"", &[], 1024, 3), None);
        assert_eq!(dictionary(b"abc", &[1, 2], 1024, 3), None);
        assert_eq!(dictionary(&[7; 4096], &[4096], 16, 3), None);
        // Lengths that do not fit.
        assert_eq!(dictionary(b"abc", &[4], 1024, 3), None);
        assert_eq!(dictionary(b"abc", &[usize::MAX, 4], 1024, 3), None);
    }
}
