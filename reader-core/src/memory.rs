//! An index built in memory for the two old formats.
