//! One gzip member, decoded piece by piece.
