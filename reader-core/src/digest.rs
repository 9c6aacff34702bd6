//! SHA-256 values.

mod sha256;

use self::sha256::Sha256;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A SHA-256 value. As text it is 64 hexadecimal digits: shown in lower case, read in either.
///
/// ```
/// use rangepack_core::Digest;
/// let empty: Digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
/// assert_eq!(empty, Digest::of(b""));
/// assert!("e3".parse::<Digest>().is_err());
/// # Ok::<(), rangepack_core::ParseDigestError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "the 32 bytes are the value")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::of(bytes))
    }

    /// Those of several messages, in their order: much faster than one after the other where the processor can hash them
    /// side by side (feature `lanes`).
    pub fn of_each(messages: &[&[u8]]) -> Vec<Digest> {
        sha256::of_each(messages)
    }

    /// Nothing when all bytes are zero, which stands for a digest that is not known.
    pub(crate) fn known(self) -> Option<Digest> {
        (self.0 != [0; 32]).then_some(self)
    }

    /// The bytes of a digest, zeros when it is not known.
    pub(crate) fn or_zeros(digest: Option<Digest>) -> [u8; 32] {
        digest.map_or([0; 32], |digest| digest.0)
    }

    /// What [`FromStr`] reads, where the reason of a refusal does not matter.
    pub fn from_hex(text: &str) -> Option<Digest> {
        let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
        let (mut value, mut seen) = ([0u8; 32], 0);
        for (byte, [high, low]) in value.iter_mut().zip(digits.as_chunks().0) {
            let (high, low) = (nibble(*high), nibble(*low));
            seen |= high | low;
            *byte = (high << 4) | low;
        }
        (seen != NO_DIGIT).then_some(Digest(value))
    }

    /// The 64 hexadecimal digits, lower case, as ASCII.
    pub fn to_hex(&self) -> [u8; 64] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'?');
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            if let [high, low] = pair {
                *high = digit(byte >> 4);
                *low = digit(byte & 15);
            }
        }
        text
    }
}

/// Of bytes that are no hexadecimal digits.
const NO_DIGIT: u8 = 0xff;

/// What a byte stands for as a hexadecimal digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit & 0xf,
        b'a'..=b'f' | b'A'..=b'F' => (digit & 0xf).saturating_add(9),
        _ => NO_DIGIT,
    }
}

/// Text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a digest: 64 hexadecimal digits")]
#[non_exhaustive]
pub struct ParseDigestError;

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        Digest::from_hex(text).ok_or(ParseDigestError)
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }
}

impl From<Digest> for [u8; 32] {
    fn from(digest: Digest) -> [u8; 32] {
        digest.0
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.to_hex()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A SHA-256 that is fed piece by piece.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// An empty one.
    pub fn new() -> Hasher {
        Hasher::default()
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finish())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn hex_round_trip() {
        let digest = Digest::of(b"abc");
        let text = digest.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(Digest::from(<[u8; 32]>::from(digest)), digest);
        assert_eq!((digest.as_ref().len(), &*alloc::format!("{digest:.4}")), (32, "ba78"));
        assert_eq!(Digest::from_hex(&text.to_uppercase()), Some(digest));
        assert_eq!(text[1..].parse::<Digest>(), Err(ParseDigestError));
        assert_eq!(Digest::from_hex(&(text.clone() + "0")), None);
        assert_eq!(Digest::from_hex(&text.replace('b', "g")), None);
    }

    #[test]
    fn piecewise_equals_whole() {
        let mut hasher = Hasher::new();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Digest::of(b"abc"));
    }
}
