//! What of an input cannot be kept, gathered while it is read so that the user is told; not an error.

use std::sync::{Arc, Mutex};

/// Warnings of a reader; clones share one list.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    /// Adds one.
    pub fn add(&self, warning: String) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(warning);
    }

    /// Takes all that were added.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}
