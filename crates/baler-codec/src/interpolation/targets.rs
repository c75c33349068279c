//! What is to be coded. The encoder only.

/// Numbers to code, less the center.
pub struct Targets<'a> {
    /// C order.
    pub values: Vec<f32>,
    /// True where there is none.
    pub mask: Option<&'a [bool]>,
    /// Numbers of a stride.
    pub stride: f32,
}

impl Targets<'_> {
    /// True if there is a number at a place.
    pub fn has(&self, place: usize) -> bool {
        !self.mask.is_some_and(|mask| mask[place])
    }
}
