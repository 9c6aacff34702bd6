//! Walks a tree in key order.
