//! Lattices as bytes, and back. Lattices along an axis mostly have one form, so each form is written once, and then, for
//! each place of a constant in it, the constants of all indices together: one for all, or one each.

use super::program::{Float, MAX_STEPS, Program, Start, Step};
use super::{Hidden, digits};
use baler_data::bytes::{ByteReader, ByteWriter, with_room};
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};

/// Most lattices along axes.
pub const MAX_LATTICES: usize = 1 << 16;
/// Most low bits that an order leaves out.
const MAX_SHIFT: u8 = 62;
/// Added to the kind of a list of which all items are one.
const ONE_FOR_ALL: u8 = 8;
/// Largest numerator of a decimal constant.
const MAX_NUMERATOR: f64 = (1u64 << 53) as f64;

/// What a list of constants is made of.
mod kind {
    pub const F64: u8 = 0;
    pub const F32: u8 = 1;
    pub const DECIMAL: u8 = 2;
}

/// Codes of starts and steps.
mod code {
    pub const END: u8 = 0;
    pub const ADD: u8 = 1;
    pub const MUL: u8 = 2;
    pub const DIV: u8 = 3;
    pub const SQRT: u8 = 4;
    pub const TO_F32: u8 = 5;
    pub const TO_F16: u8 = 6;
    pub const TEXT: u8 = 7;
    pub const LOOSE_TEXT: u8 = 8;
    pub const FIXED_TEXT: u8 = 9;

    pub const WHOLE: u8 = 0;
    pub const ORDER_F16: u8 = 1;
    pub const ORDER_F32: u8 = 2;
    pub const ORDER_F64: u8 = 3;
    pub const DECIMAL: u8 = 4;
}

impl Hidden {
    /// Appends the lattices; [`Hidden::read`] is the inverse.
    pub fn write(&self, w: &mut ByteWriter) {
        w.count(self.axes.len());
        let forms = forms(&self.programs);
        if !self.axes.is_empty() {
            w.count(self.axes.start);
            w.count(forms.len());
            if forms.len() > 1 {
                let mut of = vec![0u8; self.programs.len()];
                for (form, members) in forms.iter().enumerate() {
                    members.iter().for_each(|&idx| of[idx] = form as u8);
                }
                for run in of.chunk_by(|a, b| a == b) {
                    w.u8(run[0]);
                    w.count(run.len());
                }
            }
        }
        for members in &forms {
            let programs: Vec<&Program> = members.iter().map(|&idx| &self.programs[idx]).collect();
            write_form(&programs, w);
        }
    }

    /// Reads what [`Hidden::write`] wrote for values of `dtype` and `shape`; everything is checked.
    pub fn read(r: &mut ByteReader, dtype: DType, shape: &[usize]) -> Result<Hidden> {
        let n_axes = r.count()?;
        if n_axes == 0 {
            return Ok(Hidden { axes: 0..0, programs: read_form(r, dtype, 1)? });
        }
        let start = r.count()?;
        let axes = start..start.saturating_add(n_axes);
        let Some(extents) = shape.get(axes.clone()) else {
            return Err(Error::corrupt(format!(
                "expected lattices along some of {} axes, found {axes:?}; the file is damaged",
                shape.len()
            )));
        };
        let extent = extents.iter().fold(1usize, |product, &extent| product.saturating_mul(extent));
        if extent > MAX_LATTICES {
            return Err(Error::corrupt(format!(
                "expected at most {MAX_LATTICES} lattices along axes, found {extent}; the file is damaged"
            )));
        }
        let n_forms = r.count()?;
        let of = read_map(r, n_forms, extent)?;
        let mut programs: Vec<Program> = with_room(extent)?;
        programs.resize(extent, Program { start: Start::Whole { stride: 1, phase: 0 }, steps: Vec::new() });
        for form in 0..n_forms {
            let members = || (0..extent).filter(|&idx| of[idx] as usize == form);
            for (idx, program) in members().zip(read_form(r, dtype, members().count())?) {
                programs[idx] = program;
            }
        }
        Ok(Hidden { axes, programs })
    }
}

/// The indices of the lattices of each form, in the order of the first of each; at most 255 forms are told apart by
/// whoever finds lattices.
fn forms(programs: &[Program]) -> Vec<Vec<usize>> {
    let mut forms: Vec<Vec<usize>> = Vec::new();
    for (idx, program) in programs.iter().enumerate() {
        match forms.iter_mut().find(|members| is_same_form(&programs[members[0]], program)) {
            Some(members) => members.push(idx),
            None => forms.push(vec![idx]),
        }
    }
    forms
}

/// True if two lattices differ in nothing but constants.
pub fn is_same_form(a: &Program, b: &Program) -> bool {
    shape_of(a) == shape_of(b)
}

/// The bytes of a form, without constants.
fn shape_of(program: &Program) -> Vec<u8> {
    let mut bytes = match program.start {
        Start::Whole { .. } => vec![code::WHOLE],
        Start::Order { float: Float::F16, shift } => vec![code::ORDER_F16, shift],
        Start::Order { float: Float::F32, shift } => vec![code::ORDER_F32, shift],
        Start::Order { float: Float::F64, shift } => vec![code::ORDER_F64, shift],
        Start::Decimal { digits, .. } => vec![code::DECIMAL, digits],
    };
    for step in &program.steps {
        match *step {
            Step::Add(_) => bytes.push(code::ADD),
            Step::Mul(_) => bytes.push(code::MUL),
            Step::Div(_) => bytes.push(code::DIV),
            Step::Sqrt => bytes.push(code::SQRT),
            Step::ToF32 => bytes.push(code::TO_F32),
            Step::ToF16 => bytes.push(code::TO_F16),
            Step::Text(digits) => bytes.extend([code::TEXT, digits]),
            Step::LooseText => bytes.push(code::LOOSE_TEXT),
            Step::FixedText(places) => bytes.extend([code::FIXED_TEXT, places]),
        }
    }
    bytes.push(code::END);
    bytes
}

/// The form that each index has: nothing is stored where there is one.
fn read_map(r: &mut ByteReader, n_forms: usize, extent: usize) -> Result<Vec<u8>> {
    if !(1..=256).contains(&n_forms) {
        return Err(Error::corrupt(format!(
            "expected 1 to 256 forms of lattices, found {n_forms}; the file is damaged"
        )));
    }
    let mut of: Vec<u8> = with_room(extent)?;
    if n_forms == 1 {
        of.resize(extent, 0);
    }
    while of.len() < extent {
        let (form, n) = (r.u8()?, r.count()?);
        if form as usize >= n_forms || n == 0 || n > extent - of.len() {
            return Err(Error::corrupt(format!(
                "expected up to {} lattices of one of {n_forms} forms, found {n} of form {form}; the file is damaged",
                extent - of.len()
            )));
        }
        of.resize(of.len() + n, form);
    }
    Ok(of)
}

fn write_form(programs: &[&Program], w: &mut ByteWriter) {
    w.raw(&shape_of(programs[0]));
    let starts =
        |of: &dyn Fn(Start) -> i64| programs.iter().map(|program| of(program.start)).collect::<Vec<_>>();
    match programs[0].start {
        Start::Whole { .. } => {
            let (stride, phase): (Vec<i64>, Vec<i64>) = (programs.iter())
                .filter_map(|program| match program.start {
                    Start::Whole { stride, phase } => Some((stride, phase)),
                    _ => None,
                })
                .unzip();
            write_integers(&stride, w);
            write_integers(&phase, w);
        }
        Start::Decimal { .. } => write_integers(
            &starts(&|start| if let Start::Decimal { low, .. } = start { i64::from(low) } else { 0 }),
            w,
        ),
        Start::Order { .. } => {}
    }
    for (place, step) in programs[0].steps.iter().enumerate() {
        if step.constant().is_some() {
            let constants: Vec<f64> =
                programs.iter().filter_map(|program| program.steps[place].constant()).collect();
            write_constants(&constants, w);
        }
    }
}

/// `n` lattices of one form.
fn read_form(r: &mut ByteReader, dtype: DType, n: usize) -> Result<Vec<Program>> {
    let first = read_shape(r)?;
    let is_whole = matches!(first.start, Start::Whole { .. }) && first.steps.is_empty();
    if !dtype.is_float() && !is_whole {
        return Err(Error::corrupt("expected integers of a stride and a phase, found a lattice of floats"));
    }
    let mut programs: Vec<Program> = with_room(n)?;
    programs.resize(n, first.clone());
    match first.start {
        Start::Whole { .. } => {
            let (strides, phases) = (read_integers(r, n)?, read_integers(r, n)?);
            for ((program, stride), phase) in programs.iter_mut().zip(strides).zip(phases) {
                if stride == 0 {
                    return Err(Error::corrupt(
                        "expected a stride that is not 0, found 0; the file is damaged",
                    ));
                }
                program.start = Start::Whole { stride, phase };
            }
        }
        Start::Decimal { digits, .. } => {
            for (program, low) in programs.iter_mut().zip(read_integers(r, n)?) {
                let low = i16::try_from(low).map_err(|_| {
                    Error::corrupt(format!("expected a decade of 16 bits, found {low}; the file is damaged"))
                })?;
                program.start = Start::Decimal { digits, low };
            }
        }
        Start::Order { .. } => {}
    }
    for (place, step) in first.steps.iter().enumerate() {
        if step.constant().is_some() {
            for (program, c) in programs.iter_mut().zip(read_constants(r, n)?) {
                let divides = !matches!(step, Step::Add(_));
                if !c.is_finite() || divides && c == 0.0 {
                    return Err(Error::corrupt(format!(
                        "expected finite constants, and none that is 0 to multiply or divide by, found {c}"
                    )));
                }
                program.steps[place] = step.with_constant(c);
            }
        }
    }
    Ok(programs)
}

/// A form with constants that mean nothing.
fn read_shape(r: &mut ByteReader) -> Result<Program> {
    let unknown = |what: &str, found: u8| {
        Error::corrupt(format!("expected {what} of a lattice, found {found}; the file is damaged or newer"))
    };
    let order = |r: &mut ByteReader, float| match r.u8()? {
        shift @ 0..=MAX_SHIFT => Ok(Start::Order { float, shift }),
        shift => Err(unknown("a shift of at most 62 bits", shift)),
    };
    let start = match r.u8()? {
        code::WHOLE => Start::Whole { stride: 1, phase: 0 },
        code::ORDER_F16 => order(r, Float::F16)?,
        code::ORDER_F32 => order(r, Float::F32)?,
        code::ORDER_F64 => order(r, Float::F64)?,
        code::DECIMAL => match r.u8()? {
            digits @ 1..=digits::MAX_DIGITS => Start::Decimal { digits, low: 0 },
            digits => return Err(unknown("1 to 15 digits", digits)),
        },
        start => return Err(unknown("a start", start)),
    };
    let mut steps = Vec::new();
    loop {
        steps.push(match r.u8()? {
            code::END => break,
            code::ADD => Step::Add(0.0),
            code::MUL => Step::Mul(1.0),
            code::DIV => Step::Div(1.0),
            code::SQRT => Step::Sqrt,
            code::TO_F32 => Step::ToF32,
            code::TO_F16 => Step::ToF16,
            code::TEXT => match r.u8()? {
                digits @ 1..=digits::MAX_TEXT_DIGITS => Step::Text(digits),
                digits => return Err(unknown("text of 1 to 17 digits", digits)),
            },
            code::LOOSE_TEXT => Step::LooseText,
            code::FIXED_TEXT => match r.u8()? {
                places @ 0..=digits::MAX_PLACES => Step::FixedText(places),
                places => return Err(unknown("text of 0 to 22 decimals", places)),
            },
            step => return Err(unknown("a step", step)),
        });
        if steps.len() > MAX_STEPS {
            return Err(Error::corrupt(format!(
                "expected at most {MAX_STEPS} steps of a lattice, found more; the file is damaged"
            )));
        }
    }
    Ok(Program { start, steps })
}

fn write_integers(items: &[i64], w: &mut ByteWriter) {
    if items.iter().all(|item| *item == items[0]) {
        w.u8(ONE_FOR_ALL);
        w.signed(items[0]);
        return;
    }
    w.u8(0);
    let mut before = 0i64;
    for &item in items {
        w.signed(item.wrapping_sub(before));
        before = item;
    }
}

fn read_integers(r: &mut ByteReader, n: usize) -> Result<Vec<i64>> {
    match r.u8()? {
        ONE_FOR_ALL => {
            let item = r.signed()?;
            let mut items = with_room(n)?;
            items.resize(n, item);
            Ok(items)
        }
        0 => read_differences(r, n),
        found => {
            Err(Error::corrupt(format!("expected a list of kind 0 or 8, found {found}; the file is damaged")))
        }
    }
}

/// Each is the one before and a difference.
fn read_differences(r: &mut ByteReader, n: usize) -> Result<Vec<i64>> {
    let mut items = with_room(n)?;
    let mut item = 0i64;
    for _ in 0..n {
        item = item.wrapping_add(r.signed()?);
        items.push(item);
    }
    Ok(items)
}

/// The numerator over 10^places that is exactly `c`, if one is.
fn numerator(c: f64, places: u8) -> Option<i64> {
    let divisor = digits::POWERS[places as usize];
    let m = libm::rint(c * divisor);
    let serves = m.abs() <= MAX_NUMERATOR && (m / divisor).to_bits() == c.to_bits();
    serves.then_some(m as i64)
}

fn write_constants(constants: &[f64], w: &mut ByteWriter) {
    let shared = constants.iter().all(|c| c.to_bits() == constants[0].to_bits());
    let (flag, constants) = if shared { (ONE_FOR_ALL, &constants[..1]) } else { (0, constants) };
    let mut shortest: Option<Vec<u8>> = None;
    let mut see = |bytes: Vec<u8>| {
        if shortest.as_ref().is_none_or(|best| bytes.len() < best.len()) {
            shortest = Some(bytes);
        }
    };
    let decimals = (0..digits::POWERS.len() as u8).find_map(|places| {
        let numerators = constants.iter().map(|&c| numerator(c, places)).collect::<Option<Vec<i64>>>()?;
        let mut w = ByteWriter { bytes: vec![flag | kind::DECIMAL, places] };
        let mut before = 0i64;
        for m in numerators {
            w.signed(m.wrapping_sub(before));
            before = m;
        }
        Some(w.bytes)
    });
    decimals.into_iter().for_each(&mut see);
    if constants.iter().all(|&c| f64::from(c as f32).to_bits() == c.to_bits()) {
        let bytes = constants.iter().flat_map(|&c| (c as f32).to_le_bytes());
        see([flag | kind::F32].into_iter().chain(bytes).collect());
    }
    let bytes = constants.iter().flat_map(|c| c.to_le_bytes());
    see([flag | kind::F64].into_iter().chain(bytes).collect());
    w.raw(&shortest.expect("a list of raw constants at least"));
}

fn read_constants(r: &mut ByteReader, n: usize) -> Result<Vec<f64>> {
    let found = r.u8()?;
    let (is_shared, n_stored) = if found & ONE_FOR_ALL != 0 { (true, 1) } else { (false, n) };
    let mut constants: Vec<f64> = with_room(n)?;
    match found & !ONE_FOR_ALL {
        kind::F64 => {
            for _ in 0..n_stored {
                constants.push(r.f64()?);
            }
        }
        kind::F32 => {
            for _ in 0..n_stored {
                constants.push(f64::from(f32::from_le_bytes(r.raw(4)?.try_into().expect("four bytes"))));
            }
        }
        kind::DECIMAL => {
            let places = r.u8()?;
            let Some(divisor) = digits::POWERS.get(places as usize) else {
                return Err(Error::corrupt(format!("expected at most 22 decimals, found {places}")));
            };
            constants.extend(read_differences(r, n_stored)?.into_iter().map(|m| m as f64 / divisor));
        }
        _ => {
            return Err(Error::corrupt(format!(
                "expected constants of kind 0, 1 or 2, found {found}; the file is damaged"
            )));
        }
    }
    if is_shared {
        let c = constants[0];
        constants.resize(n, c);
    }
    Ok(constants)
}
