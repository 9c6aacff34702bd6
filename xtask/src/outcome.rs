//! How a step of the tests ends.

/// How a step ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// With what this machine lacks.
    Skipped(String),
}
