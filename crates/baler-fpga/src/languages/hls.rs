//! C++ for high-level synthesis: streams of one sample a beat, pragmas, a bench whose exit code says whether it passed.
//!
//! With AMD's headers (`ap_int.h`, `hls_stream.h`) in the include path those are taken; without them a small stand-in of our own
//! compiles the same source, so that the bench runs everywhere. No vendor's synthesis was run on it.

use super::arrays;
use crate::spec::Spec;
use baler_codec::network::architecture::Activation;
use std::fmt::Write;

/// Stand-in for `ap_int` and `hls::stream` where AMD's headers are not there: wide enough for every sum.
pub const SMALL: &str = "// Stand-ins for ap_int and hls::stream, for compilers without AMD's headers.\n#ifndef AP_SMALL_H\n#define AP_SMALL_H\n\
#include <cstdint>\n#include <queue>\ntemplate <int W> using ap_int = std::int64_t;\nnamespace hls {\ntemplate <class T> class stream {\n    \
std::queue<T> queue;\n\npublic:\n    void write(const T &value) { queue.push(value); }\n    T read() {\n        T value = queue.front();\n        \
queue.pop();\n        return value;\n    }\n    bool empty() const { return queue.empty(); }\n};\n}\n#endif\n";

/// encoder.h
pub fn header(spec: &Spec, latent_bits: &[u32]) -> String {
    let wire = spec.inputs.iter().map(|input| input.bits).max().unwrap_or(16);
    let latent = latent_bits.iter().max().copied().unwrap_or(16);
    format!(
        "// Network {} of integers. Written by baler export; do not edit.\n#ifndef ENCODER_H\n#define ENCODER_H\n\
         #if __has_include(<ap_int.h>) && __has_include(<hls_stream.h>)\n#include <ap_int.h>\n#include <hls_stream.h>\n#else\n\
         #include \"ap_small.h\"\n#endif\n\n#define N_IN {}\n#define N_OUT {}\n\n\
         struct sample_t {{\n    ap_int<{wire}> value[N_IN];\n    bool last;\n}};\n\
         struct latents_t {{\n    ap_int<{latent}> value[N_OUT];\n    bool last;\n}};\n\n\
         // One sample a call.\nvoid {}(hls::stream<sample_t> &samples, hls::stream<latents_t> &latents);\n#endif\n",
        spec.widths(),
        spec.n_in(),
        spec.n_out(),
        spec.name
    )
}

/// encoder.cpp; `reuse` is the initiation interval that the pragmas ask for.
pub fn source(spec: &Spec, reuse: usize) -> String {
    let mut text = String::from("// Written by baler export; do not edit.\n#include \"encoder.h\"\n\n");
    text += &arrays(spec, "short", "int");
    text += "\nstatic ap_int<16> limited(ap_int<64> y) {\n#pragma HLS INLINE\n    \
             return y > 32767 ? ap_int<16>(32767) : y < -32767 ? ap_int<16>(-32767) : ap_int<16>(y);\n}\n\n";
    let _ = write!(
        text,
        "void {}(hls::stream<sample_t> &samples, hls::stream<latents_t> &latents) {{\n#pragma HLS INTERFACE axis port=samples\n\
         #pragma HLS INTERFACE axis port=latents\n#pragma HLS INTERFACE ap_ctrl_none port=return\n#pragma HLS PIPELINE II={}\n    \
         sample_t sample = samples.read();\n    latents_t result;\n    ap_int<16> x[N_IN];\n#pragma HLS ARRAY_PARTITION variable=x complete\n    \
         for (int i = 0; i < N_IN; i++) {{\n#pragma HLS UNROLL\n        x[i] = ",
        spec.name,
        reuse.max(1)
    );
    text += if spec.inputs.iter().any(|input| input.stage.is_some()) {
        "stage_multiplier[i] == 1 && stage_shift[i] == 0 && stage_offset[i] == 0\n            ? ap_int<16>(sample.value[i])\n            \
         : limited((ap_int<64>(sample.value[i]) * stage_multiplier[i] + stage_offset[i]) >> stage_shift[i]);\n    }\n"
    } else {
        "sample.value[i];\n    }\n"
    };
    let mut source = "x".to_string();
    for (idx, layer) in spec.layers.iter().enumerate() {
        let (n_in, n_out) = (layer.n_in, layer.n_out());
        let before = if layer.skip { n_in - spec.n_in() } else { n_in };
        let activation = match layer.activation {
            Activation::Linear => String::new(),
            Activation::Relu => "        if (y < 0) y = 0;\n".to_string(),
            Activation::LeakyRelu { shift } => format!("        if (y < 0) y >>= {shift};\n"),
        };
        let skip = if layer.skip {
            format!(
                "        for (int j = 0; j < N_IN; j++) {{\n#pragma HLS UNROLL\n            acc += ap_int<32>(weights_{idx}[i][{before} + j] * x[j]);\n        }}\n"
            )
        } else {
            String::new()
        };
        let _ = write!(
            text,
            "    ap_int<16> y{idx}[{n_out}];\n#pragma HLS ARRAY_PARTITION variable=y{idx} complete\n\
             #pragma HLS ARRAY_PARTITION variable=weights_{idx} complete dim=0\n    for (int i = 0; i < {n_out}; i++) {{\n#pragma HLS UNROLL\n        \
             ap_int<40> acc = bias_{idx}[i];\n        for (int j = 0; j < {before}; j++) {{\n#pragma HLS UNROLL\n            \
             acc += ap_int<32>(weights_{idx}[i][j] * {source}[j]);\n        }}\n{skip}        ap_int<40> y = acc >> shift_{idx}[i];\n{activation}        \
             y{idx}[i] = limited(y);\n    }}\n"
        );
        source = format!("y{idx}");
    }
    let _ = write!(
        text,
        "    for (int i = 0; i < N_OUT; i++) {{\n#pragma HLS UNROLL\n        result.value[i] = {source}[i];\n    }}\n    \
         result.last = sample.last;\n    latents.write(result);\n}}\n"
    );
    text
}

/// bench.cpp: returns 1 if a row differs.
pub fn bench(spec: &Spec) -> String {
    format!(
        "// Compares every row of the vectors; returns 1 if one differs or none is there, which C simulation reports as failed.\n\
         #include \"encoder.h\"\n#include <cstdio>\n#include <fstream>\n\nint main(int argc, char **argv) {{\n    \
         std::ifstream file(argc > 1 ? argv[1] : \"vectors.txt\");\n    long rows = 0, wrong = 0;\n    \
         if (!(file >> rows) || rows < 1) {{\n        std::fprintf(stderr, \"expected a file of vectors\\n\");\n        return 1;\n    }}\n    \
         hls::stream<sample_t> samples;\n    hls::stream<latents_t> latents;\n    for (long row = 0; row < rows; row++) {{\n        \
         sample_t sample;\n        bool differs = false;\n        for (int i = 0; i < N_IN; i++) {{\n            int value;\n            \
         if (!(file >> value)) return 1;\n            sample.value[i] = value;\n        }}\n        sample.last = row % 1024 == 1023 || row + 1 == rows;\n        \
         samples.write(sample);\n        {}(samples, latents);\n        latents_t found = latents.read();\n        \
         for (int i = 0; i < N_OUT; i++) {{\n            int value;\n            if (!(file >> value)) return 1;\n            \
         differs |= found.value[i] != value;\n        }}\n        wrong += differs || found.last != sample.last;\n    }}\n    \
         std::printf(\"%s: %ld rows, %ld mismatches\\n\", wrong ? \"FAIL\" : \"PASS\", rows, wrong);\n    return wrong != 0;\n}}\n",
        spec.name
    )
}

/// A script for Vitis HLS, which nobody here has run.
pub fn tcl(spec: &Spec, part: &str, clock_mhz: f64) -> String {
    format!(
        "# NOT RUN BY US: no tool of a vendor is there where this is made. vitis_hls -f hls/vitis.tcl\n\
         open_project -reset build/vitis\nset_top {}\nadd_files hls/encoder.cpp\nadd_files -tb hls/bench.cpp\nadd_files -tb vectors.txt\n\
         open_solution -reset solution1\nset_part {part}\ncreate_clock -period {:.3}\ncsim_design -argv [file normalize vectors.txt]\ncsynth_design\nexit\n",
        spec.name,
        1000.0 / clock_mhz
    )
}
