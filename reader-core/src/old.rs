//! The two old formats: CTNRv1 containers and `.fpack` files.

pub mod trailer;
pub mod ndjson;
pub mod fpack;
pub mod assemble;
pub mod memory;
