//! One certain pack at a URL, whoever serves it: `cargo run --example remote -- https://example.org/photos.pack DIGEST cats/1.jpg`.

use rangepack::{Digest, OpenOptions, Pack, RemoteOptions};
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, digest, path] = &arguments[..] else { return Err("URL DIGEST PATH".into()) };
    // The digest of the root page vouches for every byte of the pack.
    let digest: Digest = digest.parse()?;
    let remote = RemoteOptions::new().timeout(Duration::from_secs(10)).retries(2);
    let pack = Pack::open_with(url, &OpenOptions::new().expected(digest).remote(remote))?;
    let content = pack.read(path)?;
    println!("{path}: {} bytes, {} requests", content.len(), pack.traffic().requests);
    Ok(())
}
