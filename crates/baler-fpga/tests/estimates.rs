//! Promise: what is told before synthesis is near what yosys counts. The counts are those of yosys 0.23, `synth_xilinx -family xcup`
//! for unrolled designs and `-family xc7` for folded ones; `cargo run --example design` writes the same folders.

mod networks;

use baler_fpga::{Request, Spec, Target, project};

#[test]
fn estimates_are_near_the_counts_of_yosys() {
    // (widths, [bits of a weight, zeros in a hundred, cycles a sample], [LUT, FF, DSP])
    let counted: [(&[usize], [usize; 3], [usize; 3]); 3] = [
        (&[16, 20, 10, 8], [6, 50, 1], [8971, 3143, 0]),
        (&[8, 6, 3], [4, 50, 1], [760, 325, 0]),
        (&[16, 20, 10, 8], [8, 0, 20], [1255, 2075, 38]),
    ];
    for (widths, [bits, zeros, reuse], [lut, ff, dsp]) in counted {
        let network = networks::dense(widths, networks::RELU, bits as u32, zeros, 1);
        let spec = Spec::of_network("encoder", &network).unwrap();
        let request = Request { reuse, targets: vec![Target::Verilog], n_random: 2, ..Request::default() };
        let estimate = project(&spec, &request).unwrap().estimate;
        let off = |estimated: usize, counted: usize| (estimated as f64 / counted as f64 - 1.0).abs();
        assert!(off(estimate.lut, lut) < 0.2, "{widths:?}: {} LUT, yosys {lut}", estimate.lut);
        assert!(off(estimate.ff, ff) < 0.05, "{widths:?}: {} FF, yosys {ff}", estimate.ff);
        assert_eq!(estimate.multipliers, dsp);
    }
}
