//! The network folded in time: each layer reads a few values a cycle and multiplies them with the weights of all its outputs.
//!
//! A layer's values come in beats, a few lanes a cycle. A product a lane and output is added to the output's sum; when the
//! last beat is in, the sums move to holding registers and leave them in beats through one requantizer a lane, as the next
//! layer's values. Samples start a fixed number of cycles apart, so nothing waits inside; where the output has to wait,
//! everything stands still.

use super::expressions::{chosen, hex, literal, top_bit};
use super::input::source;
use super::lanes::Folded;
pub use super::lanes::{Fold, Plan};
use super::{finish, head, padded};
use crate::interval::Interval;
use crate::spec::{DenseLayer, Spec};
use std::fmt::Write;

/// The module.
///
/// # Errors
/// As [`Plan::new`].
pub fn folded(spec: &Spec, fold: Fold) -> baler_data::error::Result<(String, Plan)> {
    let plan = Plan::new(spec, fold)?;
    let what = format!(
        "Folded encoder: a sample every {} cycles, {} cycles of latency, {} multipliers, weights in {}.",
        plan.interval,
        plan.latency,
        plan.n_multipliers,
        if fold.ram { "memory" } else { "tables" },
    );
    let mut text = head(spec, &what, &plan.latent_bits, fold.ram);
    control(&mut text, fold, &plan);
    source(&mut text, spec, &plan);
    for (idx, layer) in spec.layers.iter().enumerate() {
        let writer = Writer { fold, idx, layer, folded: &plan.layers[idx] };
        let next = plan.layers.get(idx + 1).map_or(plan.output, |next| (next.lanes, next.beats));
        writer.weights(&mut text);
        writer.sums(&mut text);
        writer.drain(&mut text, next);
    }
    sink(&mut text, spec, &plan);
    text += "endmodule\n`default_nettype wire\n";
    Ok((text, plan))
}

/// Handshakes, the pace of samples, the load port.
fn control(text: &mut String, fold: Fold, plan: &Plan) {
    let load = if fold.ram { " & ~wload_tvalid" } else { "" };
    let _ = write!(
        text,
        "    reg out_valid, out_last;\n    \
         wire ce = (FREE_RUNNING != 0) | ~out_valid | m_axis_tready;\n    \
         reg [15:0] pace;\n    reg [15:0] row;\n    \
         wire ends = s_axis_tlast | (row == BATCH - 1);\n    \
         assign s_axis_tready = aresetn & ce & (pace == 0){load};\n    \
         wire take = s_axis_tvalid & s_axis_tready;\n    \
         always @(posedge aclk) begin\n        if (!aresetn) begin pace <= 0; row <= 0; end\n        \
         else if (ce) begin\n            if (take) begin pace <= {}; row <= ends ? 0 : row + 1; end\n            \
         else if (pace != 0) pace <= pace - 1;\n        end\n    end\n",
        plan.interval - 1
    );
    if fold.ram {
        *text += "    reg [15:0] in_flight;\n    \
            wire gives = m_axis_tvalid & (m_axis_tready | (FREE_RUNNING != 0));\n    \
            always @(posedge aclk) in_flight <= !aresetn ? 0 : in_flight + take - gives;\n    \
            assign wload_tready = aresetn & (in_flight == 0);\n    \
            wire load = wload_tvalid & wload_tready;\n    \
            wire [3:0] load_layer = wload_tdata[63:60];\n    wire [7:0] load_row = wload_tdata[59:52];\n    \
            wire [7:0] load_lane = wload_tdata[51:44];\n    wire [11:0] load_beat = wload_tdata[43:32];\n";
    }
}

/// The latents collected and offered.
fn sink(text: &mut String, spec: &Spec, plan: &Plan) {
    let end = spec.layers.len();
    let (lanes, beats) = plan.output;
    let n_out = spec.n_out();
    let mut slices = Vec::new();
    for (latent, bits) in plan.latent_bits.iter().enumerate() {
        let (beat, lane) = (latent / lanes, latent % lanes);
        if beat + 1 == beats {
            slices.push(format!("a{end}_x{lane}[{}:0]", bits - 1));
        } else {
            let _ = write!(
                text,
                "    reg [{}:0] z{latent};\n    \
                 always @(posedge aclk) if (ce & a{end}_valid & (a{end}_beat == {beat})) z{latent} <= a{end}_x{lane}[{0}:0];\n",
                bits - 1
            );
            slices.push(format!("z{latent}"));
        }
    }
    debug_assert_eq!(slices.len(), n_out);
    let total: usize = plan.latent_bits.iter().sum::<u32>() as usize;
    let wide = padded(total);
    if wide > total {
        slices.push(format!("{}'b0", wide - total));
    }
    slices.reverse();
    let _ = write!(
        text,
        "    reg [{}:0] packed_latents;\n    assign m_axis_tdata = packed_latents;\n    \
         assign m_axis_tvalid = out_valid;\n    assign m_axis_tlast = out_last;\n    \
         wire done = a{end}_valid & a{end}_end;\n    \
         always @(posedge aclk) begin\n        if (!aresetn) out_valid <= 0;\n        else if (ce) out_valid <= done;\n        \
         if (ce & done) begin packed_latents <= {{{}}}; out_last <= a{end}_last; end\n    end\n",
        wide - 1,
        slices.join(", "),
    );
}

/// Writes one layer.
struct Writer<'a> {
    fold: Fold,
    idx: usize,
    layer: &'a DenseLayer,
    folded: &'a Folded,
}

impl Writer<'_> {
    /// The weights of all outputs for the beat at hand, a cycle later, with the values that they are multiplied with.
    fn weights(&self, text: &mut String) {
        let (l, f, n_out) = (self.idx, self.folded, self.layer.n_out());
        let _ = write!(
            text,
            "    // Layer {l}: {} values in {} beats of {}, {n_out} outputs.\n    \
             reg w{l}_valid, w{l}_first, w{l}_end, w{l}_last;\n    \
             always @(posedge aclk) begin\n        if (!aresetn) w{l}_valid <= 0;\n        else if (ce) w{l}_valid <= a{l}_valid;\n        \
             if (ce) begin w{l}_first <= a{l}_first; w{l}_end <= a{l}_end; w{l}_last <= a{l}_last; end\n    end\n",
            f.n_in, f.beats, f.lanes
        );
        for lane in 0..f.lanes {
            let _ = write!(
                text,
                "    reg signed [{0}:0] w{l}_x{lane};\n    always @(posedge aclk) if (ce) w{l}_x{lane} <= a{l}_x{lane};\n",
                f.bits_in - 1
            );
        }
        if self.fold.ram { self.memories(text) } else { self.table(text) }
    }

    fn weight(&self, row: usize, lane: usize, beat: usize) -> i64 {
        self.layer.row(row).get(beat * self.folded.lanes + lane).copied().unwrap_or(0).into()
    }

    /// A memory a row and lane, which holds the exported weights until others are loaded.
    fn memories(&self, text: &mut String) {
        let (l, f) = (self.idx, self.folded);
        for (row, lane) in (0..self.layer.n_out()).flat_map(|row| (0..f.lanes).map(move |lane| (row, lane))) {
            let name = format!("m{l}_{row}_{lane}");
            let words = (0..f.beats)
                .map(|beat| format!(" {name}[{beat}] = {};", literal(self.weight(row, lane, beat), 16)));
            let _ = write!(
                text,
                "    reg signed [15:0] {name} [0:{}];\n    reg signed [15:0] w{l}_{row}_{lane};\n    initial begin{} end\n    \
                 always @(posedge aclk) begin\n        \
                 if (load & (load_layer == {l}) & (load_row == {row}) & (load_lane == {lane})) {name}[load_beat] <= wload_tdata[15:0];\n        \
                 if (ce) w{l}_{row}_{lane} <= {name}[a{l}_beat];\n    end\n",
                f.beats - 1,
                words.collect::<String>(),
            );
        }
    }

    /// One wide word a beat: the weights of all rows and lanes.
    fn table(&self, text: &mut String) {
        let (l, f, n_out) = (self.idx, self.folded, self.layer.n_out());
        let bits = f.bits_weight as usize;
        let width = n_out * f.lanes * bits;
        let _ = writeln!(
            text,
            "    reg [{}:0] w{l};\n    always @(posedge aclk) if (ce) case (a{l}_beat)",
            width - 1
        );
        for beat in 0..f.beats {
            let mut word = String::new();
            for row in (0..n_out).rev() {
                for lane in (0..f.lanes).rev() {
                    let value = self.weight(row, lane, beat) & ((1 << bits) - 1);
                    let _ = write!(word, "{value:0bits$b}");
                }
            }
            let _ = writeln!(text, "        {beat}: w{l} <= {width}'h{};", hex(&word));
        }
        let _ = writeln!(text, "        default: w{l} <= 0;\n    endcase");
        for (row, lane) in (0..n_out).flat_map(|row| (0..f.lanes).map(move |lane| (row, lane))) {
            let start = (row * f.lanes + lane) * bits;
            let _ = writeln!(
                text,
                "    wire signed [{}:0] w{l}_{row}_{lane} = w{l}[{start} +: {bits}];",
                bits - 1
            );
        }
    }

    /// Products, then sums; the sums go to the drain a cycle after the last product was added.
    fn sums(&self, text: &mut String) {
        let (l, f, n_out) = (self.idx, self.folded, self.layer.n_out());
        let bits = f.bits_sum;
        let _ = write!(
            text,
            "    reg p{l}_valid, p{l}_first, p{l}_end, p{l}_last, s{l}_end, s{l}_last;\n    \
             always @(posedge aclk) begin\n        \
             if (!aresetn) begin p{l}_valid <= 0; s{l}_end <= 0; end\n        \
             else if (ce) begin p{l}_valid <= w{l}_valid; s{l}_end <= p{l}_valid & p{l}_end; end\n        \
             if (ce) begin p{l}_first <= w{l}_first; p{l}_end <= w{l}_end; p{l}_last <= w{l}_last; s{l}_last <= p{l}_last; end\n    end\n"
        );
        for row in 0..n_out {
            let products: Vec<String> =
                (0..f.lanes).map(|lane| format!("w{l}_x{lane} * w{l}_{row}_{lane}")).collect();
            let _ = write!(
                text,
                "    reg signed [{0}:0] p{l}_{row};\n    reg signed [{0}:0] s{l}_{row};\n    \
                 always @(posedge aclk) if (ce) begin\n        p{l}_{row} <= {1};\n        \
                 if (p{l}_valid) s{l}_{row} <= (p{l}_first ? {2}'sd0 : s{l}_{row}) + p{l}_{row};\n    end\n",
                bits - 1,
                products.join(" + "),
                bits,
            );
        }
    }

    /// The holding registers, and a requantizer a lane: bias, then shift, activation and limit.
    fn drain(&self, text: &mut String, (lanes, beats): (usize, usize)) {
        let (l, f, n_out) = (self.idx, self.folded, self.layer.n_out());
        let (bits, next) = (f.bits_sum as usize, l + 1);
        let width = lanes * beats * bits;
        let mut sums: Vec<String> = (0..n_out).map(|row| format!("s{l}_{row}")).collect();
        let fill = width - n_out * bits;
        if fill > 0 {
            sums.push(format!("{fill}'b0"));
        }
        sums.reverse();
        let _ = write!(
            text,
            "    reg [{0}:0] d{l};\n    reg d{l}_valid, d{l}_last, b{l}_valid, b{l}_last, a{next}_valid, a{next}_last;\n    \
             reg [{3}:0] d{l}_beat, b{l}_beat, a{next}_beat;\n    \
             wire a{next}_first = (a{next}_beat == 0);\n    wire a{next}_end = (a{next}_beat == {1});\n    \
             always @(posedge aclk) begin\n        \
             if (!aresetn) begin d{l}_valid <= 0; b{l}_valid <= 0; a{next}_valid <= 0; d{l}_beat <= 0; end\n        \
             else if (ce) begin\n            b{l}_valid <= d{l}_valid; a{next}_valid <= b{l}_valid;\n            \
             if (s{l}_end) begin d{l}_valid <= 1; d{l}_beat <= 0; end\n            \
             else if (d{l}_beat == {1}) begin d{l}_valid <= 0; d{l}_beat <= 0; end\n            \
             else if (d{l}_valid) d{l}_beat <= d{l}_beat + 1;\n        end\n        \
             if (ce) begin\n            if (s{l}_end) begin d{l} <= {{{2}}}; d{l}_last <= s{l}_last; end\n            \
             b{l}_last <= d{l}_last; b{l}_beat <= d{l}_beat; a{next}_last <= b{l}_last; a{next}_beat <= b{l}_beat;\n        end\n    end\n",
            width - 1,
            beats - 1,
            sums.join(", "),
            top_bit(beats),
        );
        for lane in 0..lanes {
            self.requantizer(text, lane, lanes, beats);
        }
    }

    fn requantizer(&self, text: &mut String, lane: usize, lanes: usize, beats: usize) {
        let (l, f) = (self.idx, self.folded);
        let rows: Vec<usize> =
            (0..beats).map(|beat| beat * lanes + lane).filter(|&r| r < self.layer.n_out()).collect();
        let whole = rows
            .iter()
            .map(|&row| f.sums[row])
            .fold(Interval::of(0), |a, b| Interval { low: a.low.min(b.low), high: a.high.max(b.high) });
        let (name, wide) = (format!("b{l}_{lane}"), whole.bits().max(f.bits_sum));
        let bias_bits = if self.fold.ram {
            32
        } else {
            rows.iter().map(|&r| Interval::of(self.layer.bias[r]).bits()).max().unwrap_or(1)
        };
        let list = |value: &dyn Fn(usize) -> String, target: &str, by: &str| {
            let mut table = format!("    always @* case ({by})\n");
            for (beat, &row) in rows.iter().enumerate() {
                let _ = writeln!(table, "        {beat}: {target} = {};", value(row));
            }
            table + &format!("        default: {target} = 0;\n    endcase\n")
        };
        let kind = if self.fold.ram { "wire" } else { "reg" };
        let _ = write!(
            text,
            "    {kind} signed [{}:0] {name}_bias;\n    {kind} [4:0] {name}_shift;\n    reg signed [{}:0] {name};\n",
            bias_bits - 1,
            wide - 1,
        );
        if self.fold.ram {
            self.loaded(text, &name, lane, (lanes, beats));
        } else {
            *text += &list(
                &|row| literal(self.layer.bias[row], bias_bits),
                &format!("{name}_bias"),
                &format!("d{l}_beat"),
            );
            *text += &list(
                &|row| self.layer.shift[row].to_string(),
                &format!("{name}_shift"),
                &format!("b{l}_beat"),
            );
        }
        let bits = f.bits_sum as usize;
        let slice = |beat: usize| format!("d{l}[{} +: {bits}]", (beat * lanes + lane) * bits);
        *text += &chosen(&format!("{name}_d"), f.bits_sum, &format!("d{l}_beat"), beats, slice);
        let _ = writeln!(text, "    always @(posedge aclk) if (ce) {name} <= {name}_d + {name}_bias;");
        self.limiter(text, &name, lane, &rows, whole);
    }

    /// Shift by one of the layer's few shifts, activation, limit; registered.
    fn limiter(&self, text: &mut String, name: &str, lane: usize, rows: &[usize], whole: Interval) {
        let next = self.idx + 1;
        let out_bits = self.folded.outputs.iter().map(|range| range.bits()).max().unwrap_or(1);
        let mut shifts: Vec<u8> = rows.iter().map(|&row| self.layer.shift[row]).collect();
        shifts.sort_unstable();
        shifts.dedup();
        let least = if self.fold.ram { 0 } else { shifts.first().copied().unwrap_or(0) };
        let shifted = match shifts.as_slice() {
            _ if self.fold.ram => format!("{name} >>> {name}_shift"),
            [] => format!("{name} >>> 0"),
            [others @ .., last] => {
                let choice = |shift: &u8| format!("({name}_shift == {shift}) ? ({name} >>> {shift}) : ");
                others.iter().map(choice).collect::<String>() + &format!("({name} >>> {last})")
            }
        };
        let range = whole.map(|acc| acc >> least);
        let _ = writeln!(text, "    wire signed [{}:0] {name}_s = {shifted};", range.bits() - 1);
        let source = format!("{name}_s");
        *text += &finish::limited(&format!("{name}_y"), 16, &source, range, self.layer.activation);
        let _ = write!(
            text,
            "    reg signed [{0}:0] a{next}_x{lane};\n    always @(posedge aclk) if (ce) a{next}_x{lane} <= {name}_y;\n",
            out_bits - 1
        );
    }

    /// Biases and shifts in memory; what has no row stays 0.
    fn loaded(&self, text: &mut String, name: &str, lane: usize, (lanes, beats): (usize, usize)) {
        let l = self.idx;
        let last = beats - 1;
        let _ = write!(
            text,
            "    reg signed [31:0] {name}_biases [0:{last}];\n    reg [4:0] {name}_shifts [0:{last}];\n    initial begin"
        );
        for beat in 0..beats {
            let row = beat * lanes + lane;
            let bias = literal(self.layer.bias.get(row).copied().unwrap_or(0), 32);
            let shift = self.layer.shift.get(row).copied().unwrap_or(0);
            let _ = write!(text, " {name}_biases[{beat}] = {bias}; {name}_shifts[{beat}] = {shift};");
        }
        let _ = write!(
            text,
            " end\n    always @(posedge aclk) if (load & (load_layer == {l}) & (load_lane == {lane})) begin\n        \
             if (load_row == 255) {name}_biases[load_beat] <= wload_tdata[31:0];\n        \
             if (load_row == 254) {name}_shifts[load_beat] <= wload_tdata[4:0];\n    end\n    \
             assign {name}_bias = {name}_biases[d{l}_beat];\n    assign {name}_shift = {name}_shifts[b{l}_beat];\n"
        );
    }
}
