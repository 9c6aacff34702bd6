//! Finds the trailer of a CTNRv1 container.
