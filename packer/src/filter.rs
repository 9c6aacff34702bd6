//! Which paths of a tree are packed.
