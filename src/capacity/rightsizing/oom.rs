//! How much memory is needed where what there was did not do.

/// What a workload is given that ran out of memory: a share more, or an amount more, whichever is
/// larger.
///
/// ```
/// use plimsoll::capacity::rightsizing::OomBump;
/// let mib = f64::from(1 << 20);
/// // The unit tests of the Kubernetes VPA recommender.
/// let needed = |allowed: f64| OomBump::default().needed(allowed * mib) / mib;
/// assert_eq!((needed(1_000.0), needed(1.0)), (1_200.0, 101.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OomBump {
    /// The factor. Default: 1.2.
    pub factor: f64,
    /// The least that is added, in bytes. Default: 100 MiB.
    pub added_bytes_min: f64,
}

impl Default for OomBump {
    fn default() -> Self {
        Self { factor: 1.2, added_bytes_min: 100.0 * super::MIB }
    }
}

impl OomBump {
    /// What is needed, in bytes, where so much did not do. It depends on nothing that was advised
    /// before: repeats at the same amount give the same.
    pub fn needed(&self, allowed_bytes: f64) -> f64 {
        (allowed_bytes * self.factor).max(allowed_bytes + self.added_bytes_min)
    }
}
