//! The header of `.fpack` files.
