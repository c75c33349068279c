//! A sum's shift, activation and limit as Verilog.

use crate::interval::{Interval, LIMIT, finish};
use baler_codec::network::architecture::Activation;

/// Lines that give `name` (of `bits` bits) the finished value of `sum`, an expression whose values lie in `range`, shifted by
/// the constant `shift`.
pub(crate) fn lines(
    name: &str,
    bits: u32,
    sum: &str,
    range: Interval,
    shift: u32,
    activation: Activation,
) -> String {
    let shifted = range.map(|acc| acc >> shift);
    let wide = range.bits();
    let mut text = format!(
        "    wire signed [{}:0] {name}_a = {sum};\n    wire signed [{}:0] {name}_s = {name}_a >>> {shift};\n",
        wide - 1,
        shifted.bits() - 1,
    );
    text += &limited(name, bits, &format!("{name}_s"), shifted, activation);
    text
}

/// Lines that give `name` the activation and limit of `source`, a signed wire whose values lie in `range`.
pub(crate) fn limited(
    name: &str,
    bits: u32,
    source: &str,
    range: Interval,
    activation: Activation,
) -> String {
    let wide = range.bits();
    let after = range.map(|y| finish(y, 0, activation, i64::MAX >> 1));
    let mut text = String::new();
    let sign = format!("{source}[{}]", wide - 1);
    let plain = format!("    wire signed [{}:0] {name} = ", bits - 1);
    let low = match activation {
        Activation::Linear => source.to_string(),
        Activation::Relu if range.low < 0 => format!("{bits}'sd0"),
        Activation::Relu => source.to_string(),
        Activation::LeakyRelu { shift } if range.low < 0 => {
            text += &format!("    wire signed [{}:0] {name}_n = {source} >>> {shift};\n", wide - 1);
            format!("{name}_n")
        }
        Activation::LeakyRelu { .. } => source.to_string(),
    };
    // Limits are told from the bits above the value: no comparison is wide.
    let above = after.high > LIMIT;
    let below = after.low < -LIMIT;
    if below {
        let at = if low.ends_with("_n") { format!("{name}_n") } else { source.to_string() };
        text += &format!(
            "    wire {name}_u = {at}[{}] & (~(&{at}[{}:15]) | ~(|{at}[14:0]));\n",
            wide - 1,
            (wide - 2).max(15)
        );
    }
    if above {
        text += &format!("    wire {name}_o = ~{sign} & (|{source}[{}:15]);\n", wide - 2);
    }
    text += &plain;
    if above {
        text += &format!("{name}_o ? {bits}'sd{LIMIT} : ");
    }
    if below {
        text += &format!("{name}_u ? -{bits}'sd{LIMIT} : ");
    }
    if low == source {
        text += source
    } else {
        text += &format!("{sign} ? {low} : {source}")
    }
    text + ";\n"
}
