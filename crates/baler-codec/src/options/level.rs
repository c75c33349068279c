//! How much time is spent for fewer bytes.

use baler_data::error::{Error, Result};

/// From 1, the fastest, to 9, the smallest. All levels are decoded by the same rules, and keep the same promises.
///
/// ```
/// use baler_codec::options::Level;
///
/// assert_eq!(Level::default(), Level::new(6)?);
/// assert!(Level::new(10).is_err());
/// # Ok::<(), baler_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// What `--fast` stands for.
    pub const FAST: Level = Level(3);
    /// Everything is tried, and whole candidates are coded to compare them.
    pub const BEST: Level = Level(9);

    /// Of a number from 1 to 9.
    ///
    /// # Errors
    /// [`baler_data::ErrorKind::Config`] for any other.
    pub fn new(number: u8) -> Result<Level> {
        match number {
            1..=9 => Ok(Level(number)),
            _ => Err(Error::config(format!(
                "expected a level from 1 (fastest) to 9 (smallest), found {number}"
            ))),
        }
    }

    /// From 1 to 9.
    pub fn number(self) -> u8 {
        self.0
    }

    /// True if models that learn from every number, bit by bit, are tried on the whole data.
    pub fn adapts(self) -> bool {
        self.0 >= 7
    }

    /// True if it is looked for simpler numbers behind those of the data, and for repeats.
    pub fn searches(self) -> bool {
        self.0 >= 4
    }
}

impl Default for Level {
    fn default() -> Level {
        Level(6)
    }
}
