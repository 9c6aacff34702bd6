//! Attribute blocks: what is read is written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::Attributes;

fuzz_target!(|bytes: &[u8]| {
    let Ok(attributes) = Attributes::from_bytes(bytes) else { return };
    assert!(!attributes.is_empty());
    assert_eq!(attributes.to_bytes().as_deref(), Ok(bytes));
    let mut pairs: Vec<_> =
        attributes.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    pairs.reverse();
    assert_eq!(Attributes::new(pairs), attributes);
});
