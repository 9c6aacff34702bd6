//! A file that the caller reads.

use super::{Answered, Counters, Part, REMOTE_TAIL, Version};
use crate::error::{BadAnswer, CallerError, RemoteProblem};
use crate::source::given::{ByteRanges, Opener};
use crate::source::location::Url;
use rangepack_core::Extent;
use std::io;

#[derive(Debug)]
pub(super) struct Given {
    file: Box<dyn ByteRanges>,
    len: u64,
    counters: Counters,
}

impl Given {
    pub(super) fn new(
        url: &Url,
        opener: Option<&dyn Opener>,
        counters: Counters,
    ) -> Answered<Given> {
        let nobody = || RemoteProblem::Other("nobody was named who opens it".to_owned());
        let file = opener.ok_or_else(nobody)?.open(&url.secret_text()).map_err(problem)?;
        Ok(Given { len: file.len(), file, counters })
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The end of the file.
    pub(super) fn tail(&self) -> Answered<Part> {
        let len = self.len.min(REMOTE_TAIL);
        self.range(Extent { start: self.len - len, len })
    }

    /// One range, which lies in the file.
    pub(super) fn range(&self, extent: Extent) -> Answered<Part> {
        let part = |bytes| {
            let version = Version::default();
            Part { start: extent.start, bytes, total: self.len, version }
        };
        if extent.len == 0 {
            return Ok(part(Vec::new()));
        }
        self.counters.request();
        let bytes = self.file.read(extent).map_err(problem)?;
        self.counters.bytes(bytes.len());
        match (bytes.len() as u64).cmp(&extent.len) {
            std::cmp::Ordering::Equal => Ok(part(bytes)),
            std::cmp::Ordering::Less => Err(RemoteProblem::BadAnswer(BadAnswer::BrokenOff)),
            std::cmp::Ordering::Greater => Err(RemoteProblem::BadAnswer(BadAnswer::TooMuch)),
        }
    }
}

fn problem(error: io::Error) -> RemoteProblem {
    RemoteProblem::Caller(CallerError::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Digits(&'static [u8]);

    impl Opener for Digits {
        fn open(&self, url: &str) -> io::Result<Box<dyn ByteRanges>> {
            if url == "x://digits" {
                Ok(Box::new(Digits(self.0)))
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }

    impl ByteRanges for Digits {
        fn len(&self) -> u64 {
            10
        }

        fn read(&self, Extent { start, len }: Extent) -> io::Result<Vec<u8>> {
            let end = (start + len).min(self.0.len() as u64);
            Ok(self.0.get(start as usize..end as usize).unwrap_or_default().to_vec())
        }
    }

    #[test]
    fn what_the_caller_says_is_checked() {
        let open = |url: &str, digits| {
            Given::new(&Url::given(url), Some(&Digits(digits)), Counters::default())
        };
        let whole = open("x://digits", b"0123456789").unwrap();
        assert_eq!(whole.tail().unwrap().bytes, b"0123456789");
        assert_eq!(whole.range(Extent { start: 3, len: 2 }).unwrap().bytes, b"34");
        let short = open("x://digits", b"01234").unwrap();
        let broken = Err(RemoteProblem::BadAnswer(BadAnswer::BrokenOff));
        assert_eq!(short.range(Extent { start: 3, len: 4 }).map(|part| part.bytes), broken);
        let error = open("x://other", b"").unwrap_err();
        assert!(error.is_missing());
        let RemoteProblem::Caller(error) = error else { panic!("{error}") };
        assert_eq!(error.as_io().kind(), io::ErrorKind::NotFound);
        assert!(Given::new(&Url::given("x://digits"), None, Counters::default()).is_err());
    }
}
