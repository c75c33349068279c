//! Where an archive goes as it is made: bytes in order, never changed again. An output may hold what an earlier run has
//! written before it was stopped; then only what is missing is made.

use baler_data::error::{Error, Result};
use std::fs::File;
use std::io::{Seek, Write};

/// Takes the bytes of an archive in order.
pub trait Output {
    /// Takes the header, or finds that it is there already.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Config`] if what is there comes from other data or options.
    fn begin(&mut self, header: &[u8]) -> Result<()>;

    /// Drops everything that it has taken: another archive begins.
    fn restart(&mut self) -> Result<()>;

    /// The next whole frame of the run before, if there is one.
    fn kept_frame(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// That frame of `n_bytes` stays: the next one comes behind it.
    fn keep(&mut self, _n_bytes: usize) {}

    /// Appends bytes behind what is kept; everything else of the run before is dropped.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
}

impl Output for Vec<u8> {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        Output::write(self, header)
    }

    fn restart(&mut self) -> Result<()> {
        self.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A file without a name, for outputs that take bytes only in order.
impl Output for File {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        Output::write(self, header)
    }

    fn restart(&mut self) -> Result<()> {
        let emptied = self.set_len(0).and_then(|()| self.rewind());
        emptied.map_err(|e| Error::io("writing a temporary file (TMPDIR says where)", e))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|e| Error::io("writing a temporary file (TMPDIR says where)", e))
    }
}
