//! What stands for remote files in builds without them: none can be opened.

use crate::error::{Error, RemoteProblem, Result};
use crate::progress::Observer;
use crate::source::location::Url;
use crate::source::options::{OpenOptions, RemoteOptions};
use crate::source::traffic::Traffic;
use rangepack_core::Extent;
use rangepack_core::layout::Header;

/// A remote file; there is none.
#[derive(Debug)]
pub(crate) enum Remote {}

/// A request on its way; there is none.
#[derive(Debug)]
pub(crate) struct Fetch(Remote);

impl Remote {
    pub(crate) fn open(url: &Url, _: &OpenOptions) -> Result<Remote> {
        Err(Error::remote(url)(RemoteProblem::NotBuilt))
    }

    pub(crate) fn url(&self) -> &Url {
        match *self {}
    }

    pub(crate) fn len(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn traffic(&self) -> Traffic {
        match *self {}
    }

    pub(crate) fn whole(&self) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn tail(&self, _: Extent) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn at_hand(&self, _: Extent) -> Option<&[u8]> {
        match *self {}
    }

    pub(crate) fn keep_pages(&self, _: &Header) {
        match *self {}
    }

    pub(crate) fn expect_walk(&self) {
        match *self {}
    }

    pub(crate) fn bring_again(&self, _: Extent) -> Result<bool> {
        match *self {}
    }

    pub(crate) fn bring(&self, _: Extent) -> Result<()> {
        match *self {}
    }

    pub(crate) fn fetch(&self, _: Extent) -> Fetch {
        match *self {}
    }
}

/// What takes the bytes of a file on its way; there is none.
#[derive(Debug, Clone)]
pub(crate) struct Sending(std::convert::Infallible);

/// Makes a file at a URL, which cannot be done here.
pub(crate) fn send<T>(
    url: &Url,
    _: &RemoteOptions,
    _: bool,
    _: &dyn Observer,
    _: impl FnOnce(&Sending) -> Result<T>,
) -> Result<T> {
    Err(Error::Upload { url: url.clone(), problem: RemoteProblem::NotBuilt })
}

impl Sending {
    pub(crate) fn has_old(&self) -> bool {
        match self.0 {}
    }
}

impl std::io::Write for Sending {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        match self.0 {}
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.0 {}
    }
}

impl Fetch {
    pub(crate) fn bytes(self) -> std::result::Result<Vec<u8>, RemoteProblem> {
        match self.0 {}
    }
}
