//! Builds the pages of an index from entries in key order.
