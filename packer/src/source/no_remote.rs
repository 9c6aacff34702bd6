//! What stands for remote files in builds without them: none can be opened.

use crate::error::{Error, RemoteProblem, Result};
use crate::source::location::Url;
use crate::source::options::OpenOptions;
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

impl Fetch {
    pub(crate) fn bytes(self) -> std::result::Result<Vec<u8>, RemoteProblem> {
        match self.0 {}
    }
}
