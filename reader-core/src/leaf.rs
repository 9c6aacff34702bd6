//! Leaf pages: entries, searched in place.
