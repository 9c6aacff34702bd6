//! Who computes SHA-256: sha2, which knows the instructions that newer processors have for it; on one of x86-64 without them
//! ring, if it is there. Many messages are hashed side by side by tape-sha256, if that is there.

#[cfg(feature = "lanes")]
mod lanes;

#[cfg(not(feature = "lanes"))]
use super::Digest;
#[cfg(all(feature = "ring", target_arch = "x86_64"))]
use alloc::boxed::Box;
#[cfg(not(feature = "lanes"))]
use alloc::vec::Vec;
#[cfg(feature = "lanes")]
pub(super) use lanes::of_each;
use sha2::Digest as _;

/// Those of several messages.
#[cfg(not(feature = "lanes"))]
pub(super) fn of_each(messages: &[&[u8]]) -> Vec<Digest> {
    messages.iter().map(|message| Digest::of(message)).collect()
}

/// Whether this processor has instructions for SHA-256; asked of it once. (Among Intel's for servers those before 2021 have none.)
#[cfg(all(any(feature = "lanes", feature = "ring"), target_arch = "x86_64"))]
#[inline]
fn has_instructions() -> bool {
    std::arch::is_x86_feature_detected!("sha")
}

/// A SHA-256 in the making.
#[derive(Clone)]
pub(super) enum Sha256 {
    Sha2(sha2::Sha256),
    #[cfg(all(feature = "ring", target_arch = "x86_64"))]
    Ring(Box<ring::digest::Context>),
}

impl Default for Sha256 {
    fn default() -> Sha256 {
        #[cfg(all(feature = "ring", target_arch = "x86_64"))]
        if !has_instructions() {
            return Sha256::Ring(old::context());
        }
        Sha256::Sha2(sha2::Sha256::new())
    }
}

impl Sha256 {
    /// That of all bytes at once.
    pub(super) fn of(bytes: &[u8]) -> [u8; 32] {
        #[cfg(all(feature = "ring", target_arch = "x86_64"))]
        if !has_instructions() {
            return old::digest(bytes);
        }
        sha2::Sha256::digest(bytes).into()
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Sha256::Sha2(hasher) => hasher.update(bytes),
            #[cfg(all(feature = "ring", target_arch = "x86_64"))]
            Sha256::Ring(context) => context.update(bytes),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        match self {
            Sha256::Sha2(hasher) => hasher.finalize().into(),
            #[cfg(all(feature = "ring", target_arch = "x86_64"))]
            Sha256::Ring(context) => old::bytes(&context.finish()),
        }
    }
}

/// Processors of x86-64 without instructions for SHA-256.
#[cfg(all(feature = "ring", target_arch = "x86_64"))]
mod old {
    use alloc::boxed::Box;
    use ring::digest::{Context, Digest, SHA256};

    /// Twice as long as what sha2 needs, so it lies apart.
    pub(super) fn context() -> Box<Context> {
        Box::new(Context::new(&SHA256))
    }

    pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
        self::bytes(&ring::digest::digest(&SHA256, bytes))
    }

    /// It has 32.
    pub(super) fn bytes(digest: &Digest) -> [u8; 32] {
        digest.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(all(test, feature = "ring", target_arch = "x86_64"))]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn whoever_computes_it_the_digest_is_the_same() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| n.wrapping_mul(n) as u8).collect();
        for len in (0..200).chain([255, 256, 257, 999, 1000]) {
            let (one, other) = bytes[..len].split_at(len / 3);
            let sha2 = sha2::Sha256::digest(&bytes[..len]);
            assert_eq!(old::digest(&bytes[..len])[..], sha2[..], "{len}");
            for mut sha256 in [Sha256::Sha2(sha2::Sha256::new()), Sha256::Ring(old::context())] {
                sha256.update(one);
                let mut twin = sha256.clone();
                sha256.update(other);
                twin.update(b"else");
                assert_eq!(sha256.finish()[..], sha2[..], "{len}");
                assert_ne!(twin.finish()[..], sha2[..], "{len}");
            }
        }
    }
}
