//! Small pieces of Verilog: constants, counters, choices.

use std::fmt::Write;

/// A signed value that is another slice in each beat.
pub(crate) fn chosen(
    name: &str,
    bits: u32,
    beat: &str,
    beats: usize,
    slice: impl Fn(usize) -> String,
) -> String {
    if beats == 1 {
        return format!("    wire signed [{}:0] {name} = {};\n", bits - 1, slice(0));
    }
    let mut text = format!("    reg signed [{}:0] {name};\n    always @* case ({beat})\n", bits - 1);
    for at in 1..beats {
        let _ = writeln!(text, "        {at}: {name} = {};", slice(at));
    }
    text + &format!("        default: {name} = {};\n    endcase\n", slice(0))
}

/// Highest bit of a counter of so many beats.
pub(crate) fn top_bit(beats: usize) -> u32 {
    (beats.max(2) - 1).ilog2()
}

/// A signed constant.
pub(crate) fn literal(value: i64, bits: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{bits}'sd{}", value.unsigned_abs())
}

/// Binary digits as hexadecimal ones.
pub(crate) fn hex(binary: &str) -> String {
    let fill = (4 - binary.len() % 4) % 4;
    let digits = "0".repeat(fill) + binary;
    digits
        .as_bytes()
        .chunks(4)
        .map(|four| {
            let value = four.iter().fold(0u32, |value, &digit| value * 2 + u32::from(digit - b'0'));
            char::from_digit(value, 16).expect("four bits")
        })
        .collect()
}
