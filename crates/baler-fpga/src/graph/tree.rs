//! Sums of terms as trees of adders, each as wide as its exact range asks for.

use crate::interval::Interval;
use crate::netlist::{Id, Netlist, Op, Term};
use std::collections::HashMap;

/// What each node of a layer is, in the layer's inputs: (constant, factor of each input that has one, inputs in order).
#[derive(Debug)]
pub(crate) struct Forms {
    forms: HashMap<Id, Form>,
    ranges: HashMap<Id, Interval>,
}

#[derive(Debug, Clone, Default)]
struct Form {
    constant: i64,
    factors: Vec<(Id, i64)>,
}

impl Forms {
    /// The inputs themselves.
    pub fn new(inputs: &[Id], ranges: &[Interval]) -> Forms {
        let form = |&id: &Id| (id, Form { constant: 0, factors: vec![(id, 1)] });
        Forms {
            forms: inputs.iter().map(form).collect(),
            ranges: inputs.iter().copied().zip(ranges.iter().copied()).collect(),
        }
    }

    fn of(&self, netlist: &Netlist, term: Term) -> Form {
        let mut form = match (&netlist.nodes[term.node].op, self.forms.get(&term.node)) {
            (_, Some(form)) => form.clone(),
            (Op::Constant(value), None) => Form { constant: *value, factors: Vec::new() },
            (op, None) => unreachable!("{op:?} is of another layer"),
        };
        let factor = if term.negative { -(1i64 << term.shift) } else { 1 << term.shift };
        form.constant *= factor;
        form.factors.iter_mut().for_each(|(_, f)| *f *= factor);
        form
    }

    /// The node of a + b, and its range.
    pub fn add(&mut self, netlist: &mut Netlist, a: Term, b: Term) -> Id {
        let (left, right) = (self.of(netlist, a), self.of(netlist, b));
        let form =
            Form { constant: left.constant + right.constant, factors: merged(&left.factors, &right.factors) };
        let products = form.factors.iter().map(|(id, f)| self.ranges[id].times(*f));
        let range = products.fold(Interval::of(form.constant), Interval::plus);
        let id = netlist.node(Op::Add([a, b]), range);
        self.forms.insert(id, form);
        id
    }
}

/// Sum of two sorted lists of factors.
fn merged(a: &[(Id, i64)], b: &[(Id, i64)]) -> Vec<(Id, i64)> {
    let mut sum = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let left = a.get(i).map_or(Id::MAX, |x| x.0);
        let right = b.get(j).map_or(Id::MAX, |x| x.0);
        let id = left.min(right);
        let mut factor = 0;
        if left == id {
            factor += a[i].1;
            i += 1;
        }
        if right == id {
            factor += b[j].1;
            j += 1;
        }
        if factor != 0 {
            sum.push((id, factor));
        }
    }
    sum
}

/// The sum of two terms as one term: the common shift and sign stay outside.
pub(crate) fn pair(netlist: &mut Netlist, forms: &mut Forms, a: Term, b: Term) -> Term {
    // What is subtracted stands second; of two negative terms the sum is negative.
    let (mut a, mut b) = if a.negative && !b.negative { (b, a) } else { (a, b) };
    let negative = a.negative && b.negative;
    if negative {
        (a.negative, b.negative) = (false, false);
    }
    let shift = a.shift.min(b.shift);
    a.shift -= shift;
    b.shift -= shift;
    if !b.negative && (b.node, b.shift) < (a.node, a.shift) {
        (a, b) = (b, a);
    }
    Term { node: forms.add(netlist, a, b), shift, negative }
}

/// All terms added up in the fewest levels: the two that are there first are added first.
pub(crate) fn add_up(netlist: &mut Netlist, forms: &mut Forms, mut terms: Vec<Term>) -> Term {
    while terms.len() > 1 {
        // Of those that are there first, neighbors in size are added, so that sums stay narrow.
        terms.sort_by_key(|t| {
            let node = &netlist.nodes[t.node];
            std::cmp::Reverse((node.level, t.shift + node.range.bits(), t.shift, t.node))
        });
        let (a, b) = (terms.pop().expect("two terms"), terms.pop().expect("two terms"));
        let sum = pair(netlist, forms, a, b);
        terms.push(sum);
    }
    terms.pop().expect("a row has a term or a bias")
}
