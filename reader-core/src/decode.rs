//! Decodes and verifies a payload as its bytes arrive.
