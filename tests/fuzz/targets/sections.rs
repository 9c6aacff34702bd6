//! Headers, tables of sections, lists of volumes: all that is named lies before the root page.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::layout::{Header, Volume};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(volumes) = Volume::list_from_bytes(bytes) {
        assert_eq!(Volume::list_to_bytes(&volumes).as_deref(), Ok(bytes));
    }
    for start in [0, 4096, u64::MAX - (1 << 20)] {
        let Ok((header, node)) = Header::from_bytes(bytes, start) else { continue };
        assert!(node <= bytes.len());
        for section in header.sections() {
            assert!(section.extent.end() <= start);
            assert!(section.is_known() || !section.is_required());
            assert_eq!(header.section(section.tag), Some(section));
        }
        for number in [0, header.page_count() / 2, header.page_count()] {
            let page = header.page(number);
            assert_eq!(page.is_ok(), number < header.page_count());
            assert!(page.is_err() || header.pages().end() >= page.unwrap().end());
        }
        // Fields that a later version appended, and reserved bits, go.
        let Ok(written) = header.to_bytes() else { continue };
        assert_eq!(Header::from_bytes(&written, start), Ok((header, written.len())));
    }
});
