//! QONNX: ONNX with the operator `Quant`, which hls4ml and FINN read.
//!
//! Activations are integers held in floats. A layer is MatMul, Add, activation, and one `Quant` that rounds down and limits:
//! floor(floor(y) / 2^k) is floor(y / 2^k), so leaky ReLU needs no rounding before it. Weights of a layer are brought to one
//! scale, 2^-s for the largest shift s of its rows, so that every scale is a scalar power of two. The bytes are protobuf, written
//! here field by field.

use crate::interval::Interval;
use crate::spec::{DenseLayer, Spec};
use baler_codec::network::architecture::Activation;
use baler_data::error::{Error, Result};

/// Bits that a float32 holds exactly.
const MAX_FLOAT_BITS: u32 = 24;

/// A protobuf message in the making.
#[derive(Debug, Default, Clone)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Message {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Message {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Message {
        self.bytes(field, value.as_bytes())
    }

    fn float(mut self, field: u64, value: f32) -> Message {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn message(self, field: u64, value: Message) -> Message {
        self.bytes(field, &value.0)
    }
}

/// Name, type float32 and shape of a value.
fn value_info(name: &str, shape: &[usize]) -> Message {
    let dims = shape
        .iter()
        .fold(Message::default(), |dims, &n| dims.message(1, Message::default().int(1, n as i64)));
    let tensor = Message::default().int(1, 1).message(2, dims);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}

/// A constant of float32.
fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let dims = shape.iter().fold(Message::default(), |message, &n| message.int(1, n as i64));
    dims.int(2, 1).text(8, name).bytes(9, &raw)
}

/// The graph in the making.
#[derive(Default)]
struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    values: Vec<Message>,
}

impl Graph {
    /// A constant; hls4ml wants the shape of every value that a node reads.
    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.constants.push(tensor(name, shape, values));
        self.values.push(value_info(name, shape));
    }

    fn node(&mut self, kind: &str, inputs: &[&str], output: &str, attributes: Vec<Message>, domain: &str) {
        let mut node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        node = node.text(2, output).text(3, &format!("{kind}_{output}")).text(4, kind);
        node = attributes.into_iter().fold(node, |node, attribute| node.message(5, attribute));
        self.nodes.push(if domain.is_empty() { node } else { node.text(7, domain) });
    }

    /// `Quant` of `input` in steps of `scale`.
    fn quant(&mut self, input: &str, output: &str, scale: f32, bits: u32, rounding: &str, narrow: bool) {
        let names = ["scale", "zero", "bits"].map(|what| format!("{output}_{what}"));
        for (name, value) in names.iter().zip([scale, 0.0, bits as f32]) {
            self.constant(name, &[], &[value]);
        }
        let int = |name: &str, value: i64| Message::default().text(1, name).int(3, value).int(20, 2);
        let attributes = vec![
            int("signed", 1),
            int("narrow", i64::from(narrow)),
            Message::default().text(1, "rounding_mode").text(4, rounding).int(20, 3),
        ];
        let inputs = [input, &names[0], &names[1], &names[2]];
        self.node("Quant", &inputs, output, attributes, "qonnx.custom_op.general");
    }

    /// A constant, and its `Quant`: `integers` times `scale`.
    fn quantized(&mut self, name: &str, shape: &[usize], integers: &[i64], scale: f32) -> Result<String> {
        let bits = integers.iter().map(|&n| Interval::of(n).bits()).max().unwrap_or(1);
        // Zeros at the end of all of them are no digits that a float has to hold.
        let zeros = integers.iter().fold(0i64, |all, n| all | n).trailing_zeros().min(bits);
        if bits - zeros > MAX_FLOAT_BITS + 1 {
            return Err(Error::unsupported(format!(
                "expected {name} of at most {MAX_FLOAT_BITS} bits for QONNX, whose constants are float32, found {bits}; \
                 train with --target fpga --bits 8,12, or leave qonnx out of --target"
            )));
        }
        let values: Vec<f32> = integers.iter().map(|&n| n as f32 * scale).collect();
        self.constant(name, shape, &values);
        let output = format!("{name}_q");
        self.quant(name, &output, scale, bits.max(2), "ROUND", false);
        self.values.push(value_info(&output, shape));
        Ok(output)
    }

    fn layer(&mut self, idx: usize, layer: &DenseLayer, source: &str, output: &str) -> Result<()> {
        let (n_in, n_out) = (layer.n_in, layer.n_out());
        let most = layer.shift.iter().copied().max().unwrap_or(0);
        let scale = libm::ldexp(1.0, -i32::from(most)) as f32;
        let scaled = |row: usize, value: i64| value << (most - layer.shift[row]);
        // MatMul wants (in, out).
        let weights: Vec<i64> = (0..n_in * n_out)
            .map(|i| scaled(i % n_out, i64::from(layer.row(i % n_out)[i / n_out])))
            .collect();
        let bias: Vec<i64> = (0..n_out).map(|row| scaled(row, layer.bias[row])).collect();
        let weights = self.quantized(&format!("weights_{idx}"), &[n_in, n_out], &weights, scale)?;
        let bias = self.quantized(&format!("bias_{idx}"), &[n_out], &bias, scale)?;
        let (product, sum, active) =
            (format!("product_{idx}"), format!("sum_{idx}"), format!("active_{idx}"));
        self.node("MatMul", &[source, &weights], &product, Vec::new(), "");
        self.node("Add", &[&product, &bias], &sum, Vec::new(), "");
        for name in [&product, &sum] {
            self.values.push(value_info(name, &[1, n_out]));
        }
        let before = match layer.activation {
            Activation::Linear => sum,
            Activation::Relu => {
                self.node("Relu", &[&sum], &active, Vec::new(), "");
                active.clone()
            }
            Activation::LeakyRelu { shift } => {
                let slope = libm::ldexp(1.0, -i32::from(shift)) as f32;
                let alpha = Message::default().text(1, "alpha").float(2, slope).int(20, 1);
                self.node("LeakyRelu", &[&sum], &active, vec![alpha], "");
                active.clone()
            }
        };
        if before == active {
            self.values.push(value_info(&active, &[1, n_out]));
        }
        self.quant(&before, output, 1.0, 16, "FLOOR", true);
        Ok(())
    }
}

/// The file: opset 13, IR 8.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Unsupported`] for integers that float32 cannot hold, raw inputs, and layers that read the network's
/// input as well.
pub fn model(spec: &Spec) -> Result<Vec<u8>> {
    if spec.inputs.iter().any(|input| input.stage.is_some()) || spec.layers.iter().any(|layer| layer.skip) {
        return Err(Error::unsupported(
            "expected a chain of layers of normalized inputs for QONNX; use --inputs float, or leave qonnx out of --target",
        ));
    }
    let mut graph = Graph::default();
    let mut source = "x".to_string();
    for (idx, layer) in spec.layers.iter().enumerate() {
        let is_last = idx + 1 == spec.layers.len();
        let output = if is_last { "latents".to_string() } else { format!("y_{idx}") };
        graph.layer(idx, layer, &source, &output)?;
        if !is_last {
            graph.values.push(value_info(&output, &[1, layer.n_out()]));
        }
        source = output;
    }
    let mut message = graph.nodes.into_iter().fold(Message::default(), |m, node| m.message(1, node));
    message = message.text(2, &spec.name);
    message = graph.constants.into_iter().fold(message, |m, constant| m.message(5, constant));
    message = message
        .message(11, value_info("x", &[1, spec.n_in()]))
        .message(12, value_info("latents", &[1, spec.n_out()]));
    message = graph.values.into_iter().fold(message, |m, value| m.message(13, value));
    let opset = |domain: &str, version| Message::default().text(1, domain).int(2, version);
    let model = Message::default()
        .int(1, 8)
        .text(2, "baler")
        .message(7, message)
        .message(8, opset("", 13))
        .message(8, opset("qonnx.custom_op.general", 1));
    Ok(model.0)
}

/// A script that converts the file with hls4ml and compares its C simulation with the vectors.
pub fn script(spec: &Spec) -> String {
    format!(
        r#"#!/usr/bin/env python3
"""Converts encoder.onnx with hls4ml (pip install hls4ml qonnx 'onnx<=1.19.1') and compares its C simulation with the vectors.

Run in this folder. Returns 1 if a row differs. Only the type of the graph's input has to be told: hls4ml takes 16 bits of which 8
are behind the point otherwise, and loses the rest.
"""
import sys
import numpy as np
import onnx
import hls4ml

model = onnx.load("encoder.onnx")
config = hls4ml.utils.config_from_onnx_model(model, granularity="name", backend="Vitis", default_precision="fixed<32,24>")
config["LayerName"]["x"]["Precision"]["result"] = "fixed<16,16>"
converted = hls4ml.converters.convert_from_onnx_model(
    model, output_dir="build_hls4ml", project_name="{}", backend="Vitis", io_type="io_parallel", hls_config=config)
converted.compile()
rows = np.loadtxt("vectors.txt", skiprows=1, dtype=np.int64)
found = converted.predict(np.ascontiguousarray(rows[:, :{n_in}], dtype=np.float32)).reshape(len(rows), {n_out})
wrong = int(np.any(found.astype(np.int64) != rows[:, {n_in}:], axis=1).sum())
print("FAIL" if wrong else "PASS", f"{{len(rows)}} rows, {{wrong}} mismatches")
sys.exit(1 if wrong else 0)
"#,
        spec.name,
        n_in = spec.n_in(),
        n_out = spec.n_out(),
    )
}
