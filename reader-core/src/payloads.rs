//! The bytes of files: verified, decoded, found in parts, and read together (FORMAT.md, "Payloads").

pub mod gzip;
pub mod decode;
pub mod blocks;
pub mod plan;
