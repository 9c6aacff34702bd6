//! The questions: look up, list, walk.
