//! Common sums of two digits, found greedily: the pair that stands in most places becomes a node, and takes their place.
//!
//! A row with terms at levels l has a tree of depth D exactly if the sum of 2^l is at most 2^D. A pair is shared in a row only
//! while that holds for the D of the deepest row and [`SLACK`], so how deep a layer gets is known before anything is shared.

use super::tree::{Forms, pair};
use super::{Row, digits};
use crate::netlist::{Id, Netlist, Term};
use baler_data::random::mix;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Most pairs of digits among which common ones are looked for; layers with more share nothing.
const MAX_PAIRS: usize = 4_000_000;

/// Levels by which sharing may make a layer deeper: the first saves adders, more save hardly any.
const SLACK: u32 = 1;

/// a + (b << shift), or a - (b << shift) where they differ in sign; a negative shift is one of a to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Pattern {
    a: Id,
    b: Id,
    shift: i32,
    differ: bool,
}

impl Pattern {
    /// The pattern of two terms, and true if `x` is its a.
    fn of(x: Term, y: Term) -> (Pattern, bool) {
        let forward = (x.node, x.shift) < (y.node, y.shift);
        let (a, b) = if forward { (x, y) } else { (y, x) };
        let shift = b.shift as i32 - a.shift as i32;
        (Pattern { a: a.node, b: b.node, shift, differ: a.negative != b.negative }, forward)
    }

    /// The terms of the new node.
    fn terms(&self) -> (Term, Term) {
        let a = Term { node: self.a, shift: (-self.shift).max(0) as u32, negative: false };
        let b = Term { node: self.b, shift: self.shift.max(0) as u32, negative: self.differ };
        (a, b)
    }
}

/// (places, order among equals, lowest first): what makes a pattern worth a node.
type Worth = (u32, Reverse<u64>, Reverse<Pattern>);

struct Search<'a> {
    netlist: &'a mut Netlist,
    rows: Vec<Vec<Term>>,
    /// Of each row the sum of 2^level, levels counted from the layer's lowest input.
    crowd: Vec<u64>,
    /// Most that a row may have.
    room: u64,
    base: u32,
    counts: HashMap<Pattern, u32>,
    heap: BinaryHeap<Worth>,
    refused: HashSet<Pattern>,
    seed: u64,
}

/// Pairs of digits in all rows.
pub(crate) fn n_pairs(rows: &[Row]) -> usize {
    let n_digits = |row: &Row| row.weights.iter().map(|&(_, w)| digits::of(w).len()).sum::<usize>();
    rows.iter().map(|row| n_digits(row).pow(2) / 2).sum()
}

/// The terms of each row, biases left out, over nodes that rows share.
pub(crate) fn shared(
    netlist: &mut Netlist,
    forms: &mut Forms,
    inputs: &[Id],
    rows: &[Row],
    seed: u64,
) -> Vec<Vec<Term>> {
    let terms = |row: &Row| -> Vec<Term> {
        let of_weight = |&(column, w): &(usize, i64)| {
            let term = move |(shift, negative)| Term { node: inputs[column], shift, negative };
            digits::of(w).into_iter().map(term)
        };
        row.weights.iter().flat_map(of_weight).collect()
    };
    let all: Vec<Vec<Term>> = rows.iter().map(terms).collect();
    if n_pairs(rows) > MAX_PAIRS {
        return all;
    }
    let base = inputs.iter().map(|&id| netlist.nodes[id].level).min().unwrap_or(0);
    let mut search = Search {
        crowd: Vec::new(),
        room: 0,
        base,
        counts: HashMap::new(),
        heap: BinaryHeap::new(),
        refused: HashSet::new(),
        seed,
        rows: all,
        netlist,
    };
    search.start(rows);
    search.run(forms);
    let there = |term: &Term| term.node != Id::MAX;
    search.rows.iter().map(|row| row.iter().copied().filter(there).collect()).collect()
}

impl Search<'_> {
    fn weight(&self, term: Term) -> u64 {
        1 << (self.netlist.nodes[term.node].level - self.base).min(40)
    }

    fn start(&mut self, rows: &[Row]) {
        let crowd = |(terms, row): (&Vec<Term>, &Row)| {
            terms.iter().map(|&t| self.weight(t)).sum::<u64>() + u64::from(row.bias != 0)
        };
        self.crowd = self.rows.iter().zip(rows).map(crowd).collect();
        self.room = (1 << SLACK) * self.crowd.iter().max().map_or(1, |n| n.next_power_of_two());
        for row in 0..self.rows.len() {
            for i in 0..self.rows[row].len() {
                for j in 0..i {
                    self.count(Pattern::of(self.rows[row][i], self.rows[row][j]).0, 1);
                }
            }
        }
    }

    fn count(&mut self, pattern: Pattern, change: i32) {
        let count = self.counts.entry(pattern).or_insert(0);
        *count = count.wrapping_add_signed(change);
        if *count == 0 {
            self.counts.remove(&pattern);
        } else if change > 0 && *count >= 2 {
            let worth = self.worth(pattern, self.counts[&pattern]);
            self.heap.push(worth);
        }
    }

    fn worth(&self, pattern: Pattern, count: u32) -> Worth {
        let level = self.netlist.nodes[pattern.a].level.max(self.netlist.nodes[pattern.b].level);
        let level = u64::from(level);
        // The first order takes the lowest and narrowest, the others any, every other one of the lowest.
        let among_equals = match self.seed {
            0 => level << 8 | u64::from(pattern.shift.unsigned_abs()),
            seed => {
                let place =
                    (pattern.a as u64) << 40 | (pattern.b as u64) << 16 | (pattern.shift as u64 & 0xff) << 1;
                let any = mix(mix(seed) ^ place ^ u64::from(pattern.differ)) >> 8;
                if seed % 2 == 1 { level << 56 | any } else { any }
            }
        };
        (count, Reverse(among_equals), Reverse(pattern))
    }

    fn run(&mut self, forms: &mut Forms) {
        while let Some((count, _, Reverse(pattern))) = self.heap.pop() {
            let now = self.counts.get(&pattern).copied().unwrap_or(0);
            if now != count {
                // An entry with the right count is there if it rose; if it fell, this is where it comes back.
                if now >= 2 && now < count {
                    self.heap.push(self.worth(pattern, now));
                }
                continue;
            }
            if !self.refused.contains(&pattern) {
                self.take(forms, pattern);
            }
        }
    }

    /// Makes a node of a pattern and puts it where the pattern stands, if that is at least twice.
    fn take(&mut self, forms: &mut Forms, pattern: Pattern) {
        let places: Vec<(usize, Vec<(usize, usize)>)> = (0..self.rows.len())
            .map(|row| (row, self.places(row, pattern)))
            .filter(|(_, found)| !found.is_empty())
            .collect();
        if places.iter().map(|(_, found)| found.len()).sum::<usize>() < 2 {
            self.refused.insert(pattern);
            return;
        }
        let (a, b) = pattern.terms();
        let node = pair(self.netlist, forms, a, b);
        debug_assert!(node.shift == 0 && !node.negative);
        for (row, found) in places {
            for &(i, j) in &found {
                let (a, b) = (self.rows[row][i], self.rows[row][j]);
                let sum = Term { node: node.node, shift: a.shift.min(b.shift), negative: a.negative };
                self.crowd[row] += self.weight(sum);
                self.crowd[row] -= self.weight(a) + self.weight(b);
                self.replace(row, i, j, sum);
            }
        }
    }

    /// Disjoint pairs of places in a row where the pattern stands and its tree keeps its depth.
    fn places(&self, row: usize, pattern: Pattern) -> Vec<(usize, usize)> {
        let terms = &self.rows[row];
        let level = self.netlist.nodes[pattern.a].level.max(self.netlist.nodes[pattern.b].level) + 1;
        let mut crowd = self.crowd[row];
        let mut used = vec![false; terms.len()];
        let mut found = Vec::new();
        for i in (0..terms.len()).filter(|&i| terms[i].node == pattern.a) {
            if used[i] {
                continue;
            }
            let wanted = terms[i].shift as i32 + pattern.shift;
            let fits = |j: &usize| {
                let (a, b) = (terms[i], terms[*j]);
                *j != i
                    && !used[*j]
                    && b.node == pattern.b
                    && b.shift as i32 == wanted
                    && (a.negative != b.negative) == pattern.differ
            };
            let Some(j) = (0..terms.len()).find(fits) else { continue };
            let after =
                crowd + (1 << (level - self.base).min(40)) - self.weight(terms[i]) - self.weight(terms[j]);
            if after <= self.room {
                crowd = after;
                (used[i], used[j]) = (true, true);
                found.push((i, j));
            }
        }
        found
    }

    /// Puts `sum` in the place of i; that of j is left without a term (node `Id::MAX`) so that places stay.
    fn replace(&mut self, row: usize, i: usize, j: usize, sum: Term) {
        for (at, term) in [(j, None), (i, Some(sum))] {
            let old = self.rows[row][at];
            self.recount(row, at, old, -1);
            let gone = Term { node: Id::MAX, shift: 0, negative: false };
            self.rows[row][at] = term.unwrap_or(gone);
            if let Some(term) = term {
                self.recount(row, at, term, 1);
            }
        }
        // Places of this row that were found before stay as they are; gone terms are dropped at the end.
    }

    fn recount(&mut self, row: usize, at: usize, term: Term, change: i32) {
        for other in 0..self.rows[row].len() {
            let partner = self.rows[row][other];
            if other != at && partner.node != Id::MAX {
                self.count(Pattern::of(term, partner).0, change);
            }
        }
    }
}
