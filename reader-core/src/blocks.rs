//! Block tables: digests for the parts of a large payload.
