//! Makes an index for a container that has none that can be searched.

use std::path::{Path, PathBuf};

/// `<container>.rpx`: a paged index beside an old container.
pub fn sidecar_path(container: &Path) -> PathBuf {
    let mut name = container.as_os_str().to_owned();
    name.push(".rpx");
    PathBuf::from(name)
}
