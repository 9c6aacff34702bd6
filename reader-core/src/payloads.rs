//! The bytes of files: verified, decoded, found in parts, and read together (FORMAT.md, "Payloads").

pub(crate) mod gzip;
pub(crate) mod zstd;
pub(crate) mod decode;
pub(crate) mod blocks;
pub(crate) mod plan;
pub(crate) mod volumes;
