//! `web::Pack` in a browser: a module that exports its tests. `web.test.js` calls each of them in a page of its own;
//! `cargo xtask page --test` runs that.

#[cfg(target_family = "wasm")]
mod tests;

fn main() {
    #[cfg(target_family = "wasm")]
    tests::tell_panics();
}
