//! Multiplications by known weights as additions of shifted values, with common parts shared.
//!
//! In: a specification. Out: a netlist in which nothing is multiplied. Each weight is written with the fewest digits 1 and -1
//! ([`digits`]), common sums are shared within a depth that is set before (`share`), and what is left of each output is
//! added up in a tree of least depth.

pub mod digits;
mod share;
mod tree;

use crate::interval::Interval;
use crate::netlist::{Id, LayerNodes, Netlist, Op, Term};
use crate::spec::{DenseLayer, Spec};
use baler_codec::network::architecture::Activation;
use baler_data::error::{Error, Result};

/// Most digits of a network that is written out as adders.
const MAX_DIGITS: usize = 1 << 17;

/// Orders of sharing that are tried for a layer, and pairs of digits that all of them may look at.
const MAX_ORDERS: usize = 24;
const MAX_WORK: usize = 1 << 20;

/// A sum of shifted values, one linear row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// (place in the layer's inputs, weight); no zeros.
    pub weights: Vec<(usize, i64)>,
    /// Added.
    pub bias: i64,
}

impl Row {
    /// All values that the row can have.
    pub fn range(&self, inputs: &[Interval]) -> Interval {
        let products = self.weights.iter().map(|&(column, w)| inputs[column].times(w));
        products.fold(Interval::of(self.bias), Interval::plus)
    }
}

/// The whole network as adders.
///
/// # Errors
/// [`baler_data::error::ErrorKind::Limit`] for networks of more adders than any chip has.
pub fn unrolled(spec: &Spec) -> Result<Netlist> {
    let all = spec.layers.iter().flat_map(|layer| &layer.weights);
    let n_digits: usize = all.map(|&w| digits::of(i64::from(w)).len()).sum();
    if n_digits > MAX_DIGITS {
        return Err(Error::limit(format!(
            "expected a network of at most {MAX_DIGITS} digits to write out as adders, found {n_digits}; \
             use --reuse N or --reuse serial, or fewer --bits"
        )));
    }
    let mut netlist = Netlist::default();
    let mut inputs: Vec<Id> = Vec::with_capacity(spec.n_in());
    for (column, input) in spec.inputs.iter().enumerate() {
        let range = Interval { low: input.range[0], high: input.range[1] };
        inputs.push(netlist.node(Op::Input(column), range));
    }
    if spec.inputs.iter().any(|input| input.stage.is_some()) {
        inputs = normalized(&mut netlist, spec, inputs);
    }
    let network_inputs = inputs.clone();
    for layer in &spec.layers {
        if layer.skip {
            inputs.extend(&network_inputs);
        }
        inputs = add_layer(&mut netlist, layer, inputs);
    }
    Ok(netlist)
}

/// The stages of raw inputs; an input without one passes.
fn normalized(netlist: &mut Netlist, spec: &Spec, inputs: Vec<Id>) -> Vec<Id> {
    let mut outputs = Vec::with_capacity(inputs.len());
    for (column, input) in spec.inputs.iter().enumerate() {
        let Some(stage) = &input.stage else {
            outputs.push(inputs[column]);
            continue;
        };
        let row = Row { weights: vec![(column, stage.multiplier)], bias: stage.offset };
        outputs.extend(finished(netlist, &inputs, &[row], &[(stage.shift, Activation::Linear)]));
    }
    netlist.layers.push(LayerNodes { inputs, outputs: outputs.clone() });
    outputs
}

fn add_layer(netlist: &mut Netlist, layer: &DenseLayer, inputs: Vec<Id>) -> Vec<Id> {
    let row = |row_idx: usize| Row {
        weights: layer
            .row(row_idx)
            .iter()
            .enumerate()
            .filter(|(_, w)| **w != 0)
            .map(|(column, &w)| (column, i64::from(w)))
            .collect(),
        bias: layer.bias[row_idx],
    };
    let rows: Vec<Row> = (0..layer.n_out()).map(row).collect();
    let ends: Vec<(u32, Activation)> =
        layer.shift.iter().map(|&shift| (u32::from(shift), layer.activation)).collect();
    let outputs = finished(netlist, &inputs, &rows, &ends);
    netlist.layers.push(LayerNodes { inputs, outputs: outputs.clone() });
    outputs
}

/// Nodes of finished rows: of several orders in which equally common sums are shared, the one with the fewest adders, then the
/// narrowest.
fn finished(netlist: &mut Netlist, inputs: &[Id], rows: &[Row], ends: &[(u32, Activation)]) -> Vec<Id> {
    let order = |seed: u64| {
        let mut trial = netlist.clone();
        let outputs = in_order(&mut trial, inputs, rows, ends, seed);
        let bits: u32 = trial.nodes.iter().map(|node| node.range.bits()).sum();
        ((trial.n_adders(), bits), trial, outputs)
    };
    let n_orders = (MAX_WORK / share::n_pairs(rows).max(1)).clamp(1, MAX_ORDERS);
    let best = (0..n_orders as u64).map(order).min_by_key(|(cost, ..)| *cost);
    let (_, trial, outputs) = best.expect("at least one order");
    *netlist = trial;
    outputs
}

fn in_order(
    netlist: &mut Netlist,
    inputs: &[Id],
    rows: &[Row],
    ends: &[(u32, Activation)],
    seed: u64,
) -> Vec<Id> {
    let ranges: Vec<Interval> = inputs.iter().map(|&id| netlist.nodes[id].range).collect();
    let mut forms = tree::Forms::new(inputs, &ranges);
    let mut sums = share::shared(netlist, &mut forms, inputs, rows, seed);
    let mut outputs = Vec::with_capacity(rows.len());
    for ((row, terms), &(shift, activation)) in rows.iter().zip(&mut sums).zip(ends) {
        if row.bias != 0 || terms.is_empty() {
            let zeros = if row.bias == 0 { 0 } else { row.bias.trailing_zeros() };
            let node = netlist.constant(row.bias >> zeros);
            terms.push(Term { node, shift: zeros, negative: false });
        }
        let sum = tree::add_up(netlist, &mut forms, std::mem::take(terms));
        outputs.push(netlist.finish(sum, row.range(&ranges), shift, activation));
    }
    outputs
}
