//! The bytes of the paged index: where they lie, and pages that are searched in place (FORMAT.md, "Paged
//! index").

pub mod layout;
pub mod leaf;
pub mod key;
pub mod inner;
pub mod hash;
