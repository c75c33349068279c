//! The plan of an archive, as bytes and back: the schema of the dataset, what is promised for each variable, which
//! grid it lies on, and how variables are grouped into chunks. What a reader must reject is rejected here.

use crate::autoencoder::{BlockPlan, Scaling};
use crate::table::{self, TableModel};
use crate::variable::{VariablePlan, check_lists, read_name, read_variable, write_variable};
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::{Attachment, Layout, MAX_NAMES_WIDTH};
use baler_data::error::{Error, Result};
use baler_data::zstd_frames;
use baler_data::zstd_frames::unzstd;
use std::ops::Range;

/// Everything about the archive but the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How the variables stood in the source.
    pub layout: Layout,
    /// In the order of the source.
    pub variables: Vec<VariablePlan>,
    /// Each variable is in exactly one group.
    pub groups: Vec<GroupPlan>,
    /// Non-numeric members.
    pub attachments: Vec<Attachment>,
    /// What the planner has tried; decoding does not depend on it.
    pub trials: Vec<PlanTrial>,
}

/// What the planner has tried on a part of the data, and the bytes that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanTrial {
    /// What.
    pub what: PlanTrialKind,
    /// Bytes with it.
    pub with: u64,
    /// Bytes without.
    pub without: u64,
}

/// What a planner tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum PlanTrialKind {
    /// Columns as tables, or apart: the first chunk of each.
    Tables,
    /// The given model's networks: all of small data, else a part.
    Networks,
}

/// Variables that are coded together, in chunks of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPlan {
    /// Indices into the plan's variables, ascending.
    pub variables: Vec<usize>,
    /// Rows of every chunk but the last, and the last before a cut.
    pub rows_per_chunk: usize,
    /// Rows at which a chunk begins whatever stands before it, ascending: archives were merged there.
    pub cuts: Vec<usize>,
    /// How.
    pub method: GroupMethod,
}

/// How a group is coded.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupMethod {
    /// One variable, by itself: its streams hold all that they need.
    Classical,
    /// Variables of one shape, each by itself or beside one of them, which is by itself.
    Fields {
        /// Position of that one in the group.
        reference: usize,
    },
    /// One variable, predicted by the archive's model `model`.
    Predictive {
        /// Index into the archive's models.
        model: usize,
    },
    /// Columns of a table, coded together; its model stands here.
    Table(TableModel),
    /// Columns of a table, coded together by the archive's model `model`.
    SharedTable {
        /// Index into the archive's models.
        model: usize,
    },
    /// Latents of the archive's model `model`, part `part`.
    Autoencoder {
        /// Index into the archive's models.
        model: usize,
        /// How each variable is scaled to the network's units, in the order of the group's variables.
        scalings: Vec<Scaling>,
        /// Tiles of a field; `None` for the rows of a table.
        blocks: Option<BlockPlan>,
        /// False: the reconstruction is all there is (no promise).
        residual: bool,
    },
}

impl GroupMethod {
    /// The archive's model that is used, if any.
    pub fn model(&self) -> Option<usize> {
        match self {
            GroupMethod::Classical | GroupMethod::Fields { .. } | GroupMethod::Table(_) => None,
            GroupMethod::Predictive { model }
            | GroupMethod::SharedTable { model }
            | GroupMethod::Autoencoder { model, .. } => Some(*model),
        }
    }
}

impl GroupPlan {
    /// Without cuts.
    pub fn new(variables: Vec<usize>, rows_per_chunk: usize, method: GroupMethod) -> GroupPlan {
        GroupPlan { variables, rows_per_chunk, cuts: Vec::new(), method }
    }

    /// The rows between the cuts of so many.
    pub fn pieces(&self, n_rows: usize) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.cuts.iter().copied());
        let ends = self.cuts.iter().copied().chain([n_rows]);
        starts.zip(ends).map(|(start, end)| start..end)
    }

    /// Bytes of the model that stands in the plan.
    pub fn model_bytes(&self) -> usize {
        let GroupMethod::Table(model) = &self.method else { return 0 };
        let mut w = ByteWriter::default();
        model.write(&mut w);
        w.bytes.len()
    }
}

impl Plan {
    /// Number of chunks of a group.
    pub fn n_chunks(&self, group: &GroupPlan) -> usize {
        let first = &self.variables[group.variables[0]];
        match first.n_values() {
            0 => 0,
            _ => group.pieces(first.n_rows()).map(|piece| piece.len().div_ceil(group.rows_per_chunk)).sum(),
        }
    }

    /// Rows of the chunk of a group that starts at `first_row`.
    pub fn rows_of_chunk(&self, group: usize, first_row: usize) -> usize {
        let group = &self.groups[group];
        let next = group.cuts.get(group.cuts.partition_point(|&cut| cut <= first_row));
        let end = next.copied().unwrap_or_else(|| self.variables[group.variables[0]].n_rows());
        group.rows_per_chunk.min(end - first_row)
    }

    /// Bytes of the values of that chunk.
    pub fn chunk_bytes(&self, group: usize, first_row: usize) -> usize {
        let n_rows = self.rows_of_chunk(group, first_row);
        let of_variable = |&idx: &usize| {
            let variable = &self.variables[idx];
            variable.shape_of_rows(n_rows).iter().product::<usize>() * variable.dtype.size_bytes()
        };
        self.groups[group].variables.iter().map(of_variable).sum()
    }

    /// (group, first row) of every chunk, in the order of the archive.
    pub fn chunk_starts<'a>(&'a self) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let of_group = |(group_idx, group): (usize, &'a GroupPlan)| {
            let first = &self.variables[group.variables[0]];
            let n_rows = if first.n_values() == 0 { 0 } else { first.n_rows() };
            let starts = group.pieces(n_rows).flat_map(|piece| piece.step_by(group.rows_per_chunk));
            starts.map(move |first_row| (group_idx, first_row))
        };
        self.groups.iter().enumerate().flat_map(of_group)
    }

    /// The bytes of docs/format.md, section "Plan".
    pub fn write(&self) -> Vec<u8> {
        let mut w = ByteWriter::default();
        match self.layout {
            Layout::Arrays => w.u8(0),
            Layout::Single => w.u8(1),
            Layout::Table { n_columns, data_position, names_position, names_width } => {
                w.u8(2);
                for number in [n_columns, data_position, names_position, names_width] {
                    w.count(number);
                }
            }
            Layout::Columns => w.u8(3),
        }
        w.count(self.variables.len());
        for variable in &self.variables {
            write_variable(variable, &mut w);
        }
        w.count(self.groups.len());
        for group in &self.groups {
            write_group(group, &mut w);
        }
        w.count(self.attachments.len());
        for attachment in &self.attachments {
            w.block(attachment.name.as_bytes());
            w.count(attachment.position);
            w.block(&attachment.bytes);
        }
        for trial in &self.trials {
            w.u8(trial.what as u8);
            w.varint(trial.with);
            w.varint(trial.without);
        }
        pack(&w.bytes)
    }

    /// Inverse of [`Plan::write`].
    pub fn read(bytes: &[u8]) -> Result<Plan> {
        let bytes = unpack(bytes)?;
        let mut r = ByteReader::new(&bytes);
        let layout = match r.u8()? {
            0 => Layout::Arrays,
            1 => Layout::Single,
            2 => Layout::Table {
                n_columns: r.count()?,
                data_position: r.count()?,
                names_position: r.count()?,
                names_width: r.count()?,
            },
            3 => Layout::Columns,
            n => return Err(Error::unsupported(format!("expected a layout from 0 to 3, found {n}"))),
        };
        let variables: Vec<_> =
            (0..r.count_of_items()?).map(|_| read_variable(&mut r)).collect::<Result<_>>()?;
        let groups: Vec<_> =
            (0..r.count_of_items()?).map(|_| read_group(&mut r, &variables)).collect::<Result<_>>()?;
        let attachments = (0..r.count_of_items()?)
            .map(|_| {
                Ok(Attachment { name: read_name(&mut r)?, position: r.count()?, bytes: r.block()?.to_vec() })
            })
            .collect::<Result<_>>()?;
        let mut trials = Vec::new();
        while r.remaining() > 0 {
            trials.push(read_trial(&mut r)?);
        }
        let plan = Plan { layout, variables, groups, attachments, trials };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        let mut grouped = vec![false; self.variables.len()];
        for &idx in self.groups.iter().flat_map(|group| &group.variables) {
            if std::mem::replace(&mut grouped[idx], true) {
                return Err(Error::corrupt(format!("variable {idx} stands in two groups")));
            }
        }
        if grouped.contains(&false) {
            return Err(Error::corrupt("a variable stands in no group"));
        }
        let n_bytes = |v: &VariablePlan| v.n_values() * v.dtype.size_bytes();
        let total = self.variables.iter().try_fold(0usize, |sum, v| sum.checked_add(n_bytes(v)));
        if total.is_none_or(|n_bytes| n_bytes > isize::MAX as usize) {
            return Err(Error::limit("the variables together have more bytes than memory can hold"));
        }
        let mut names: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        if let Layout::Table { names_width, .. } = self.layout
            && names_width > MAX_NAMES_WIDTH
        {
            return Err(Error::corrupt(format!(
                "expected names of at most {MAX_NAMES_WIDTH} characters, found {names_width}"
            )));
        }
        if let Layout::Table { n_columns, .. } = self.layout
            && n_columns > self.variables.len()
        {
            return Err(Error::corrupt(format!(
                "expected {n_columns} columns, found {}",
                self.variables.len()
            )));
        }
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::corrupt(format!("two variables are called '{}'", pair[0]))),
            None => check_lists(&self.variables),
        }
    }
}

/// 0 and the bytes, or 1, the length and the bytes through zstd, whichever is shorter.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut w = ByteWriter::default();
    w.u8(1);
    w.count(bytes.len());
    w.raw(&zstd_frames::compress(bytes, 19, None));
    if w.bytes.len() > bytes.len() { [&[0], bytes].concat() } else { w.bytes }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
    const MAX_RATIO: usize = 1 << 15;
    let mut r = ByteReader::new(bytes);
    match r.u8()? {
        0 => Ok(r.rest().to_vec()),
        1 => {
            let len = r.count()?;
            if len > bytes.len().saturating_mul(MAX_RATIO) {
                return Err(Error::corrupt(format!(
                    "a plan of {len} bytes cannot come from {}",
                    bytes.len()
                )));
            }
            unzstd(r.rest(), len, "the plan")
        }
        n => Err(Error::unsupported(format!("expected a plan packed by method 0 or 1, found {n}"))),
    }
}

fn read_trial(r: &mut ByteReader) -> Result<PlanTrial> {
    let what = match r.u8()? {
        0 => PlanTrialKind::Tables,
        1 => PlanTrialKind::Networks,
        n => return Err(Error::unsupported(format!("expected a planner's trial of kind 0 or 1, found {n}"))),
    };
    Ok(PlanTrial { what, with: r.varint()?, without: r.varint()? })
}

fn write_group(group: &GroupPlan, w: &mut ByteWriter) {
    w.count(group.variables.len());
    for &idx in &group.variables {
        w.count(idx);
    }
    if !group.cuts.is_empty() {
        w.count(0);
        w.count(group.cuts.len());
        let starts = std::iter::once(0).chain(group.cuts.iter().copied());
        group.cuts.iter().zip(starts).for_each(|(cut, start)| w.count(cut - start));
    }
    w.count(group.rows_per_chunk);
    match &group.method {
        GroupMethod::Classical => w.u8(0),
        GroupMethod::Predictive { model } => {
            w.u8(3);
            w.count(*model);
        }
        GroupMethod::Fields { reference } => {
            w.u8(5);
            w.count(*reference);
        }
        GroupMethod::Table(model) => {
            w.u8(2);
            model.write(w);
        }
        GroupMethod::SharedTable { model } => {
            w.u8(4);
            w.count(*model);
        }
        GroupMethod::Autoencoder { model, scalings, blocks, residual } => {
            w.u8(1);
            w.count(*model);
            w.u8(*residual as u8 | (blocks.is_some() as u8) << 1);
            for scaling in scalings {
                scaling.write(w);
            }
            if let Some(blocks) = blocks {
                blocks.write(w);
            }
        }
    }
}

/// Rows between the cuts, of which there is one at least.
fn read_cuts(r: &mut ByteReader) -> Result<Vec<usize>> {
    let mut row = 0usize;
    let cuts: Vec<usize> = (0..r.count_of_items()?)
        .map(|_| {
            let n_rows = r.count()?;
            let cut = row.checked_add(n_rows).filter(|_| n_rows > 0);
            row = cut.ok_or_else(|| Error::corrupt("expected cuts that ascend, found others"))?;
            Ok(row)
        })
        .collect::<Result<_>>()?;
    match cuts.is_empty() {
        true => Err(Error::corrupt("expected at least one row a chunk, or cuts; found none")),
        false => Ok(cuts),
    }
}

fn read_group(r: &mut ByteReader, all: &[VariablePlan]) -> Result<GroupPlan> {
    let variables: Vec<usize> = (0..r.count_of_items()?).map(|_| r.count()).collect::<Result<_>>()?;
    let (cuts, rows_per_chunk) = match r.count()? {
        0 => (read_cuts(r)?, r.count()?),
        rows_per_chunk => (Vec::new(), rows_per_chunk),
    };
    let ascending = variables.windows(2).all(|pair| pair[0] < pair[1]);
    let inside = variables.last().is_some_and(|&last| last < all.len());
    if !ascending || !inside || rows_per_chunk == 0 {
        return Err(Error::corrupt("expected a group of known variables and at least one row a chunk"));
    }
    let n_rows = all[variables[0]].n_rows();
    if cuts.last().is_some_and(|&cut| cut >= n_rows) {
        return Err(Error::corrupt(format!("expected cuts within {n_rows} rows, found others")));
    }
    let method = match r.u8()? {
        0 if variables.len() == 1 => GroupMethod::Classical,
        3 if variables.len() == 1 => GroupMethod::Predictive { model: r.count()? },
        5 => {
            let reference = r.count()?;
            let same = variables.iter().all(|&idx| all[idx].shape == all[variables[0]].shape);
            if !same || variables.len() < 2 || reference >= variables.len() {
                return Err(Error::corrupt(
                    "expected two or more fields of one shape and which of them leads",
                ));
            }
            GroupMethod::Fields { reference }
        }
        1 => {
            let model = r.count()?;
            let flags = r.u8()?;
            let scalings = variables.iter().map(|_| Scaling::read(r)).collect::<Result<_>>()?;
            let blocks = if flags & 2 != 0 { Some(BlockPlan::read(r)?) } else { None };
            let fits = match &blocks {
                Some(blocks) => {
                    variables.len() == 1
                        && blocks.extents.len() == all[variables[0]].shape.len()
                        && rows_per_chunk % blocks.extents[0] == 0
                }
                None => variables.iter().all(|&idx| all[idx].shape.len() == 1 && all[idx].n_rows() == n_rows),
            };
            if !fits || flags > 3 {
                return Err(Error::corrupt("the variables of an autoencoder group do not fit each other"));
            }
            GroupMethod::Autoencoder { model, scalings, blocks, residual: flags & 1 != 0 }
        }
        code @ (2 | 4) => {
            let one_length = |&idx: &usize| all[idx].shape.len() == 1 && all[idx].n_rows() == n_rows;
            if !variables.iter().all(one_length) || rows_per_chunk > table::MAX_ROWS {
                return Err(Error::corrupt(
                    "the columns of a table differ in length, or its chunks are too long",
                ));
            }
            match code {
                2 => GroupMethod::Table(TableModel::read(r, variables.len())?),
                _ => GroupMethod::SharedTable { model: r.count()? },
            }
        }
        n => {
            return Err(Error::unsupported(format!(
                "expected method 0 to 5, found {n}; use a newer version"
            )));
        }
    };
    Ok(GroupPlan { variables, rows_per_chunk, cuts, method })
}
