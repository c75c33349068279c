//! Live streams: records of fixed width in, frames out at once, and back. In: bytes as a detector or a sensor sends
//! them, the model's variables in order, little-endian, record after record; out: a stream of frames that each decode
//! alone, given the stream's head. Refuses models without a table.
//!
//! A map, in the order of a record's way:
//!
//! - [`pump`]: bytes that come when they come -> frames that leave in time.
//! - [`records`]: records <-> columns.
//! - [`columns`]: columns <-> symbols; values on the model's grids, counted from the model's relations, so that every
//!   value keeps the model's bound.
//! - [`symbols`]: symbols <-> bytes, with frequencies that never change: a frame has no time to learn.
//! - [`stream`]: head, frames, end.
//! - [`table`]: what all of that needs of the model; [`fit`] makes it when a model is trained.
//!
//! The adaptive coder of tables ([`crate::table::coder`]) makes smaller archives, but learns anew in every chunk: on
//! frames of some hundred records it has learned nothing when the frame ends.

pub mod columns;
pub mod fit;
pub mod pump;
pub mod records;
pub mod stream;
pub mod symbols;
pub mod table;

pub use pump::{Pump, Stats};
pub use stream::{Decoder, Encoder, is_live};
pub use table::LiveTable;
