//! What reading over a network costs.

/// What was fetched over a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Requests. Over HTTP those that were tried again count again; stores do that by themselves.
    pub requests: u64,
    /// Bytes of content that came back.
    pub bytes: u64,
}

impl std::ops::Add for Traffic {
    type Output = Traffic;

    fn add(self, other: Traffic) -> Traffic {
        let (requests, bytes) = (self.requests + other.requests, self.bytes + other.bytes);
        Traffic { requests, bytes }
    }
}
