//! Pictures and pages of what compression did, and of what other tools would have done. Kept apart from the library
//! so that compressing and decompressing need none of it.
//!
//! The way: [`measure`] turns two datasets into numbers, [`figures`] numbers into pictures, [`draw`] pictures into SVG
//! and PDF, [`report`] all of it into a page.

pub mod advise;
pub mod breakdown;
pub mod compare;
pub mod draw;
pub mod figures;
pub mod html;
pub mod latents;
pub mod measure;
#[allow(clippy::disallowed_methods)] // what it computes reaches no byte
pub mod metrics;
mod report;
mod runs;

pub use breakdown::{Breakdown, breakdown};
pub use report::{Page, Source, report};
pub use runs::RunTable;
