//! Integers -> bytes and back by learned prediction with static rows of probabilities: the fast tier.
//!
//! In: numbers, their shape, which are masked, and a model fitted to them or to others like them. Out: a stream of one
//! symbol a number, in lanes that are coded at the same time. It takes 1 to 4 % more bytes than the adaptive coder
//! ([`crate::predict::residual`]) and a tenth of its time.
//!
//! - [`row`]: the rows, made by integers for a width, a tail and a fraction.
//! - [`coder`]: symbols to bytes.
//! - [`mod@walk`]: the pass over the numbers.
//! - [`lanes`]: rows of all planes, cut into parts that are coded at the same time.
//! - [`choose`]: which width and tail each level gets, by what they cost.

pub mod choose;
pub mod coder;
pub mod kinds;
pub mod lanes;
pub mod row;
pub mod walk;

use crate::predict::cell::Cell;
use crate::predict::grid::Layout;
use crate::predict::model::Model;
use crate::predict::state::Segment;
use crate::predict::state::State;
use crate::predict::state::padded;
use crate::quantize::widest;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::error::Result;
use choose::Errors;
use coder::{SymbolReader, SymbolWriter};
use kinds::Kinds;
use lanes::{Known, Lanes, Wanted};
use rayon::prelude::*;
use walk::{Codebook, CodebookCoder, Lane};

impl Kinds {
    /// Those that cost least for `q` under a model.
    pub fn choose<T: Cell>(
        layout: &Layout,
        model: &Model,
        mask: Option<&[bool]>,
        q: &[i64],
        state: &mut State<T>,
    ) -> Kinds {
        let numbers = Known::whole(layout, q);
        let lane = Lane { layout, map: model.map.as_ref(), mask, numbers, state, coder: Errors::default() };
        let errors = widest(
            #[inline(always)]
            || lane.walk(model),
        );
        let (lowest, kinds) = errors.kinds();
        Kinds { lowest, kinds }
    }

    /// Those that cost least for all segments together.
    pub fn choose_for<T: Cell>(model: &Model, segments: &mut [Segment<T>]) -> Kinds {
        let mut errors = Errors::default();
        for Segment { layout, mask, q, state } in segments {
            let numbers = Known::whole(layout, q);
            let lane = Lane { layout, map: None, mask: *mask, numbers, state, coder: errors };
            errors = widest(
                #[inline(always)]
                || lane.walk(model),
            );
        }
        let (lowest, kinds) = errors.kinds();
        Kinds { lowest, kinds }
    }

    fn codebook(&self) -> Codebook {
        Codebook::new(self.lowest, &self.kinds)
    }
}

/// Appends the number of lanes, then each as a block. The model has kinds.
pub fn encode<T: Cell>(layout: &Layout, model: &Model, mask: Option<&[bool]>, q: &[i64], w: &mut ByteWriter) {
    let Some(kinds) = &model.kinds else { return };
    let codebook = kinds.codebook();
    let lanes = Lanes::for_encoder(layout);
    w.u8(lanes.count() as u8);
    let coded: Vec<Vec<u8>> = lanes
        .cut(mask)
        .into_par_iter()
        .map(|part| {
            let map = model.map.as_ref().map(|map| map.part(part.block_rows.clone()));
            let mut state = padded::<T>(&part.layout).expect("memory for a lane");
            let symbols = SymbolWriter::new(part.n_values());
            let lane = Lane {
                layout: &part.layout,
                map: map.as_ref(),
                mask: part.mask.as_deref(),
                numbers: part.known(q),
                state: &mut state,
                coder: CodebookCoder { codebook: &codebook, symbols },
            };
            widest(
                #[inline(always)]
                || lane.walk(model),
            )
            .symbols
            .finish()
        })
        .collect();
    coded.iter().for_each(|bytes| w.block(bytes));
}

/// Inverse of [`encode`].
pub fn decode<T: Cell>(
    r: &mut ByteReader,
    layout: &Layout,
    model: &Model,
    mask: Option<&[bool]>,
    q: &mut [i64],
) -> Result<()> {
    let Some(kinds) = &model.kinds else { return Ok(()) };
    let lanes = Lanes::new(layout, r.u8()? as usize)?;
    let blocks: Vec<&[u8]> = (0..lanes.count()).map(|_| r.block()).collect::<Result<_>>()?;
    r.finish("a predictive stream")?;
    let codebook = kinds.codebook();
    let parts = lanes.cut(mask);
    let wanted = Wanted::cut(&parts, q);
    parts.par_iter().zip(wanted).zip(blocks).try_for_each(|((part, numbers), bytes)| {
        let map = model.map.as_ref().map(|map| map.part(part.block_rows.clone()));
        let mut state = padded::<T>(&part.layout)?;
        let lane = Lane {
            layout: &part.layout,
            map: map.as_ref(),
            mask: part.mask.as_deref(),
            numbers,
            state: &mut state,
            coder: CodebookCoder { codebook: &codebook, symbols: SymbolReader::new(bytes)? },
        };
        let coder = widest(
            #[inline(always)]
            || lane.walk(model),
        );
        coder.symbols.finish()
    })
}
