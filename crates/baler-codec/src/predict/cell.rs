//! Widths of the arithmetic: 32 bits where nothing can overflow, which is twice as fast, else 64. All of it wraps.

/// An integer type that numbers, errors and their weighted sums are held in.
pub trait Cell: Copy + Default + Eq {
    /// Largest error that is kept, in 1/8 of a step.
    const MAX_ERROR_Q3: i64;
    /// Low bits of a 64-bit number.
    fn of(value: i64) -> Self;
    /// As 64 bits.
    fn wide(self) -> i64;
    /// `self + other`.
    fn plus(self, other: Self) -> Self;
    /// `self + value * weight`.
    fn add_product(self, value: Self, weight: i32) -> Self;
    /// `self + |value| * weight`.
    fn add_magnitude(self, value: Self, weight: i32) -> Self;
    /// `min(8 |self - other|, MAX_ERROR_Q3)`.
    fn gradient(self, other: Self) -> Self;
}

/// A value minus a prediction in 1/64, in 1/8.
#[inline(always)]
pub fn error_q3<T: Cell>(value: i64, prediction_q6: i64) -> i64 {
    value.wrapping_mul(8).wrapping_sub(prediction_q6 >> 3).clamp(-T::MAX_ERROR_Q3, T::MAX_ERROR_Q3)
}

macro_rules! cell {
    ($type:ty, $max_error:expr) => {
        impl Cell for $type {
            const MAX_ERROR_Q3: i64 = $max_error;
            #[inline(always)]
            fn of(value: i64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn wide(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn add_product(self, value: Self, weight: i32) -> Self {
                self.wrapping_add(value.wrapping_mul(weight as $type))
            }
            #[inline(always)]
            fn add_magnitude(self, value: Self, weight: i32) -> Self {
                self.wrapping_add(value.wrapping_abs().wrapping_mul(weight as $type))
            }
            #[inline(always)]
            fn gradient(self, other: Self) -> Self {
                let most = (Self::MAX_ERROR_Q3 >> 3) as $type;
                self.wrapping_sub(other).saturating_abs().min(most).wrapping_mul(8)
            }
        }
    };
}

cell!(i32, (1 << 19) - 8);
cell!(i64, (1 << 44) - 8);
