//! What the elements of a variable stand for, beyond their dtype: numbers, characters, bytes, complex numbers, times,
//! codes. It decides whether a bound for all variables is meant for this one too, and how other formats show it.

use crate::dataset::values::DType;

/// What the elements of a variable stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Numbers, for which bounds are.
    #[default]
    Number,
    /// Characters, always exact: bytes of UTF-8 (`uint8`) or code points (`uint32`). Each list of the variable is one
    /// text; without lists each row of the last axis is one, filled up with zeros.
    Text,
    /// As [`Kind::Text`], but bytes (`uint8`) of any meaning.
    Bytes,
    /// Floats whose last axis holds real and imaginary part; an absolute bound is one for the modulus of the error.
    Complex,
    /// Integers that count from the start of 1970; exact where no rule names the variable.
    Time(TimeUnit),
    /// Integers that count a span of time; exact where no rule names the variable.
    Duration(TimeUnit),
    /// Integers that measure nothing (categories, flags, scaled decimals); exact where no rule names the variable.
    Exact,
}

/// The unit of a time. The discriminants are those of docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum TimeUnit {
    Year = 0,
    Month = 1,
    Week = 2,
    Day = 3,
    Hour = 4,
    Minute = 5,
    Second = 6,
    Millisecond = 7,
    Microsecond = 8,
    Nanosecond = 9,
    Picosecond = 10,
    Femtosecond = 11,
    Attosecond = 12,
}

impl TimeUnit {
    /// Every unit, in the order of its code.
    pub const ALL: [TimeUnit; 13] = [
        TimeUnit::Year,
        TimeUnit::Month,
        TimeUnit::Week,
        TimeUnit::Day,
        TimeUnit::Hour,
        TimeUnit::Minute,
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
        TimeUnit::Picosecond,
        TimeUnit::Femtosecond,
        TimeUnit::Attosecond,
    ];

    /// NumPy's letters, for example `ms`.
    pub fn symbol(self) -> &'static str {
        ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"][self as usize]
    }

    /// The unit of NumPy's letters.
    pub fn from_symbol(symbol: &str) -> Option<TimeUnit> {
        TimeUnit::ALL.into_iter().find(|unit| unit.symbol() == symbol)
    }
}

impl Kind {
    /// Code and unit as docs/format.md has them; the unit only where the kind has one.
    pub fn code(self) -> (u8, Option<TimeUnit>) {
        match self {
            Kind::Number => (0, None),
            Kind::Text => (1, None),
            Kind::Bytes => (2, None),
            Kind::Complex => (3, None),
            Kind::Time(unit) => (4, Some(unit)),
            Kind::Duration(unit) => (5, Some(unit)),
            Kind::Exact => (6, None),
        }
    }

    /// Inverse of [`Kind::code`]; `unit` is asked for only where the kind has one.
    pub fn from_code<E>(code: u8, unit: impl FnOnce() -> Result<TimeUnit, E>) -> Result<Option<Kind>, E> {
        Ok(Some(match code {
            0 => Kind::Number,
            1 => Kind::Text,
            2 => Kind::Bytes,
            3 => Kind::Complex,
            4 => Kind::Time(unit()?),
            5 => Kind::Duration(unit()?),
            6 => Kind::Exact,
            _ => return Ok(None),
        }))
    }

    /// True if elements of this dtype in this shape can be of the kind.
    pub fn fits(self, dtype: DType, shape: &[usize], has_lists: bool) -> bool {
        let is_row = has_lists || !shape.is_empty();
        match self {
            Kind::Number => true,
            Kind::Text => is_row && matches!(dtype, DType::U8 | DType::U32),
            Kind::Bytes => is_row && dtype == DType::U8,
            Kind::Complex => dtype.is_float() && shape.last() == Some(&2),
            Kind::Time(_) | Kind::Duration(_) | Kind::Exact => !dtype.is_float(),
        }
    }

    /// True for what is no number at all: always exact, and left out of everything that computes with values.
    pub fn is_opaque(self) -> bool {
        matches!(self, Kind::Text | Kind::Bytes)
    }

    /// True if a bound for all variables is not meant for this one.
    pub fn is_exact_by_default(self) -> bool {
        !matches!(self, Kind::Number | Kind::Complex)
    }

    /// What people are shown for a variable of this kind: `text`, `complex64`, `time[ns]`, or the dtype's name.
    pub fn shown(self, dtype: DType) -> String {
        match self {
            Kind::Text => "text".into(),
            Kind::Bytes => "bytes".into(),
            Kind::Complex => format!("complex{}", 16 * dtype.size_bytes()),
            Kind::Time(unit) => format!("time[{}]", unit.symbol()),
            Kind::Duration(unit) => format!("duration[{}]", unit.symbol()),
            Kind::Number | Kind::Exact => dtype.name().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_undone() {
        let units = TimeUnit::ALL.into_iter().flat_map(|unit| [Kind::Time(unit), Kind::Duration(unit)]);
        for kind in
            [Kind::Number, Kind::Text, Kind::Bytes, Kind::Complex, Kind::Exact].into_iter().chain(units)
        {
            let (code, unit) = kind.code();
            assert_eq!(Kind::from_code(code, || unit.ok_or(())), Ok(Some(kind)));
        }
        assert_eq!(Kind::from_code(7, || Err(())), Ok(None));
        assert_eq!(TimeUnit::from_symbol("us"), Some(TimeUnit::Microsecond));
        assert_eq!(TimeUnit::from_symbol("x"), None);
    }

    #[test]
    fn kinds_have_dtypes_of_their_own() {
        assert!(Kind::Text.fits(DType::U8, &[5], true) && Kind::Text.fits(DType::U32, &[3, 10], false));
        assert!(!Kind::Text.fits(DType::F32, &[5], true) && !Kind::Bytes.fits(DType::U32, &[5], true));
        assert!(
            Kind::Complex.fits(DType::F32, &[5, 2], false) && !Kind::Complex.fits(DType::F32, &[5], false)
        );
        assert!(!Kind::Exact.fits(DType::F64, &[5], false));
        assert_eq!(Kind::Complex.shown(DType::F32), "complex64");
        assert_eq!(Kind::Time(TimeUnit::Nanosecond).shown(DType::I64), "time[ns]");
    }
}
