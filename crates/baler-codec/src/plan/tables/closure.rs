//! What else has to be decoded to read one column: contexts that make it a large part of a wide table must be worth it.
//! What relations need is not in question here: they are worth whole columns.

use crate::table::codec::{Decoded, Quantized};
use crate::table::model::{Source, TableModel};

/// Columns of a table of which any column may need all: there is little to leave out.
const NARROW: usize = 12;
/// Share of the table's decoding time that a column and all that its contexts ask for may take freely.
const MOST_SHARE: f64 = 0.22;
/// Time of a row that is not coded, one that is being 1.
const UNCODED_TIME: f64 = 0.2;

/// Closures of the columns whose contexts are known.
pub struct Closures {
    /// Time that decoding each column alone takes.
    times: Vec<f64>,
    /// Which columns reading each one needs, itself among them; empty where not known yet.
    needed: Vec<Vec<bool>>,
}

impl Closures {
    /// Of columns whose contexts are not looked for yet.
    pub fn new(quantized: &[Option<Quantized>], model: &TableModel, decoded: &Decoded) -> Closures {
        let time = |(idx, quantized): (usize, &Option<Quantized>)| {
            let n_rows = quantized.as_ref().map_or(0, |quantized| quantized.numbers.len());
            let gate = model.columns[idx].gate.map_or(&[][..], |gate| &decoded.columns[gate]);
            let n_gated = gate.iter().filter(|&&x| x == 0.0).count();
            (n_rows - n_gated) as f64 + UNCODED_TIME * n_gated as f64
        };
        let times = quantized.iter().enumerate().map(time).collect();
        Closures { times, needed: vec![Vec::new(); quantized.len()] }
    }

    /// What column `idx` needs by the model as it stands; its parents must be known.
    pub fn of(&self, model: &TableModel, idx: usize) -> Vec<bool> {
        let mut needed = vec![false; self.times.len()];
        needed[idx] = true;
        model.parents(idx).into_iter().for_each(|parent| self.join(&mut needed, parent));
        needed
    }

    /// Remembers what a column needs, once its contexts are known.
    pub fn know(&mut self, model: &TableModel, idx: usize) {
        self.needed[idx] = self.of(model, idx);
    }

    /// Adds a column and what it needs.
    fn join(&self, needed: &mut [bool], column: usize) {
        needed.iter_mut().zip(&self.needed[column]).for_each(|(needed, &other)| *needed |= other);
    }

    /// True if what a source needs beside `needed` makes that take too much of the table's time.
    pub fn is_far(&self, needed: &[bool], source: Source, model: &TableModel) -> bool {
        let next = self.with(needed, source, model);
        let wide = self.times.len() > NARROW;
        wide && next != needed && self.time(&next) > MOST_SHARE * self.times.iter().sum::<f64>()
    }

    /// `needed` and what a source needs.
    pub fn with(&self, needed: &[bool], source: Source, model: &TableModel) -> Vec<bool> {
        let mut next = needed.to_vec();
        match source {
            Source::Column { column, .. } | Source::Rise(column) => self.join(&mut next, column),
            Source::Formula(idx) => {
                model.formulas[idx].columns().for_each(|column| self.join(&mut next, column))
            }
            Source::Own { .. } => {}
        }
        next
    }

    fn time(&self, needed: &[bool]) -> f64 {
        self.times.iter().zip(needed).filter(|(_, needed)| **needed).map(|(time, _)| time).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::model::{ColumnModel, Feature, Head};

    #[test]
    fn sources_that_need_much_are_far() {
        let mut model = TableModel { columns: vec![ColumnModel::default(); 20], ..TableModel::default() };
        let mut closures = Closures { times: vec![1.0; 20], needed: vec![Vec::new(); 20] };
        let of = |column: usize| Source::Column { column, lag: 0 };
        for idx in 0..19 {
            if (1..4).contains(&idx) {
                let contexts = vec![vec![Feature { source: of(idx - 1), n_buckets: 8 }]];
                model.columns[idx].heads = vec![Head { contexts, ..Head::default() }];
            }
            closures.know(&model, idx);
        }
        let needed = closures.of(&model, 19);
        assert!(closures.is_far(&needed, of(3), &model) && !closures.is_far(&needed, of(2), &model));
        let needed = closures.with(&needed, of(2), &model);
        assert!(closures.is_far(&needed, of(9), &model) && !closures.is_far(&needed, of(1), &model));
        assert_eq!(needed.iter().filter(|&&needed| needed).count(), 4);
    }
}
