//! What is known of a table before its first value: in which order columns are coded, how one follows from others,
//! and what each is asked about when it is coded.

use crate::table::bins::{Bins, MAX_BINS};
use crate::table::formula::Formula;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::{Error, Result};

/// Most rows of a table's chunk.
pub const MAX_ROWS: usize = 1 << 20;
/// Most formulas for each column.
pub const MAX_FORMULAS: usize = 4;
/// Most contexts of a head.
pub const MAX_CONTEXTS: usize = 6;
/// Most features of a context.
const MAX_FEATURES: usize = 4;
/// Most buckets of a feature.
pub const MAX_BUCKETS: usize = 64;
/// Most counters of a context.
pub const MAX_COUNTERS: usize = 1 << 20;

/// A table's model; columns are counted within the group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableModel {
    /// Order in which columns are coded: each reads only those before it.
    pub order: Vec<usize>,
    /// Formulas that columns use.
    pub formulas: Vec<Formula>,
    /// One a column.
    pub columns: Vec<ColumnModel>,
}

/// How one column is coded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ColumnModel {
    /// Where that column is 0 this one is 0, and not coded.
    pub gate: Option<usize>,
    /// What numbers are counted from.
    pub base: Base,
    /// The lattice is centered on the base's value, rather than numbers on the base's number.
    pub centered: bool,
    /// Rows with a base, then rows without; one where no row can differ.
    pub heads: Vec<Head>,
}

/// What a column's numbers are counted from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Base {
    /// From 0.
    #[default]
    Zero,
    /// From the number of the row before.
    Before,
    /// From a formula's value, in rows where it is finite and all of `zeros` are 0.
    Formula {
        /// Which formula.
        formula: usize,
        /// Columns that take no part, and must be 0.
        zeros: Vec<usize>,
    },
}

/// The distribution of numbers: their classes, and what these are asked about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Head {
    /// Classes of numbers.
    pub bins: Bins,
    /// Each has counters of its own; their votes are mixed.
    pub contexts: Vec<Vec<Feature>>,
}

/// Something known when a number is coded, in few buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Feature {
    /// What.
    pub source: Source,
    /// In how many buckets, at most.
    pub n_buckets: usize,
}

/// Where a feature comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A column, `lag` rows before (0 to 2).
    Column {
        /// Which.
        column: usize,
        /// How many rows before.
        lag: usize,
    },
    /// Is a column below, equal or above itself in the row before? Three buckets.
    Rise(usize),
    /// A formula.
    Formula(usize),
    /// The class of this column's own number, `lag` rows before (1 or 2).
    Own {
        /// How many rows before.
        lag: usize,
    },
}

impl TableModel {
    /// The bytes of docs/format.md.
    pub fn write(&self, w: &mut ByteWriter) {
        self.order.iter().for_each(|&idx| w.count(idx));
        w.count(self.formulas.len());
        self.formulas.iter().for_each(|formula| formula.write(w));
        self.columns.iter().for_each(|column| column.write(w));
    }

    /// Inverse of [`TableModel::write`] for `n_columns` columns.
    pub fn read(r: &mut ByteReader, n_columns: usize) -> Result<TableModel> {
        let order: Vec<usize> = (0..n_columns).map(|_| r.count()).collect::<Result<_>>()?;
        let mut ranks = vec![usize::MAX; n_columns];
        for (rank, &idx) in order.iter().enumerate() {
            match ranks.get_mut(idx) {
                Some(free) if *free == usize::MAX => *free = rank,
                _ => return Err(Error::corrupt("expected an order of all columns of a table")),
            }
        }
        let n_formulas = r.count_of_items()?;
        if n_formulas > MAX_FORMULAS * n_columns {
            return Err(Error::corrupt("a table has more formulas than its columns can need"));
        }
        let formulas = (0..n_formulas).map(|_| Formula::read(r, n_columns)).collect::<Result<_>>()?;
        let columns = (0..n_columns).map(|_| ColumnModel::read(r)).collect::<Result<_>>()?;
        let model = TableModel { order, formulas, columns };
        model.check(&ranks)?;
        Ok(model)
    }

    /// Every column reads only what is decoded before it.
    fn check(&self, ranks: &[usize]) -> Result<()> {
        for (idx, column) in self.columns.iter().enumerate() {
            if column.formulas().any(|formula| formula >= self.formulas.len()) {
                return Err(Error::corrupt("a column asks for a formula that is not there"));
            }
            if self.parents(idx).iter().any(|&parent| parent >= ranks.len() || ranks[parent] >= ranks[idx]) {
                return Err(Error::corrupt("a column asks for one that is not decoded before it"));
            }
        }
        Ok(())
    }

    /// Columns that column `idx` reads, ascending.
    pub fn parents(&self, idx: usize) -> Vec<usize> {
        let column = &self.columns[idx];
        let mut parents: Vec<usize> = column.gate.into_iter().collect();
        parents.extend(column.formulas().flat_map(|formula| self.formulas[formula].columns()));
        if let Base::Formula { zeros, .. } = &column.base {
            parents.extend(zeros);
        }
        parents.extend(column.features().filter_map(|feature| match feature.source {
            Source::Column { column, .. } | Source::Rise(column) => Some(column),
            _ => None,
        }));
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// Columns whose values contexts of column `idx` ask for, ascending.
    pub fn context_parents(&self, idx: usize) -> Vec<usize> {
        let mut parents: Vec<usize> = (self.columns[idx].features())
            .filter_map(|feature| match feature.source {
                Source::Column { column, .. } | Source::Rise(column) => Some(column),
                _ => None,
            })
            .collect();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// Classes of all heads.
    pub fn n_bins(&self) -> usize {
        self.columns.iter().flat_map(|column| &column.heads).map(|head| head.bins.n_classes()).sum()
    }

    /// `wanted` columns, and all that they need.
    pub fn with_ancestors(&self, mut wanted: Vec<bool>) -> Vec<bool> {
        for &idx in self.order.iter().rev() {
            if wanted[idx] {
                self.parents(idx).into_iter().for_each(|parent| wanted[parent] = true);
            }
        }
        wanted
    }
}

impl ColumnModel {
    /// What its contexts ask for.
    pub fn features(&self) -> impl Iterator<Item = &Feature> {
        self.heads.iter().flat_map(|head| head.contexts.iter().flatten())
    }

    /// Formulas that it uses, for its base or for contexts.
    pub fn formulas(&self) -> impl Iterator<Item = usize> + '_ {
        let of_base = match self.base {
            Base::Formula { formula, .. } => Some(formula),
            _ => None,
        };
        of_base.into_iter().chain(self.features().filter_map(|feature| match feature.source {
            Source::Formula(idx) => Some(idx),
            _ => None,
        }))
    }

    fn write(&self, w: &mut ByteWriter) {
        w.count(self.gate.map_or(0, |gate| gate + 1));
        match &self.base {
            Base::Zero => w.u8(0),
            Base::Before => w.u8(1),
            Base::Formula { formula, zeros } => {
                w.u8(2 + self.centered as u8);
                w.count(*formula);
                w.count(zeros.len());
                zeros.iter().for_each(|&idx| w.count(idx));
            }
        }
        w.count(self.heads.len());
        self.heads.iter().for_each(|head| head.write(w));
    }

    fn read(r: &mut ByteReader) -> Result<ColumnModel> {
        let gate = r.count()?.checked_sub(1);
        let code = r.u8()?;
        let base = match code {
            0 => Base::Zero,
            1 => Base::Before,
            2 | 3 => Base::Formula {
                formula: r.count()?,
                zeros: (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?,
            },
            n => return Err(Error::unsupported(format!("expected a base from 0 to 3, found {n}"))),
        };
        let heads: Vec<Head> = (0..r.count_of_items()?).map(|_| Head::read(r)).collect::<Result<_>>()?;
        if heads.len() > 2 {
            return Err(Error::corrupt("expected at most two heads of a column"));
        }
        Ok(ColumnModel { gate, base, centered: code == 3, heads })
    }
}

impl Head {
    fn write(&self, w: &mut ByteWriter) {
        self.bins.write(w);
        w.count(self.contexts.len());
        for context in &self.contexts {
            w.count(context.len());
            context.iter().for_each(|feature| feature.write(w));
        }
    }

    fn read(r: &mut ByteReader) -> Result<Head> {
        let bins = Bins::read(r)?;
        let contexts: Vec<Vec<Feature>> = (0..r.count_of_items()?)
            .map(|_| (0..r.count_of_items()?).map(|_| Feature::read(r)).collect())
            .collect::<Result<_>>()?;
        let head = Head { bins, contexts };
        if head.fits() { Ok(head) } else { Err(Error::corrupt("a head of a table has too many contexts")) }
    }

    /// True if the contexts keep their limits.
    pub fn fits(&self) -> bool {
        self.contexts.len() <= MAX_CONTEXTS
            && self.contexts.iter().all(|context| {
                let n_own = context.iter().filter(|f| matches!(f.source, Source::Own { .. })).count();
                context.len() <= MAX_FEATURES && n_own <= 1 && n_cells(context) * MAX_BINS <= MAX_COUNTERS
            })
    }
}

/// How many combinations of buckets a context has.
pub fn n_cells(context: &[Feature]) -> usize {
    context.iter().map(|feature| feature.n_buckets).product()
}

impl Feature {
    fn write(&self, w: &mut ByteWriter) {
        match self.source {
            Source::Column { column, lag } => {
                w.u8(lag as u8);
                w.count(column);
            }
            Source::Rise(column) => {
                w.u8(3);
                w.count(column);
            }
            Source::Formula(idx) => {
                w.u8(4);
                w.count(idx);
            }
            Source::Own { lag } => w.u8(4 + lag as u8),
        }
        w.u8(self.n_buckets as u8);
    }

    fn read(r: &mut ByteReader) -> Result<Feature> {
        let source = match r.u8()? {
            lag @ 0..=2 => Source::Column { column: r.count()?, lag: lag as usize },
            3 => Source::Rise(r.count()?),
            4 => Source::Formula(r.count()?),
            code @ 5..=6 => Source::Own { lag: code as usize - 4 },
            n => return Err(Error::unsupported(format!("expected a feature from 0 to 6, found {n}"))),
        };
        let n_buckets = r.u8()? as usize;
        if (2..=MAX_BUCKETS).contains(&n_buckets) {
            Ok(Feature { source, n_buckets })
        } else {
            Err(Error::corrupt(format!("expected 2 to {MAX_BUCKETS} buckets, found {n_buckets}")))
        }
    }
}
