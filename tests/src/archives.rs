//! The hostile archives, tar and zip: one defect each.

mod tar;
mod zip;

/// A sound zip archive of so many empty files, which may be more than 16 bits can count.
pub fn zip_of_many(members: u32) -> Vec<u8> {
    zip::of_many(members)
}

/// All of them, by the names of their files.
pub fn make() -> Vec<(&'static str, Vec<u8>)> {
    let mut archives = tar::make();
    archives.extend(zip::make());
    archives
}
