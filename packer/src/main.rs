//! The `rangepack` command.
fn main() {}
