//! Proofs for all inputs, from the netlist alone: each sum, written out in the layer's inputs, has the specification's weights
//! and bias, and no value can leave the bits that its wire has.

use crate::interval::Interval;
use crate::interval::LIMIT;
use crate::netlist::{Netlist, Op, Term};
use crate::spec::Spec;
use baler_codec::network::architecture::Activation;
use baler_data::error::{Error, Result};
use std::collections::BTreeMap;

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Sums that equal their row of the specification.
    pub n_sums: usize,
    /// Nodes whose range was derived again.
    pub n_nodes: usize,
    /// Bits of the widest wire.
    pub widest: u32,
}

/// A linear form: factor of each node that stands for itself, and a constant under none.
type Form = BTreeMap<Option<usize>, i128>;

/// What a layer must be: rows of (weight of each input, bias, shift, activation).
struct Expected<'a> {
    weight: Box<dyn Fn(usize, usize) -> i64 + 'a>,
    bias: Box<dyn Fn(usize) -> i64 + 'a>,
    end: Box<dyn Fn(usize) -> (u32, Activation) + 'a>,
}

/// Proves `netlist` equal to `spec`.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Corrupt`] for the first node that does not do what it should: a fault of this crate.
pub fn prove(spec: &Spec, netlist: &Netlist) -> Result<Proof> {
    let mut proof = Proof { n_sums: 0, n_nodes: 0, widest: 1 };
    let mut layers = netlist.layers.iter();
    let staged = spec.inputs.iter().any(|input| input.stage.is_some());
    if staged {
        let nodes = layers.next().ok_or_else(|| fault("the stages of the inputs are missing".into()))?;
        for (column, input) in spec.inputs.iter().enumerate() {
            let Some(stage) = input.stage else { continue };
            let expected = Expected {
                weight: Box::new(move |_, c| if c == column { stage.multiplier } else { 0 }),
                bias: Box::new(move |_| stage.offset),
                end: Box::new(move |_| (stage.shift, Activation::Linear)),
            };
            prove_rows(netlist, &nodes.inputs, &[nodes.outputs[column]], &expected, &mut proof)?;
        }
    }
    for (layer, nodes) in spec.layers.iter().zip(layers) {
        let expected = Expected {
            weight: Box::new(|row, column| i64::from(layer.row(row)[column])),
            bias: Box::new(|row| layer.bias[row]),
            end: Box::new(|row| (u32::from(layer.shift[row]), layer.activation)),
        };
        if nodes.inputs.len() != layer.n_in || nodes.outputs.len() != layer.n_out() {
            return Err(fault("a layer has another number of values".into()));
        }
        prove_rows(netlist, &nodes.inputs, &nodes.outputs, &expected, &mut proof)?;
    }
    if netlist.layers.len() != spec.layers.len() + usize::from(staged) {
        return Err(fault("a layer is missing".into()));
    }
    Ok(proof)
}

fn prove_rows(
    netlist: &Netlist,
    inputs: &[usize],
    outputs: &[usize],
    expected: &Expected,
    proof: &mut Proof,
) -> Result<()> {
    let mut forms: BTreeMap<usize, Form> =
        inputs.iter().map(|&id| (id, Form::from([(Some(id), 1)]))).collect();
    for (row, &output) in outputs.iter().enumerate() {
        let Op::Finish { term, shift, activation } = &netlist.nodes[output].op else {
            return Err(fault(format!("output {row} is not finished")));
        };
        if (*shift, *activation) != (expected.end)(row) {
            return Err(fault(format!("output {row} has another shift or activation")));
        }
        expand(netlist, term.node, &mut forms, proof)?;
        let form = scaled(&forms[&term.node], *term);
        let mut wanted = Form::new();
        for (column, &id) in inputs.iter().enumerate() {
            *wanted.entry(Some(id)).or_insert(0) += i128::from((expected.weight)(row, column));
        }
        wanted.insert(None, i128::from((expected.bias)(row)));
        wanted.retain(|_, factor| *factor != 0);
        if form != wanted {
            return Err(fault(format!("the sum of output {row} is {form:?}, expected {wanted:?}")));
        }
        let range = range_of(netlist, &form);
        let end = range.map(|acc| crate::interval::finish(acc, *shift, *activation, LIMIT));
        check_range(netlist, output, end, proof)?;
        proof.n_sums += 1;
    }
    Ok(())
}

/// Writes out a node and those that it reads.
fn expand(
    netlist: &Netlist,
    node: usize,
    forms: &mut BTreeMap<usize, Form>,
    proof: &mut Proof,
) -> Result<()> {
    if forms.contains_key(&node) {
        return Ok(());
    }
    let form = match &netlist.nodes[node].op {
        Op::Constant(0) => Form::new(),
        Op::Constant(value) => Form::from([(None, i128::from(*value))]),
        Op::Add([a, b]) => {
            expand(netlist, a.node, forms, proof)?;
            expand(netlist, b.node, forms, proof)?;
            let mut sum = scaled(&forms[&a.node], *a);
            for (key, factor) in scaled(&forms[&b.node], *b) {
                *sum.entry(key).or_insert(0) += factor;
            }
            sum.retain(|_, factor| *factor != 0);
            check_range(netlist, node, range_of(netlist, &sum), proof)?;
            sum
        }
        op => return Err(fault(format!("{op:?} stands inside a sum"))),
    };
    forms.insert(node, form);
    Ok(())
}

fn scaled(form: &Form, term: Term) -> Form {
    let factor = if term.negative { -(1i128 << term.shift) } else { 1 << term.shift };
    form.iter().map(|(&key, f)| (key, f * factor)).collect()
}

fn range_of(netlist: &Netlist, form: &Form) -> Interval {
    let product = |(key, &factor): (&Option<usize>, &i128)| match key {
        None => Interval::of(factor as i64),
        Some(id) => netlist.nodes[*id].range.times(factor as i64),
    };
    form.iter().map(product).fold(Interval::of(0), Interval::plus)
}

fn check_range(netlist: &Netlist, node: usize, derived: Interval, proof: &mut Proof) -> Result<()> {
    let stated = netlist.nodes[node].range;
    proof.n_nodes += 1;
    proof.widest = proof.widest.max(stated.bits());
    if derived.low < stated.low || derived.high > stated.high {
        return Err(fault(format!("node {node} has {derived:?}, its wire is made for {stated:?}")));
    }
    Ok(())
}

fn fault(what: String) -> Error {
    Error::corrupt(format!(
        "expected an adder graph that equals the weights, found that {what}; please report it"
    ))
}
