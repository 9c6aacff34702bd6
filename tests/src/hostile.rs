//! Hostile.
/// Makes.
pub fn make(_: &std::path::Path) -> reader_core::Result<Vec<(&'static str, Vec<u8>)>> {
    Ok(vec![])
}
