//! The viewer, as it was built from `web/viewer`.

use super::route::PACKS;
use axum::http::HeaderValue;
use headers::ETag;
use std::borrow::Cow;

/// The built site: inside the command, or in its folder while the command is a debug build. It is
/// empty when nobody built it.
#[derive(rust_embed::Embed)]
#[folder = "$RANGEPACK_SITE"]
#[allow_missing = true]
struct Files;

/// The page that all begins with.
const INDEX: &str = "index.html";

/// A file of the site.
pub(super) struct SiteFile {
    pub(super) bytes: Cow<'static, [u8]>,
    pub(super) etag: Option<ETag>,
    pub(super) kind: HeaderValue,
    /// Whether its name changes with its content.
    pub(super) is_hashed: bool,
}

/// A file of the site by its name.
pub(super) fn file(name: &str) -> Option<SiteFile> {
    let file = Files::get(name)?;
    let digest: String =
        file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(SiteFile {
        bytes: file.data,
        etag: format!("\"{digest}\"").parse().ok(),
        kind: super::kind_of(name),
        is_hashed: name.starts_with("assets/"),
    })
}

/// The page, told where the packs of this server are listed.
pub(super) fn index() -> Option<SiteFile> {
    let mut file = file(INDEX)?;
    let text = String::from_utf8_lossy(&file.bytes);
    let told = format!("<head>\n    <meta name=\"rangepack-packs\" content=\"{PACKS}\" />");
    file.bytes = text.replacen("<head>", &told, 1).into_bytes().into();
    // It is not the file of that digest any more.
    file.etag = None;
    Some(file)
}

/// Whether the site has files under this name, or in a folder of this name.
pub(super) fn takes(name: &str) -> bool {
    name == PACKS || Files::iter().any(|path| path.split('/').next() == Some(name))
}

/// Whether the viewer was built.
pub(super) fn is_there() -> bool {
    Files::get(INDEX).is_some()
}
