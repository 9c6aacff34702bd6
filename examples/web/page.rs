//! A page that lists a pack and shows a picture out of it, both by a few ranges of the pack.
//!
//! `?pack=URL` names another pack than the sample; a file that is chosen is opened where it lies.

use js_sys::{Array, Uint8Array};
use rangepack_wasm::web::{Entry, Kind, OpenOptions, Pack};
use std::error::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, BlobPropertyBag, Document, Element, HtmlInputElement, Url, UrlSearchParams};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Pictures that browsers show.
const PICTURES: [&str; 4] = ["jpg", "png", "gif", "webp"];

/// So many entries are shown.
const MOST: usize = 200;

#[wasm_bindgen(start)]
fn start() {
    spawn_local(async {
        let input = element("input")
            .and_then(|input| input.dyn_into::<HtmlInputElement>().map_err(|_| "an input".into()));
        let Ok(input) = input else { return };
        let chosen = input.clone();
        let open = Closure::<dyn FnMut()>::new(move || {
            if let Some(file) = chosen.files().and_then(|files| files.get(0)) {
                spawn_local(async move {
                    tell(show(Pack::open_blob(file.into(), &options()).await).await)
                });
            }
        });
        input.set_onchange(Some(open.as_ref().unchecked_ref()));
        open.forget();
        tell(show(Pack::open_url(&address(), &options()).await).await);
    });
}

fn options() -> OpenOptions {
    OpenOptions::new()
}

fn address() -> String {
    let query = web_sys::window().and_then(|window| window.location().search().ok());
    let parameters = query.and_then(|query| UrlSearchParams::new_with_str(&query).ok());
    parameters.and_then(|query| query.get("pack")).unwrap_or_else(|| "sample.pack".to_owned())
}

/// Shows what is in a pack, and the first picture.
async fn show(pack: rangepack_wasm::web::Result<Pack>) -> Result<()> {
    let pack = pack?;
    let list = element("ul")?;
    list.set_inner_html("");
    let mut entries = pack.walk("").await?;
    let mut picture = None;
    for _ in 0..MOST {
        let Some(entry) = entries.next().await else { break };
        let entry = entry?;
        let item = document()?.create_element("li").map_err(text)?;
        // Text, never HTML: names are those of strangers.
        item.set_text_content(Some(&line(&entry)));
        list.append_child(&item).map_err(text)?;
        if picture.is_none() && media_type(&entry).is_some() {
            picture = Some(entry);
        }
    }
    if let Some(entry) = picture {
        let content = pack.open_entry(&entry)?.read().await?;
        let kind = BlobPropertyBag::new();
        kind.set_type(&media_type(&entry).unwrap_or_default());
        let parts = Array::of1(&Uint8Array::from(&*content));
        let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &kind).map_err(text)?;
        let url = Url::create_object_url_with_blob(&blob).map_err(text)?;
        element("img")?.set_attribute("src", &url).map_err(text)?;
    }
    let (totals, traffic) = (pack.index().totals(), pack.traffic());
    let said = format!(
        "{}: {} files, {} bytes; fetched: {} requests, {} bytes",
        pack.name(),
        totals.files,
        totals.bytes,
        traffic.requests,
        traffic.bytes
    );
    element("output")?.set_text_content(Some(&said));
    Ok(())
}

fn line(entry: &Entry) -> String {
    match &entry.kind {
        Kind::File(content) => format!("{} ({} bytes)", entry.path.display(), content.size),
        Kind::Directory(_) => format!("{}/", entry.path.display()),
        _ => entry.path.display().to_string(),
    }
}

/// Of a picture, told from its name.
fn media_type(entry: &Entry) -> Option<String> {
    let path = entry.path.display().to_string().to_lowercase();
    let ending = path.rsplit_once('.').filter(|_| matches!(entry.kind, Kind::File(_)))?.1;
    let ending = if ending == "jpeg" { "jpg" } else { ending };
    let subtype = if ending == "jpg" { "jpeg" } else { ending };
    PICTURES.contains(&ending).then(|| format!("image/{subtype}"))
}

fn tell(shown: Result<()>) {
    if let (Err(error), Ok(output)) = (shown, element("output")) {
        output.set_text_content(Some(&error.to_string()));
    }
}

fn document() -> Result<Document> {
    web_sys::window().and_then(|window| window.document()).ok_or_else(|| "no page".into())
}

/// The only one of its kind in the page.
fn element(selector: &str) -> Result<Element> {
    document()?.query_selector(selector).map_err(text)?.ok_or_else(|| selector.into())
}

fn text(error: JsValue) -> String {
    format!("{error:?}")
}
