//! Plain C99 for a microcontroller: no floats, no allocation, no libraries.

use super::arrays;
use crate::spec::Spec;
use baler_codec::network::architecture::Activation;
use std::fmt::Write;

/// encoder.h
pub fn header(spec: &Spec) -> String {
    format!(
        "/* Network {} of integers. Written by baler export; do not edit. */\n#ifndef ENCODER_H\n#define ENCODER_H\n\
         #include <stdint.h>\n#define N_IN {}\n#define N_OUT {}\n\
         /* One sample to its latents. */\nvoid encode(const int32_t sample[N_IN], int16_t latents[N_OUT]);\n#endif\n",
        spec.widths(),
        spec.n_in(),
        spec.n_out()
    )
}

/// encoder.c
pub fn source(spec: &Spec) -> String {
    let mut text = String::from(
        "/* Written by baler export; do not edit. Right shifts of negative numbers round down (arithmetic shift). */\n#include \"encoder.h\"\n\n",
    );
    text += &arrays(spec, "int16_t", "int32_t");
    text += "\nstatic int32_t limited(int64_t y) {\n    return y > 32767 ? 32767 : y < -32767 ? -32767 : (int32_t)y;\n}\n\n\
             void encode(const int32_t sample[N_IN], int16_t latents[N_OUT]) {\n";
    let staged = spec.inputs.iter().any(|input| input.stage.is_some());
    let _ = writeln!(text, "    int32_t x[N_IN];\n    for (int i = 0; i < N_IN; i++)");
    text += if staged {
        "        x[i] = stage_multiplier[i] == 1 && stage_shift[i] == 0 && stage_offset[i] == 0\n            ? sample[i]\n            \
         : limited((sample[i] * stage_multiplier[i] + stage_offset[i]) >> stage_shift[i]);\n"
    } else {
        "        x[i] = sample[i];\n"
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
                "        for (int j = 0; j < N_IN; j++) acc += (int64_t)weights_{idx}[i][{before} + j] * x[j];\n"
            )
        } else {
            String::new()
        };
        let _ = write!(
            text,
            "    int32_t y{idx}[{n_out}];\n    for (int i = 0; i < {n_out}; i++) {{\n        int64_t acc = bias_{idx}[i];\n        \
             for (int j = 0; j < {before}; j++) acc += (int64_t)weights_{idx}[i][j] * {source}[j];\n{skip}        \
             int64_t y = acc >> shift_{idx}[i];\n{activation}        y{idx}[i] = limited(y);\n    }}\n"
        );
        source = format!("y{idx}");
    }
    let _ = writeln!(text, "    for (int i = 0; i < N_OUT; i++) latents[i] = (int16_t){source}[i];\n}}");
    text
}

/// bench.c: reads the vectors, fails on the first row that differs.
pub fn bench(_spec: &Spec) -> String {
    "/* Compares every row of the vectors; returns 1 if one differs or none is there. */\n#include \"encoder.h\"\n#include <stdio.h>\n\n\
     int main(int argc, char **argv) {\n    FILE *file = fopen(argc > 1 ? argv[1] : \"vectors.txt\", \"r\");\n    long rows = 0, wrong = 0;\n    \
     if (!file || fscanf(file, \"%ld\", &rows) != 1 || rows < 1) {\n        fprintf(stderr, \"expected a file of vectors\\n\");\n        return 1;\n    }\n    \
     for (long row = 0; row < rows; row++) {\n        int32_t sample[N_IN];\n        int16_t latents[N_OUT];\n        int value, differs = 0;\n        \
     for (int i = 0; i < N_IN; i++) {\n            if (fscanf(file, \"%d\", &value) != 1) return 1;\n            sample[i] = value;\n        }\n        \
     encode(sample, latents);\n        for (int i = 0; i < N_OUT; i++) {\n            if (fscanf(file, \"%d\", &value) != 1) return 1;\n            \
     differs |= value != latents[i];\n        }\n        wrong += differs;\n    }\n    \
     printf(\"%s: %ld rows, %ld mismatches\\n\", wrong ? \"FAIL\" : \"PASS\", rows, wrong);\n    return wrong != 0;\n}\n"
        .to_string()
}
