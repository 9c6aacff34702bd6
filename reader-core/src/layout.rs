//! Every byte offset of the paged index, `to_bytes` beside `from_bytes`.
