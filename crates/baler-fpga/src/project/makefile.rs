//! What runs the folder: make, and scripts for a vendor's tool that nobody here has run.

use super::{Request, Target};
use crate::spec::Spec;

/// The Makefile; targets that need a tool say so when it is missing.
pub fn text(spec: &Spec, request: &Request) -> String {
    let has = |target| request.targets.contains(&target);
    let name = &spec.name;
    let mut all = Vec::new();
    let mut text = String::from(
        "# make sim: the RTL under Icarus Verilog. make verilator, make synth (yosys): the same with other tools.\n\
         # make c, make hls: the software versions. Each compares every row with the vectors and fails on the first bit that differs.\n\
         .POSIX:\nCC = cc\nCXX = c++\n",
    );
    let mut rules = String::new();
    if has(Target::Verilog) {
        all.push("sim");
        rules += &format!(
            "sim: build\n\tiverilog -g2012 -o build/bench.vvp sim/bench.v rtl/{name}.v\n\
             \tcd sim && vvp -n ../build/bench.vvp\n\
             verilator: build\n\tverilator --binary --timing -Wno-fatal -Wno-lint -Wno-style -Wno-INITIALDLY --top-module bench --Mdir build/verilator \
             -o bench sim/bench.v rtl/{name}.v > build/verilator.log\n\tcd sim && ../build/verilator/bench\n\
             synth: build\n\tyosys -q -p 'read_verilog rtl/{name}.v; synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top {name}; \
             tee -o build/synth.txt stat'\n\t@cat build/synth.txt\n"
        );
    }
    if has(Target::C) {
        all.push("c");
        rules += "c: build\n\t$(CC) -std=c99 -O2 -Wall -Wextra -o build/bench_c c/bench.c c/encoder.c\n\tbuild/bench_c vectors.txt\n";
    }
    if has(Target::Hls) {
        all.push("hls");
        rules += "hls: build\n\t$(CXX) -std=c++14 -O2 -Wno-unknown-pragmas $(HLS_INCLUDE) -o build/bench_hls hls/bench.cpp hls/encoder.cpp\n\
                  \tbuild/bench_hls vectors.txt\n";
    }
    text += &format!("all: {}\n", all.join(" "));
    text += &rules;
    text += "build:\n\tmkdir -p build\nclean:\n\trm -rf build\n.PHONY: all sim verilator synth c hls clean\n";
    text
}

/// Vivado's script, for the part that was asked for.
pub fn tcl(spec: &Spec, request: &Request) -> String {
    format!(
        "# NOT RUN BY US: no tool of a vendor is there where this is made. Out-of-context synthesis and place and route.\n\
         # vivado -mode batch -source vendor/vivado.tcl\n\
         read_verilog rtl/{0}.v\nread_xdc vendor/clock.xdc\n\
         synth_design -top {0} -part {1} -mode out_of_context\nopt_design\nplace_design\nroute_design\n\
         report_utilization -file build/utilization.txt\nreport_timing_summary -file build/timing.txt\n",
        spec.name, request.part
    )
}

/// The clock that was assumed, as a constraint.
pub fn xdc(request: &Request) -> String {
    format!(
        "# NOT RUN BY US. {} MHz is what --clock asked for, not a clock that was reached.\n\
         create_clock -name aclk -period {:.3} [get_ports aclk]\n",
        request.clock_mhz,
        1000.0 / request.clock_mhz
    )
}
