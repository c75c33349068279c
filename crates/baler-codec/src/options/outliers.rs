//! Rows that are stored in full, as somebody has found them: the codec scores nothing itself.

use std::fmt;

/// Rows of a table that are kept bit for bit, apart from the others and with their scores.
#[derive(Clone, PartialEq, Default)]
pub struct OutlierRows {
    /// Counted from 0, ascending, each once.
    pub rows: Vec<usize>,
    /// One a row; higher is odder.
    pub scores: Vec<f64>,
    /// What the scores are, in a word such as `code-length`.
    pub by: String,
}

/// How many, and a hash of which: options are told apart by what they print.
impl fmt::Debug for OutlierRows {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut hasher = blake3::Hasher::new();
        for (row, score) in self.rows.iter().zip(&self.scores) {
            hasher.update(&(*row as u64).to_le_bytes());
            hasher.update(&score.to_le_bytes());
        }
        let hash = hasher.finalize().to_hex();
        write!(f, "OutlierRows({} by {}, {})", self.rows.len(), self.by, &hash[..16])
    }
}
