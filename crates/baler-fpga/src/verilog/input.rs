//! The sample of a folded network: held while its values leave in beats, raw ones through their stage.

use super::expressions::{chosen, literal, top_bit};
use super::finish;
use super::lanes::{Folded, Plan};
use crate::interval::Interval;
use crate::spec::Spec;
use baler_codec::network::architecture::Activation;
use std::fmt::Write;

/// The sample is held while its beats are read. Raw values go through their stage.
pub(crate) fn source(text: &mut String, spec: &Spec, plan: &Plan) {
    let layer = &plan.layers[0];
    let staged = spec.inputs.iter().any(|input| input.stage.is_some());
    let wire = spec.inputs.iter().map(|input| input.bits).max().unwrap_or(1);
    let width = layer.lanes * layer.beats * wire as usize;
    let mut start = 0;
    let mut values = Vec::new();
    for input in &spec.inputs {
        let top = start + input.bits as usize - 1;
        let sign = (wire - input.bits) as usize;
        let extended = format!("{{{{{sign}{{s_axis_tdata[{top}]}}}}, s_axis_tdata[{top}:{start}]}}");
        values.push(if sign == 0 { format!("s_axis_tdata[{top}:{start}]") } else { extended });
        start = top + 1;
    }
    let fill = width - values.len() * wire as usize;
    if fill > 0 {
        values.push(format!("{fill}'b0"));
    }
    values.reverse();
    let to = if staged { "raw" } else { "a0" };
    let step = layer.lanes * wire as usize;
    let _ = write!(
        text,
        "    reg [{}:0] sample;\n    reg {to}_valid, {to}_last;\n    reg [{3}:0] {to}_beat;\n    \
         wire {to}_first = ({to}_beat == 0);\n    wire {to}_end = ({to}_beat == {1});\n    \
         always @(posedge aclk) begin\n        if (!aresetn) begin {to}_valid <= 0; {to}_beat <= 0; end\n        \
         else if (ce) begin\n            if (take) begin {to}_valid <= 1; {to}_beat <= 0; {to}_last <= ends; end\n            \
         else if ({to}_end) begin {to}_valid <= 0; {to}_beat <= 0; end\n            \
         else if ({to}_valid) {to}_beat <= {to}_beat + 1;\n        end\n        \
         if (ce & take) sample <= {{{2}}};\n    end\n",
        width - 1,
        layer.beats - 1,
        values.join(", "),
        top_bit(layer.beats),
    );
    for lane in 0..layer.lanes {
        let slice = |beat: usize| format!("sample[{} +: {wire}]", beat * step + lane * wire as usize);
        *text += &chosen(&format!("{to}_x{lane}"), wire, &format!("{to}_beat"), layer.beats, slice);
    }
    if staged {
        stages(text, spec, layer, wire);
    }
}

/// Multiply, add, shift and limit: the inputs' stages, brought to one shift.
fn stages(text: &mut String, spec: &Spec, layer: &Folded, wire: u32) {
    let _ = write!(
        text,
        "    reg p_valid, p_last, a0_valid, a0_last;\n    reg [{1}:0] p_beat, a0_beat;\n    \
         wire a0_first = (a0_beat == 0);\n    wire a0_end = (a0_beat == {0});\n    \
         always @(posedge aclk) begin\n        \
         if (!aresetn) begin p_valid <= 0; a0_valid <= 0; end\n        else if (ce) begin p_valid <= raw_valid; a0_valid <= p_valid; end\n        \
         if (ce) begin p_last <= raw_last; p_beat <= raw_beat; a0_last <= p_last; a0_beat <= p_beat; end\n    end\n",
        layer.beats - 1,
        top_bit(layer.beats),
    );
    let of = |column: usize| spec.inputs.get(column).and_then(|input| input.stage);
    let most = (0..spec.n_in()).filter_map(of).map(|stage| stage.shift).max().unwrap_or(0);
    let scaled = |column: usize| match of(column) {
        Some(stage) => (stage.multiplier << (most - stage.shift), stage.offset << (most - stage.shift)),
        // An input without a stage is the network's already; behind the last one nothing is read.
        None => (i64::from(column < spec.n_in()) << most, 0),
    };
    let constants: Vec<(i64, i64)> = (0..layer.lanes * layer.beats).map(scaled).collect();
    for lane in 0..layer.lanes {
        let of_lane: Vec<(i64, i64)> = constants.iter().skip(lane).step_by(layer.lanes).copied().collect();
        raw_lane(text, lane, &of_lane, most, [wire, layer.bits_in]);
    }
}

/// The stage of one lane, whose (multiplier, offset) of each beat are given; `bits` of the raw and the network's input.
fn raw_lane(text: &mut String, lane: usize, constants: &[(i64, i64)], shift: u32, bits: [u32; 2]) {
    let name = format!("p{lane}");
    let most =
        |values: &mut dyn Iterator<Item = i64>| values.map(|x| Interval::of(x).bits()).max().unwrap_or(1);
    let bits_m = most(&mut constants.iter().map(|c| c.0));
    let bits_o = most(&mut constants.iter().map(|c| c.1));
    let wide = (bits_m + bits[0]).max(bits_o) + 1;
    let table = |target: &str, width: u32, by: &str, value: &dyn Fn(usize) -> i64| {
        let lines = (0..constants.len())
            .map(|beat| format!("        {beat}: {target} = {};\n", literal(value(beat), width)));
        format!(
            "    reg signed [{}:0] {target};\n    always @* case ({by})\n{}        default: {target} = 0;\n    endcase\n",
            width - 1,
            lines.collect::<String>()
        )
    };
    *text += &table(&format!("{name}_m"), bits_m, "raw_beat", &|beat| constants[beat].0);
    *text += &table(&format!("{name}_o"), bits_o, "p_beat", &|beat| constants[beat].1);
    let _ = write!(
        text,
        "    reg signed [{0}:0] {name};\n    always @(posedge aclk) if (ce) {name} <= raw_x{lane} * {name}_m;\n",
        wide - 1
    );
    let range = Interval { low: -(1i64 << (wide - 1)), high: (1i64 << (wide - 1)) - 1 };
    let (y, sum) = (format!("{name}_y"), format!("{name} + {name}_o"));
    *text += &finish::lines(&y, 16, &sum, range, shift, Activation::Linear);
    let _ = write!(
        text,
        "    reg signed [{0}:0] a0_x{lane};\n    always @(posedge aclk) if (ce) a0_x{lane} <= {y};\n",
        bits[1] - 1
    );
}
