//! The specification in other languages than Verilog.

pub mod c;
pub mod hls;
pub mod qonnx;

use crate::spec::Spec;

/// The layers' integers as C arrays: `weights_l[n_out][n_in]`, `bias_l`, `shift_l`.
fn arrays(spec: &Spec, weight: &str, bias: &str) -> String {
    let list = |values: Vec<String>| values.join(", ");
    let mut text = String::new();
    for (idx, layer) in spec.layers.iter().enumerate() {
        let rows: Vec<String> = (0..layer.n_out())
            .map(|row| format!("    {{{}}}", list(layer.row(row).iter().map(i16::to_string).collect())))
            .collect();
        let (n_in, n_out) = (layer.n_in, layer.n_out());
        text += &format!(
            "static const {weight} weights_{idx}[{n_out}][{n_in}] = {{\n{}\n}};\n\
             static const {bias} bias_{idx}[{n_out}] = {{{}}};\nstatic const unsigned char shift_{idx}[{n_out}] = {{{}}};\n",
            rows.join(",\n"),
            list(layer.bias.iter().map(i64::to_string).collect()),
            list(layer.shift.iter().map(u8::to_string).collect()),
        );
    }
    let staged: Vec<_> = spec.inputs.iter().map(|input| input.stage).collect();
    if staged.iter().any(Option::is_some) {
        let of = |f: &dyn Fn(crate::Stage) -> i64, none: i64| {
            list(staged.iter().map(|stage| stage.map_or(none, f).to_string()).collect())
        };
        let n_in = spec.n_in();
        text += &format!(
            "static const long long stage_multiplier[{n_in}] = {{{}}};\nstatic const long long stage_offset[{n_in}] = {{{}}};\n\
             static const unsigned char stage_shift[{n_in}] = {{{}}};\n",
            of(&|stage| stage.multiplier, 1),
            of(&|stage| stage.offset, 0),
            of(&|stage| i64::from(stage.shift), 0),
        );
    }
    text
}
