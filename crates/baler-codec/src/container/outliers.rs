//! Rows that are stored in full, as an archive holds them: an archive of their own, behind the models.

use super::Index;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};
use std::io::Cursor;

/// Variables of the inner archive before those of the table: the numbers of the rows, and their scores.
pub const N_LISTED: usize = 2;

/// Rows in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutliers {
    /// What the scores are, for people.
    pub by: String,
    /// A whole archive: row numbers, scores, then the variables of the outer archive, with only these rows.
    pub archive: Vec<u8>,
}

impl StoredOutliers {
    /// What the scores are, then the archive.
    pub fn write(&self, w: &mut ByteWriter) {
        w.block(self.by.as_bytes());
        w.block(&self.archive);
    }

    /// Inverse of [`StoredOutliers::write`].
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`].
    pub fn read(r: &mut ByteReader) -> Result<StoredOutliers> {
        let by = std::str::from_utf8(r.block()?).map_err(|_| Error::corrupt("a word is no UTF-8"))?;
        Ok(StoredOutliers { by: by.to_string(), archive: r.block()?.to_vec() })
    }

    /// Where everything is in the inner archive.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Corrupt`], also for one that holds rows in full itself.
    pub fn index(&self) -> Result<Index<Cursor<Vec<u8>>>> {
        let index = Index::open(Cursor::new(self.archive.clone()))?;
        match index.outliers {
            None => Ok(index),
            Some(_) => Err(Error::corrupt("expected rows in full once, found some within others")),
        }
    }
}
