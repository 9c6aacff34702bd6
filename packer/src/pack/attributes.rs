//! Extended attributes of what is packed, as blocks.

use crate::error::LeftOut;
use crate::source::attributes::Found;
use rangepack_core::{Attributes, Digest, Escaped};
use std::io;

/// The attributes of an item.
#[derive(Debug)]
pub(crate) struct Attached {
    /// Empty when there are none.
    pub(crate) block: Vec<u8>,
    /// That of the block.
    pub(crate) digest: Digest,
    /// Why some of them are missing, or all.
    pub(crate) problem: Option<LeftOut>,
}

impl Attached {
    /// Makes a block of what was found; `None` when there is nothing, and nothing to tell.
    pub(crate) fn new(found: io::Result<Found>) -> Option<Box<Attached>> {
        let (found, mut problem) = match found {
            Ok(found) => (found, None),
            Err(error) => (Found::default(), Some(LeftOut::Attributes(error))),
        };
        if let Some((name, source)) = found.unread {
            problem =
                Some(LeftOut::Attribute { name: Escaped(&name).to_string(), problem: source });
        }
        let attributes = Attributes::new(found.pairs);
        let block = attributes.to_bytes().unwrap_or_else(|_| {
            let len =
                attributes.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum();
            problem = Some(LeftOut::AttributesTooLarge { len });
            Vec::new()
        });
        let is_nothing = block.is_empty() && problem.is_none();
        let digest = if block.is_empty() { Digest([0; 32]) } else { Digest::of(&block) };
        (!is_nothing).then(|| Box::new(Attached { block, digest, problem }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value_len: usize) -> Found {
        Found { pairs: vec![(b"user.a".to_vec(), vec![1; value_len])], unread: None }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert!(Attached::new(Ok(Found::default())).is_none());
        let fits = Attached::new(Ok(found(10))).unwrap();
        assert_eq!((fits.block.len(), fits.digest), (22, Digest::of(&fits.block)));
        assert!(fits.problem.is_none());
        let large = Attached::new(Ok(found(1 << 20))).unwrap();
        assert!(large.block.is_empty());
        assert!(matches!(large.problem, Some(LeftOut::AttributesTooLarge { len: 1_048_582 })));
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let unread = Some((b"trusted.b".to_vec(), denied()));
        let partly = Attached::new(Ok(Found { unread, ..found(10) })).unwrap();
        assert_eq!(partly.block, fits.block);
        let text = partly.problem.unwrap().to_string();
        assert!(text.contains("trusted.b") && text.contains("permission denied"), "{text}");
        let nothing = Attached::new(Err(denied())).unwrap();
        assert!(nothing.block.is_empty() && nothing.problem.is_some());
    }
}
