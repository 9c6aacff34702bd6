//! Merges the ranges of many payloads into few reads.
