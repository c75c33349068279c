//! A bench that checks itself: every latent of every row, `tlast`, the rate, and handshakes that stall at random.

use super::BATCH;

/// What the bench is told.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// Name of the module under test.
    pub module: &'a str,
    /// Bits of the streams.
    pub input_bits: usize,
    /// Bits of the streams.
    pub output_bits: usize,
    /// Rows of each set of weights.
    pub n_rows: usize,
    /// Cycles from a sample to its latents.
    pub latency: usize,
    /// Cycles from a sample to the next.
    pub interval: usize,
    /// Words that load the weights of one set, where there is a load port: then the rows of the second set follow those of the first.
    pub load_words: Option<usize>,
}

const TEXT: &str = r#"// Feeds ROWS samples twice, free flowing and with random stalls on both sides, and compares every word that comes back.
// Ends with an error if one bit differs, if tlast is misplaced, or if the latency or the rate is not as stated.
`timescale 1ns/1ps
`default_nettype none
module bench;
    localparam ROWS = @ROWS, SETS = @SETS, LOADS = @LOADS, BATCH = @BATCH, LATENCY = @LATENCY, INTERVAL = @INTERVAL;
    reg [@IN:0] samples [0:ROWS*SETS-1];
    reg [@OUT:0] latents [0:ROWS*SETS-1];
    reg clk = 0, resetn = 0, stalls = 0, run = 0;
    reg s_valid = 0, s_last = 0, m_ready = 1;
    reg [@IN:0] s_data = 0;
    wire s_ready, m_valid, m_last;
    wire [@OUT:0] m_data;
    integer sent = 0, got = 0, errors = 0, cycle = 0, first_in = 0, first_out = 0, last_out = 0, set = 0, phase = 0;
    reg [31:0] noise = 32'h2545f491;
@LOADDECL    always #5 clk = ~clk;
    @MODULE dut (.aclk(clk), .aresetn(resetn),
@LOADPORT        .s_axis_tdata(s_data), .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tlast(s_last),
        .m_axis_tdata(m_data), .m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tlast(m_last));
    wire expected_last = (got % BATCH == BATCH - 1) | (got == ROWS - 1);
    always @(posedge clk) begin
        cycle = cycle + 1;
        noise = {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
        if (m_valid & m_ready) begin
            if (got >= ROWS) errors = errors + 1;
            else begin
                if (m_data !== latents[set * ROWS + got]) begin
                    if (errors < 5) $display("row %0d: expected %h, found %h", got, latents[set * ROWS + got], m_data);
                    errors = errors + 1;
                end
                if (m_last !== expected_last) begin
                    if (errors < 5) $display("row %0d: expected tlast %b, found %b", got, expected_last, m_last);
                    errors = errors + 1;
                end
            end
            if (got == 0) first_out = cycle;
            last_out = cycle;
            got = got + 1;
        end
        if (s_valid & s_ready) begin
            if (sent == 0) first_in = cycle;
            sent = sent + 1;
        end
        if (~s_valid | s_ready) begin
            s_valid <= run & (sent < ROWS) & (~stalls | noise[0] | noise[5]);
            s_data <= samples[set * ROWS + (sent < ROWS ? sent : 0)];
            s_last <= sent == ROWS - 1;
        end
        m_ready <= ~stalls | noise[9] | noise[3];
    end
    initial begin
        $readmemh("samples.hex", samples);
        $readmemh("latents.hex", latents);
@LOADREAD        repeat (4) @(posedge clk);
        resetn <= 1;
        for (set = 0; set < SETS; set = set + 1) begin
@LOADRUN            for (phase = 0; phase < 2; phase = phase + 1) begin
                sent = 0; got = 0;
                stalls <= phase == 1;
                @(posedge clk);
                run <= 1;
                while (got < ROWS & cycle < 100000000) @(posedge clk);
                run <= 0;
                repeat (LATENCY + 4) @(posedge clk);
                if (got != ROWS) errors = errors + 1;
                if (phase == 0) begin
                    $display("set %0d: %0d rows in %0d cycles, latency %0d, a row every %0d", set, ROWS, last_out - first_in,
                        first_out - first_in, (last_out - first_out) / (ROWS - 1));
                    if (first_out - first_in != LATENCY | last_out - first_out != INTERVAL * (ROWS - 1)) begin
                        $display("expected latency %0d and a row every %0d", LATENCY, INTERVAL);
                        errors = errors + 1;
                    end
                end
            end
        end
        if (errors != 0) begin
            $display("FAIL @MODULE: %0d errors", errors);
            $fatal(1);
        end
        $display("PASS @MODULE: %0d rows, 0 mismatches, free flowing and with random stalls", ROWS * SETS);
        $finish;
    end
endmodule
`default_nettype wire
"#;

/// The bench as text.
pub fn bench(bench: &Bench) -> String {
    let loads = bench.load_words.is_some();
    let when = |text: &'static str| if loads { text } else { "" };
    TEXT.replace(
        "@LOADDECL",
        when("    reg [63:0] words [0:LOADS*SETS-1];\n    reg [63:0] w_data = 0;\n    reg w_valid = 0, w_last = 0;\n    \
              wire w_ready;\n    integer word = 0;\n"),
    )
    .replace(
        "@LOADPORT",
        when("        .wload_tdata(w_data), .wload_tvalid(w_valid), .wload_tready(w_ready), .wload_tlast(w_last),\n"),
    )
    .replace("@LOADREAD", when("        $readmemh(\"weights.hex\", words);\n"))
    .replace(
        "@LOADRUN",
        when("            if (set > 0) begin // the first set is what the memories hold from the start\n                \
              for (word = 0; word < LOADS; word = word + 1) begin\n                    \
              w_data <= words[set * LOADS + word]; w_last <= word == LOADS - 1; w_valid <= 1;\n                    \
              @(posedge clk);\n                    while (~w_ready) @(posedge clk);\n                end\n                \
              w_valid <= 0;\n                @(posedge clk);\n            end\n"),
    )
    .replace("@MODULE", bench.module)
    .replace("@ROWS", &bench.n_rows.to_string())
    .replace("@SETS", if loads { "2" } else { "1" })
    .replace("@LOADS", &bench.load_words.unwrap_or(1).to_string())
    .replace("@BATCH", &BATCH.to_string())
    .replace("@LATENCY", &bench.latency.to_string())
    .replace("@INTERVAL", &bench.interval.to_string())
    .replace("@IN", &(bench.input_bits - 1).to_string())
    .replace("@OUT", &(bench.output_bits - 1).to_string())
}
