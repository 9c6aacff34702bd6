//! The bytes of the paged index: where they lie, and pages that are searched in place (FORMAT.md, "Paged
//! index").

pub(crate) mod layout;
pub(crate) mod key;
pub(crate) mod leaf;
pub(crate) mod inner;
pub(crate) mod hash;
