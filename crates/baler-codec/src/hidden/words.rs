//! What was found, in words for people.

use super::Hidden;
use super::program::{Float, Program, Start, Step};
use super::stored::is_same_form;

impl Hidden {
    /// In plain words, for example `integers, scale 0.00152, offset 273.15`.
    pub fn words(&self) -> String {
        if self.axes.is_empty() {
            return program_words(&self.programs[0]);
        }
        let first = &self.programs[0];
        let is_plain = |program: &Program| {
            matches!(program.start, Start::Order { shift: 0, .. }) && program.steps.is_empty()
        };
        let n_plain = self.programs.iter().filter(|program| is_plain(program)).count();
        let shown = self.programs.iter().find(|program| !is_plain(program)).unwrap_or(first);
        let n_alike = self.programs.iter().filter(|program| is_same_form(program, shown)).count();
        let n = self.programs.len();
        let others = match n - n_alike - n_plain {
            0 => String::new(),
            n_others => format!(", {n_others} of other kinds"),
        };
        let plain = if n_plain > 0 { format!(", {n_plain} as they are") } else { String::new() };
        let axes = match self.axes.len() {
            1 => format!("axis {}", self.axes.start),
            _ => format!("axes {} to {}", self.axes.start, self.axes.end - 1),
        };
        format!("{}, one lattice for each of {n} indices of {axes}{others}{plain}", program_words(shown))
    }
}

fn program_words(program: &Program) -> String {
    let mut words = vec![start_words(program)];
    let mut float = 64;
    for (place, step) in program.steps.iter().enumerate() {
        let by_ten = |c: f64| super::digits::POWERS[1..].contains(&c);
        match *step {
            Step::Div(c) if place == 0 && by_ten(c) => {}
            Step::Mul(c) => words.push(format!("scale {c}")),
            Step::Div(c) => words.push(format!("divided by {c}")),
            Step::Add(c) => words.push(format!("offset {c}")),
            Step::Sqrt => words.push("square root".into()),
            Step::ToF32 => float = 32,
            Step::ToF16 => float = 16,
            Step::Text(digits) => words.push(format!("through {digits}-digit text")),
            Step::FixedText(places) => words.push(format!("through {places}-decimal text")),
            Step::LooseText => words.push("through text that was read loosely".into()),
        }
    }
    if float < 64 && !matches!(program.start, Start::Order { .. }) {
        words.push(format!("in float{float}"));
    }
    words.join(", ")
}

fn start_words(program: &Program) -> String {
    match program.start {
        Start::Whole { stride, .. } => match program.steps.first() {
            Some(&Step::Div(c)) if super::digits::POWERS[1..].contains(&c) => {
                let n_decimals = super::digits::POWERS.iter().position(|power| *power == c).unwrap_or(0);
                format!("{n_decimals}-decimal numbers")
            }
            _ if stride == 1 => "integers".into(),
            _ => format!("integers, multiples of {stride}"),
        },
        Start::Order { float: Float::F16, .. } => "half precision".into(),
        Start::Order { float, shift } if shift > 0 => {
            format!("values cut to {} mantissa bits", float.mantissa_bits().saturating_sub(u32::from(shift)))
        }
        Start::Order { float: Float::F32, .. } => "float32".into(),
        Start::Order { float: Float::F64, .. } => "float64".into(),
        Start::Decimal { digits, .. } => format!("{digits} significant digits"),
    }
}
