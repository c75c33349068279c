//! What a walk over the numbers holds.

use crate::predict::cascade::Cascade;
use crate::predict::cell::Cell;
use crate::predict::grid::Layout;
use crate::predict::reference::Reference;
use baler_data::error::{Error, Result};

/// Values and errors with margins.
pub struct State<T> {
    /// Values minus the center.
    pub values: Vec<T>,
    /// Value minus prediction, in 1/8.
    pub errors_q3: Vec<T>,
    /// The filters that adapt, if the model has any.
    pub cascade: Option<Cascade>,
    /// The other variable, if the model has one.
    pub reference: Option<Reference<T>>,
}

/// Numbers that a model is fitted to together with others.
pub struct Segment<'a, T> {
    /// Their extents.
    pub layout: Layout,
    /// Which are left out.
    pub mask: Option<&'a [bool]>,
    /// C order.
    pub q: &'a mut [i64],
    /// Of the layout.
    pub state: State<T>,
}

/// Room for what a walk over a layout holds.
pub fn padded<T: Cell>(layout: &Layout) -> Result<State<T>> {
    let mut state = State { values: Vec::new(), errors_q3: Vec::new(), cascade: None, reference: None };
    let len = layout.n_held();
    let room = state.values.try_reserve_exact(len).and(state.errors_q3.try_reserve_exact(len));
    room.map_err(|_| Error::limit(format!("no memory for {len} numbers")))?;
    state.values.resize(len, T::default());
    state.errors_q3.resize(len, T::default());
    Ok(state)
}
