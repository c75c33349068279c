//! A buffer of floats that starts on a cache line: without it half of the 64-byte loads touch two lines.

use std::ops::{Deref, DerefMut};

const LINE_BYTES: usize = 64;
const LINE_FLOATS: usize = LINE_BYTES / size_of::<f32>();

/// Floats of a fixed number, zero at first, aligned to 64 bytes.
#[derive(Debug)]
pub(super) struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    pub(super) fn zeros(len: usize) -> Self {
        let values = vec![0.0f32; len + LINE_FLOATS];
        // An allocator that cannot tell costs speed, not correctness.
        let start = values.as_ptr().align_offset(LINE_BYTES).min(LINE_FLOATS);
        Aligned { values, start, len }
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        let mut copy = Self::zeros(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Aligned {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}
