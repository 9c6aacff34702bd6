//! The lines of the NDJSON index.
