//! How a number becomes a value: it starts as a float, and a few steps, each rounded once, make the value of it.

use super::digits::{
    decimal_of_number, number_of_decimal, through_fixed_text, through_loose_text, through_text,
};
use baler_data::element::Element;
use half::f16;

/// Most steps of a program.
pub const MAX_STEPS: usize = 8;

/// A format of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float {
    /// float16
    F16,
    /// float32
    F32,
    /// float64
    F64,
}

impl Float {
    /// Mantissa bits, without the hidden one.
    pub fn mantissa_bits(self) -> u32 {
        match self {
            Float::F16 => 10,
            Float::F32 => 23,
            Float::F64 => 52,
        }
    }

    /// The order of `x` rounded to this format.
    pub fn order(self, x: f64) -> i64 {
        match self {
            Float::F16 => f16::from_f32(x as f32).order(),
            Float::F32 => f32::from_f64(x).order(),
            Float::F64 => x.order(),
        }
    }

    /// The value of an order, of which low bits count.
    pub fn of_order(self, order: i64) -> f64 {
        match self {
            Float::F16 => f16::from_order(order).to_f64(),
            Float::F32 => f32::from_order(order).to_f64(),
            Float::F64 => f64::from_order(order),
        }
    }
}

/// The float with which a number begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// number * stride + phase in wrapping 64-bit integers, then the nearest float64.
    Whole {
        /// Not 0.
        stride: i64,
        /// What the number 0 stands for.
        phase: i64,
    },
    /// The float whose order is the number with `shift` low bits of the order's sign behind it.
    Order {
        /// Of this format.
        float: Float,
        /// Mantissa bits that are 0.
        shift: u8,
    },
    /// A decimal float, numbered as [`super::digits`] says.
    Decimal {
        /// Significant digits.
        digits: u8,
        /// The exponent of the last digit in the first decade.
        low: i16,
    },
}

/// One operation on a float64, rounded once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// x + c
    Add(f64),
    /// x * c
    Mul(f64),
    /// x / c
    Div(f64),
    /// The square root.
    Sqrt,
    /// The nearest float32.
    ToF32,
    /// The nearest float16 to the nearest float32.
    ToF16,
    /// The float64 nearest to x written with so many significant digits.
    Text(u8),
    /// [`through_loose_text`]
    LooseText,
    /// The float64 nearest to x written with so many digits behind the point.
    FixedText(u8),
}

impl Step {
    /// What the step makes of x.
    #[inline(always)]
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Step::Add(c) => x + c,
            Step::Mul(c) => x * c,
            Step::Div(c) => x / c,
            Step::Sqrt => libm::sqrt(x),
            Step::ToF32 => f64::from(x as f32),
            Step::ToF16 => f16::from_f32(x as f32).to_f64(),
            Step::Text(digits) => through_text(x, digits),
            Step::LooseText => through_loose_text(x),
            Step::FixedText(places) => through_fixed_text(x, places),
        }
    }

    /// About the x of which this step made `y`.
    #[inline(always)]
    pub fn undo(self, y: f64) -> f64 {
        match self {
            Step::Add(c) => y - c,
            Step::Mul(c) => y / c,
            Step::Div(c) => y * c,
            Step::Sqrt => y * y,
            Step::ToF32 | Step::ToF16 | Step::Text(_) | Step::LooseText | Step::FixedText(_) => y,
        }
    }

    /// The same step with another constant; steps without one stay.
    pub fn with_constant(self, c: f64) -> Step {
        match self {
            Step::Add(_) => Step::Add(c),
            Step::Mul(_) => Step::Mul(c),
            Step::Div(_) => Step::Div(c),
            other => other,
        }
    }

    /// Its constant, if it has one.
    pub fn constant(self) -> Option<f64> {
        match self {
            Step::Add(c) | Step::Mul(c) | Step::Div(c) => Some(c),
            _ => None,
        }
    }
}

/// One lattice: a start and steps. The last result is rounded to the dtype.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Of the number.
    pub start: Start,
    /// In order.
    pub steps: Vec<Step>,
}

impl Program {
    /// The values as they are, by their order.
    pub fn plain<T: Element>() -> Program {
        let float = match T::DTYPE {
            baler_data::dataset::DType::F16 => Float::F16,
            baler_data::dataset::DType::F32 => Float::F32,
            _ => Float::F64,
        };
        Program { start: Start::Order { float, shift: 0 }, steps: Vec::new() }
    }

    /// The value of a number.
    #[inline]
    pub fn value<T: Element>(&self, number: i64) -> T {
        if let (false, Start::Whole { stride, phase }) = (T::IS_FLOAT, self.start) {
            return T::from_order(number.wrapping_mul(stride).wrapping_add(phase));
        }
        T::from_f64(self.steps.iter().fold(self.first(number), |x, step| step.apply(x)))
    }

    /// The values of numbers, step by step.
    pub fn values<T: Element>(&self, numbers: &[i64], out: &mut Vec<T>) {
        const AT_ONCE: usize = 512;
        if !T::IS_FLOAT || numbers.len() < 16 {
            out.extend(numbers.iter().map(|&number| self.value::<T>(number)));
            return;
        }
        let mut x = [0.0; AT_ONCE];
        for numbers in numbers.chunks(AT_ONCE) {
            let x = &mut x[..numbers.len()];
            x.iter_mut().zip(numbers).for_each(|(x, &number)| *x = self.first(number));
            for &step in &self.steps {
                x.iter_mut().for_each(|x| *x = step.apply(*x));
            }
            out.extend(x.iter().map(|&x| T::from_f64(x)));
        }
    }

    /// The float with which a number begins.
    #[inline(always)]
    pub fn first(&self, number: i64) -> f64 {
        match self.start {
            Start::Whole { stride, phase } => number.wrapping_mul(stride).wrapping_add(phase) as f64,
            Start::Order { float, shift } => {
                let low = if number < 0 { (1i64 << shift) - 1 } else { 0 };
                float.of_order(number << shift | low)
            }
            Start::Decimal { digits, low } => decimal_of_number(number, digits, low),
        }
    }

    /// The number behind a value, if one has exactly its bits.
    #[inline]
    pub fn number<T: Element>(&self, value: T) -> Option<i64> {
        let bits = value.to_bits64();
        let serves = |number: &i64| self.value::<T>(*number).to_bits64() == bits;
        let x = value.to_f64();
        if x.is_nan() {
            return None;
        }
        let guess = self.guess(value, x)?;
        let near = [0, 1, -1, 2, -2].map(|away| guess.wrapping_add(away));
        near.into_iter().find(serves)
    }

    /// About the number behind a value.
    pub fn guess<T: Element>(&self, value: T, x: f64) -> Option<i64> {
        if let (false, Start::Whole { stride, phase }) = (T::IS_FLOAT, self.start) {
            let whole = i128::from(value.order()) - i128::from(phase);
            return i64::try_from(whole.div_euclid(i128::from(stride))).ok();
        }
        let x = self.steps.iter().rev().fold(x, |y, step| step.undo(y));
        match self.start {
            Start::Whole { stride, phase } => {
                let place = (x - phase as f64) / stride as f64;
                (place.abs() < 9e18).then(|| libm::rint(place) as i64)
            }
            Start::Order { float, shift } => Some(float.order(x) >> shift),
            Start::Decimal { digits, low } => number_of_decimal(x, digits, low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_applied_in_order() {
        let steps = vec![Step::Mul(0.5), Step::Add(-3.0), Step::Div(4.0), Step::Sqrt];
        let program = Program { start: Start::Whole { stride: 2, phase: 6 }, steps };
        assert_eq!(program.value::<f64>(1), libm::sqrt(0.25));
        assert_eq!(program.number(0.5f64), Some(1));
        assert_eq!(program.number(0.51f64), None);
        assert_eq!(program.number(f64::NAN), None);
    }

    #[test]
    fn float32_steps_round_in_between() {
        let steps = vec![Step::Mul(f64::from(0.01f32)), Step::ToF32, Step::Add(f64::from(-32.5f32))];
        let program = Program { start: Start::Whole { stride: 1, phase: 0 }, steps };
        for k in -3000..3000 {
            let x = k as f32 * 0.01f32 + -32.5f32;
            assert_eq!(program.value::<f32>(k).to_bits(), x.to_bits());
            assert_eq!(program.number(x), Some(k));
        }
    }

    #[test]
    fn orders_leave_out_the_zero_bits() {
        let program = Program { start: Start::Order { float: Float::F32, shift: 13 }, steps: Vec::new() };
        for x in [0.0f32, 1.5, -1.5, 1.0 / 1024.0, -393_216.0] {
            let number = program.number(x).expect("a truncated mantissa");
            assert_eq!(program.value::<f32>(number), x);
            assert!(number.unsigned_abs() < 1 << 18);
        }
        assert_eq!(program.number(0.1f32), None);
        assert_eq!(program.number(-0.0f32), Some(-1));
    }

    #[test]
    fn integers_have_strides() {
        let program = Program { start: Start::Whole { stride: 1_000_000_000, phase: 7 }, steps: Vec::new() };
        assert_eq!(program.number(5_000_000_007i64), Some(5));
        assert_eq!(program.number(5_000_000_008i64), None);
        assert_eq!(program.value::<i64>(-3), -2_999_999_993);
        assert_eq!(program.value::<i64>(i64::MAX), i64::MAX.wrapping_mul(1_000_000_000).wrapping_add(7));
    }
}
