//! Paths from text and bytes, and compared with them.

use super::{PackPath, PackPathBuf};
use crate::error::{Error, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

impl<'a> TryFrom<&'a [u8]> for PackPath<'a> {
    type Error = Error;

    fn try_from(bytes: &'a [u8]) -> Result<PackPath<'a>> {
        PackPath::new(bytes)
    }
}

impl<'a> TryFrom<&'a str> for PackPath<'a> {
    type Error = Error;

    fn try_from(text: &'a str) -> Result<PackPath<'a>> {
        PackPath::new(text.as_bytes())
    }
}

impl TryFrom<Vec<u8>> for PackPathBuf {
    type Error = Error;

    fn try_from(bytes: Vec<u8>) -> Result<PackPathBuf> {
        PackPathBuf::new(bytes)
    }
}

impl TryFrom<String> for PackPathBuf {
    type Error = Error;

    fn try_from(text: String) -> Result<PackPathBuf> {
        PackPathBuf::new(text.into_bytes())
    }
}

impl FromStr for PackPathBuf {
    type Err = Error;

    fn from_str(text: &str) -> Result<PackPathBuf> {
        Ok(PackPath::new(text.as_bytes())?.to_owned())
    }
}

impl From<PackPath<'_>> for PackPathBuf {
    fn from(path: PackPath<'_>) -> PackPathBuf {
        path.to_owned()
    }
}

impl<'a> From<&'a PackPathBuf> for PackPath<'a> {
    fn from(path: &'a PackPathBuf) -> PackPath<'a> {
        path.as_path()
    }
}

impl AsRef<[u8]> for PackPath<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for PackPathBuf {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// What a path is compared with: its bytes decide.
macro_rules! equal_bytes {
    ($($path:ty: $($other:ty),*;)*) => {
        $($(
            impl PartialEq<$other> for $path {
                fn eq(&self, other: &$other) -> bool {
                    let other: &[u8] = other.as_ref();
                    self.as_bytes() == other
                }
            }
        )*)*
    };
}

equal_bytes! {
    PackPath<'_>: str, &str, [u8], &[u8], PackPathBuf;
    PackPathBuf: str, &str, [u8], &[u8], PackPath<'_>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_text_and_back() {
        let path: PackPathBuf = "cats/1.jpg".parse().unwrap();
        assert_eq!(path, "cats/1.jpg");
        assert_eq!(path.as_path(), path);
        assert_eq!(path, PackPathBuf::try_from(String::from("cats/1.jpg")).unwrap());
        assert_eq!(PackPath::try_from("cats/1.jpg"), Ok(PackPath::from(&path)));
        assert_eq!(path.clone().into_bytes(), b"cats/1.jpg");
        assert!(path != "cats" && path.as_path() != *b"cats".as_slice());
        assert!("/cats".parse::<PackPathBuf>().is_err() && PackPath::try_from("").is_err());
    }
}
