//! Relations between columns: equal, affine, sums, products with angles (four-vectors), zero exactly together. They are
//! looked for on a sample and tested on all rows; names mean nothing.
//!
//! What is found here must hold almost exactly in the original values. Whether it pays under a bound is decided by
//! [`super::estimate`].

use crate::options::BoundSpec;
use crate::plan::tables::linear::Regression;
use crate::plan::tables::ratios;
use crate::quantize::Grid;
use crate::table::formula::{Formula, Op};
use crate::table::model::{Base, ColumnModel, TableModel};
use crate::variable::VariablePlan;

/// Rows of the sample, and rows beside that where a column that is mostly 0 is not.
const N_SAMPLES: usize = 500;
const N_RARE: usize = 12;
/// Relative error of a relation between float32 values, and of the tests that come before it on few rows.
const TOLERANCE: f64 = 3e-6;
/// Share of the rows in which a relation must hold.
const HOLDS: f64 = 0.99;
/// Most combinations of three columns that are tried as an energy, and most columns among which one is a sum: wide
/// tables would take minutes.
const MAX_ENERGIES: usize = 4000;
const MAX_TERMS: usize = 64;
/// Largest angle or rapidity.
const MAX_ANGLE: f64 = 30.0;

/// What a column looks like.
struct Kind {
    constant: bool,
    non_negative: bool,
    integral: bool,
    /// Share of zeros.
    zeros: f64,
    max_abs: f64,
    /// Its values are kept exactly.
    exact: bool,
}

/// The search, with what it found so far.
struct Search<'a> {
    raw: &'a [Vec<f64>],
    samples: Vec<Vec<f64>>,
    kinds: Vec<Kind>,
    model: TableModel,
    /// Columns that follow from others.
    derived: Vec<bool>,
}

/// Relations of columns (as float64), and an order in which each is coded after those that it needs.
pub fn find(raw: &[Vec<f64>], variables: &[&VariablePlan]) -> TableModel {
    search(
        raw,
        raw.iter().zip(variables).map(|(column, variable)| Kind::of(column, is_exact(variable))).collect(),
    )
}

/// As `find`, of columns that are kept exactly.
pub fn find_exact(raw: &[Vec<f64>]) -> TableModel {
    search(raw, raw.iter().map(|column| Kind::of(column, true)).collect())
}

/// True if the variable's values are kept exactly.
fn is_exact(variable: &VariablePlan) -> bool {
    match variable.grid {
        Grid::Order | Grid::OrderF32 | Grid::Decimal { .. } => true,
        Grid::Integer { step: 1 } => true,
        Grid::Integer { .. } | Grid::Uniform { .. } | Grid::Log { .. } => {
            variable.bound.spec == BoundSpec::Lossless
        }
    }
}

fn search(raw: &[Vec<f64>], kinds: Vec<Kind>) -> TableModel {
    let n_rows = raw.first().map_or(0, Vec::len);
    let mut rows: Vec<usize> =
        (0..n_rows.min(N_SAMPLES)).map(|i| i * n_rows / n_rows.min(N_SAMPLES)).collect();
    for column in raw {
        rows.extend(column.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(row, _)| row).take(N_RARE));
    }
    rows.sort_unstable();
    rows.dedup();
    let samples = raw.iter().map(|column| rows.iter().map(|&row| column[row]).collect()).collect();
    let model = TableModel { columns: vec![ColumnModel::default(); raw.len()], ..TableModel::default() };
    let mut search = Search { raw, samples, kinds, model, derived: vec![false; raw.len()] };
    search.find_equal();
    search.find_gates();
    search.find_products();
    search.find_sums();
    search.find_energies();
    search.find_ratios();
    search.add_changes();
    search.order();
    search.model
}

impl Kind {
    fn of(column: &[f64], exact: bool) -> Kind {
        let all = |test: fn(f64) -> bool| column.iter().all(|&x| test(x));
        Kind {
            constant: column.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits()),
            non_negative: all(|x| x >= 0.0),
            integral: all(|x| x == x.trunc() && x.abs() < 1e15),
            zeros: column.iter().filter(|x| **x == 0.0).count() as f64 / column.len().max(1) as f64,
            max_abs: column.iter().fold(0.0, |most, x| most.max(x.abs())),
            exact,
        }
    }
}

fn near(found: f64, expected: f64, size: f64) -> bool {
    (found - expected).abs() <= TOLERANCE * size.max(expected.abs())
}

impl Search<'_> {
    fn n(&self) -> usize {
        self.raw.len()
    }

    /// Columns that nothing is known of yet.
    fn free(&self, idx: usize) -> bool {
        !self.derived[idx] && !self.kinds[idx].constant
    }

    fn derive(&mut self, idx: usize, formula: Formula) {
        let formula = self.add(formula);
        self.model.columns[idx].base = Base::Formula { formula, zeros: Vec::new() };
        self.model.columns[idx].gate = None;
        self.derived[idx] = true;
    }

    /// A formula's index; each column adds at most three, fewer than a model may have.
    fn add(&mut self, formula: Formula) -> usize {
        let known = self.model.formulas.iter().position(|other| *other == formula);
        known.unwrap_or_else(|| {
            self.model.formulas.push(formula);
            self.model.formulas.len() - 1
        })
    }

    /// True if the formula gives the column in nearly all rows.
    fn holds(&self, formula: &Formula, idx: usize) -> bool {
        let n_rows = self.raw[idx].len();
        let Ok(values) = formula.evaluate(self.raw, n_rows) else { return false };
        // What is no number is kept beside the stream.
        let good = |(y, x): &(&f64, &f64)| !x.is_finite() || near(**y, **x, 0.0);
        let n_good = values.iter().zip(&self.raw[idx]).filter(good).count();
        n_good as f64 >= HOLDS * n_rows as f64
    }

    /// Columns equal to an earlier one, or a x + b of it.
    fn find_equal(&mut self) {
        for idx in 0..self.n() {
            for parent in (0..idx).filter(|_| self.free(idx)).collect::<Vec<_>>() {
                if !self.free(parent) || !self.free(idx) {
                    continue;
                }
                if let Some(formula) = self.affine(parent, idx).filter(|formula| self.holds(formula, idx)) {
                    self.derive(idx, formula);
                }
            }
        }
    }

    /// The map from one column to another through the sample's extreme points, if all of the sample lies on it.
    fn affine(&self, from: usize, to: usize) -> Option<Formula> {
        let (x, y) = (&self.samples[from], &self.samples[to]);
        let rows: Vec<usize> = (0..x.len()).filter(|&row| x[row].is_finite() && y[row].is_finite()).collect();
        let low = rows.iter().copied().min_by(|&a, &b| x[a].total_cmp(&x[b]))?;
        let high = rows.iter().copied().max_by(|&a, &b| x[a].total_cmp(&x[b]))?;
        let slope = (y[high] - y[low]) / (x[high] - x[low]);
        if !slope.is_finite() || slope == 0.0 {
            return None;
        }
        // Whole and decimal factors are meant exactly.
        let slope = Some((slope * 1e6).round() / 1e6).filter(|s| near(*s, slope, 0.0)).unwrap_or(slope);
        let offset = y[low] - slope * x[low];
        let offset = if offset.abs() < 1e-9 * y[high].abs().max(y[low].abs()) { 0.0 } else { offset };
        let fits = rows.iter().all(|&row| near(slope * x[row] + offset, y[row], (slope * x[row]).abs()));
        let mut ops = vec![Op::Column(from)];
        if slope != 1.0 {
            ops.extend([Op::Constant(slope), Op::Multiply]);
        }
        if offset != 0.0 {
            ops.extend([Op::Constant(offset), Op::Add]);
        }
        fits.then_some(Formula(ops))
    }

    /// Columns that are 0 exactly where a whole, exactly kept one is.
    fn find_gates(&mut self) {
        for idx in 0..self.n() {
            let kind = &self.kinds[idx];
            if !self.free(idx) || kind.integral || kind.zeros == 0.0 {
                continue;
            }
            let opens = |gate: usize| {
                let other = &self.kinds[gate];
                let same = |(x, g): (&f64, &f64)| (*x == 0.0) == (*g == 0.0);
                other.exact
                    && other.integral
                    && other.zeros == self.kinds[idx].zeros
                    && self.raw[idx].iter().zip(&self.raw[gate]).all(same)
            };
            let gate = (0..self.n()).find(|&gate| self.free(gate) && opens(gate));
            self.model.columns[idx].gate = gate;
        }
    }

    /// Four-vectors: a column is a length times cos, sin or sinh of an angle, or the length of two or three others.
    fn find_products(&mut self) {
        let lengths: Vec<usize> = (0..self.n())
            .filter(|&idx| self.free(idx) && self.kinds[idx].non_negative && !self.kinds[idx].integral)
            .collect();
        let angles = self.angles();
        for &length in &lengths {
            for &angle in &angles {
                for op in [Op::Cos, Op::Sin, Op::Sinh, Op::Cosh] {
                    let formula = Formula(vec![Op::Column(length), Op::Column(angle), op, Op::Multiply]);
                    self.derive_where_it_holds(formula, &[length, angle]);
                }
            }
        }
        let n_energies = lengths.len() * lengths.len() * angles.len();
        for &pt in lengths.iter().filter(|_| n_energies <= MAX_ENERGIES) {
            for &eta in &angles {
                for &mass in lengths.iter().filter(|&&mass| mass != pt) {
                    self.derive_where_it_holds(energy(pt, eta, mass), &[pt, eta, mass]);
                }
            }
        }
        let signed: Vec<usize> =
            (0..self.n()).filter(|&idx| self.free(idx) && !self.kinds[idx].non_negative).collect();
        for (at, &x) in signed.iter().enumerate() {
            for (next, &y) in signed.iter().enumerate().skip(at + 1) {
                let two = [Op::Column(x), Op::Square, Op::Column(y), Op::Square, Op::Add];
                self.derive_where_it_holds(Formula([&two[..], &[Op::Root]].concat()), &[x, y]);
                for &z in &signed[next + 1..] {
                    let three = [&two[..], &[Op::Column(z), Op::Square, Op::Add, Op::Root]].concat();
                    self.derive_where_it_holds(Formula(three), &[x, y, z]);
                }
            }
        }
    }

    fn angles(&self) -> Vec<usize> {
        let is_angle = |kind: &Kind| kind.max_abs < MAX_ANGLE && !kind.non_negative && !kind.integral;
        (0..self.n()).filter(|&idx| self.free(idx) && is_angle(&self.kinds[idx])).collect()
    }

    /// Derives every free column that the formula gives.
    fn derive_where_it_holds(&mut self, formula: Formula, parents: &[usize]) {
        if parents.iter().any(|&idx| !self.free(idx)) {
            return;
        }
        let Ok(values) = formula.evaluate(&self.samples, self.samples[0].len()) else { return };
        for idx in 0..self.n() {
            let candidate = self.free(idx) && !parents.contains(&idx) && !self.is_parent(idx);
            let n_bad =
                || values.iter().zip(&self.samples[idx]).filter(|(y, x)| !near(**y, **x, 0.0)).count();
            // A few rows tell most columns apart.
            let first =
                |n: usize| values.iter().zip(&self.samples[idx]).take(n).any(|(y, x)| near(*y, *x, 0.0));
            if candidate && first(20) && n_bad() * 50 < values.len() && self.holds(&formula, idx) {
                self.derive(idx, formula.clone());
            }
        }
    }

    /// True if another column was derived from this one.
    fn is_parent(&self, idx: usize) -> bool {
        self.model.columns.iter().any(|column| {
            column.gate == Some(idx)
                || matches!(&column.base, Base::Formula { formula, .. }
                    if self.model.formulas[*formula].columns().any(|parent| parent == idx))
        })
    }

    /// Columns that are the sum (or difference) of others; those with the most distinct values first.
    fn find_sums(&mut self) {
        let mut targets: Vec<usize> = (0..self.n()).filter(|&idx| self.free(idx)).collect();
        let cost = |idx: &usize| {
            let mut values: Vec<u64> = self.samples[*idx].iter().map(|x| x.to_bits()).collect();
            values.sort_unstable();
            values.dedup();
            (values.len(), self.kinds[*idx].max_abs)
        };
        targets.sort_by(|a, b| cost(b).partial_cmp(&cost(a)).unwrap_or(std::cmp::Ordering::Equal));
        for target in targets {
            let others: Vec<usize> =
                (0..self.n()).filter(|&idx| self.free(idx) && idx != target && self.is_finite(idx)).collect();
            if self.is_parent(target) || !self.is_finite(target) || others.len() > MAX_TERMS {
                continue;
            }
            let regression =
                Regression::new(others.iter().map(|&idx| self.samples[idx].as_slice()).collect());
            if let Some(terms) = regression.sum_for(&self.samples[target], TOLERANCE) {
                let terms: Vec<(usize, f64)> = terms.iter().map(|&(at, sign)| (others[at], sign)).collect();
                let formula = sum(Vec::new(), &terms);
                if self.holds(&formula, target) {
                    self.derive(target, formula);
                }
            }
        }
    }

    fn is_finite(&self, idx: usize) -> bool {
        self.samples[idx].iter().all(|x| x.is_finite())
    }

    /// The energy of three columns is the sum of others: each of these is what the others leave, in rows where all
    /// that come later are known to be 0.
    fn find_energies(&mut self) {
        let others: Vec<usize> = (0..self.n()).filter(|&idx| self.free(idx) && self.is_finite(idx)).collect();
        let lengths: Vec<usize> = others
            .iter()
            .copied()
            .filter(|&idx| self.kinds[idx].non_negative && !self.kinds[idx].integral)
            .collect();
        let angles = self.angles();
        if lengths.len() * lengths.len() * angles.len() > MAX_ENERGIES || others.len() > MAX_TERMS {
            return;
        }
        let regression = Regression::new(others.iter().map(|&idx| self.samples[idx].as_slice()).collect());
        for &eta in &angles {
            for &pt in &lengths {
                for &mass in lengths.iter().filter(|&&mass| mass != pt) {
                    let formula = energy(pt, eta, mass);
                    let Ok(values) = formula.evaluate(&self.samples, self.samples[0].len()) else { continue };
                    if values.iter().any(|x| !x.is_finite()) {
                        continue;
                    }
                    let Some(terms) = regression.sum_for(&values, TOLERANCE) else { continue };
                    let members: Vec<usize> = terms.iter().map(|&(at, _)| others[at]).collect();
                    let plus = terms.iter().all(|&(_, sign)| sign == 1.0);
                    if plus && members.len() > 1 && !members.iter().any(|m| [pt, eta, mass].contains(m)) {
                        self.share(formula, members);
                        return;
                    }
                }
            }
        }
    }

    /// Members of a sum: those without a gate first.
    fn share(&mut self, total: Formula, mut members: Vec<usize>) {
        members.sort_by_key(|&idx| (self.model.columns[idx].gate.is_some(), idx));
        self.add(total.clone());
        for (at, &idx) in members.iter().enumerate() {
            let gates: Option<Vec<usize>> =
                members[at + 1..].iter().map(|&later| self.model.columns[later].gate).collect();
            let Some(zeros) = gates else { continue };
            let terms: Vec<(usize, f64)> = members[..at].iter().map(|&before| (before, -1.0)).collect();
            let rest = self.add(sum(total.0.clone(), &terms));
            self.model.columns[idx].base = Base::Formula { formula: rest, zeros };
        }
    }

    /// Signed columns that are about another one times a ratio.
    fn find_ratios(&mut self) {
        let columns: Vec<usize> = (0..self.n())
            .filter(|&idx| self.free(idx) && !self.kinds[idx].integral && self.is_finite(idx))
            .collect();
        for &t in &columns {
            let signed = |idx: usize| !self.kinds[idx].non_negative;
            if self.model.columns[t].base != Base::Zero || !signed(t) {
                continue;
            }
            let allowed = |idx: usize| !self.depends(idx, t);
            if let Some(found) = ratios::find(&self.samples, &columns, t, &allowed) {
                let factors = [Op::Column(found.a), Op::Column(found.b), Op::Multiply];
                let formula = self.add(Formula([&factors[..], &[Op::Column(found.c), Op::Divide]].concat()));
                self.model.columns[t].base = Base::Formula { formula, zeros: Vec::new() };
            }
        }
    }

    /// True if column `idx` needs column `other`, directly or not.
    fn depends(&self, idx: usize, other: usize) -> bool {
        let mut seen = vec![false; self.n()];
        let mut open = vec![idx];
        while let Some(next) = open.pop() {
            let parents = self.model.parents(next);
            open.extend(parents.iter().filter(|&&parent| !std::mem::replace(&mut seen[parent], true)));
        }
        seen[other]
    }

    /// Formulas that only contexts may ask for: by how much a column differs from the row before.
    fn add_changes(&mut self) {
        for idx in
            (0..self.n()).filter(|&idx| self.free(idx) && !self.kinds[idx].integral).collect::<Vec<_>>()
        {
            self.add(Formula(vec![Op::Column(idx), Op::Before(idx), Op::Subtract]));
        }
    }

    /// File order, but after what a column needs.
    fn order(&mut self) {
        let mut seen = vec![false; self.n()];
        for idx in 0..self.n() {
            self.visit(idx, &mut seen);
        }
    }

    fn visit(&mut self, idx: usize, seen: &mut [bool]) {
        if seen[idx] {
            return;
        }
        seen[idx] = true;
        for parent in self.model.parents(idx) {
            self.visit(parent, seen);
        }
        self.model.order.push(idx);
    }
}

/// sqrt((pt cosh eta)^2 + mass^2).
fn energy(pt: usize, eta: usize, mass: usize) -> Formula {
    let momentum = [Op::Column(pt), Op::Column(eta), Op::Cosh, Op::Multiply, Op::Square];
    Formula([&momentum[..], &[Op::Column(mass), Op::Square, Op::Add, Op::Root]].concat())
}

/// `start` and columns with their signs.
fn sum(start: Vec<Op>, terms: &[(usize, f64)]) -> Formula {
    let mut ops = start;
    let mut sorted = terms.to_vec();
    // A sum starts with what is added.
    sorted.sort_by_key(|&(_, sign)| sign < 0.0);
    for (idx, sign) in sorted {
        if ops.is_empty() {
            ops.push(Op::Column(idx));
            if sign < 0.0 {
                ops.extend([Op::Constant(-1.0), Op::Multiply]);
            }
            continue;
        }
        ops.extend([Op::Column(idx), if sign < 0.0 { Op::Subtract } else { Op::Add }]);
    }
    Formula(ops)
}
