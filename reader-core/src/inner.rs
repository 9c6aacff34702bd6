//! Inner pages: separators and the digests of the pages below.
