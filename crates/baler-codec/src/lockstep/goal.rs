//! What numbers are to become: themselves, or what is near enough. The encoder only.

/// Numbers of a lattice, coded in strides from their predictions.
#[derive(Debug, Clone, Copy)]
pub struct Goal<'a> {
    /// C order.
    pub q: &'a [i64],
    /// Numbers of a stride; decoded ones lie within half of it.
    pub stride: i64,
    /// Where they may not lie, if some of that is too far.
    pub ends: Option<Ends<'a>>,
}

/// The least and the greatest number that each may become, at least a stride apart, where a bound varies from value to value.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    /// For each number.
    pub low: &'a [i64],
    /// For each number.
    pub high: &'a [i64],
}
