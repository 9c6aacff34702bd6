//! The two old formats: CTNRv1 containers and `.fpack` files.

pub(crate) mod trailer;
pub(crate) mod ndjson;
pub(crate) mod fpack;
pub(crate) mod assemble;
pub(crate) mod memory;
