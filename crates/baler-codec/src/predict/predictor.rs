//! Training of shared models, and what a model file says of them.

use crate::predict::domain::Domain;
use crate::predict::fit::fit_segments;
use crate::predict::grid::Layout;
use crate::predict::model::Model;
use crate::predict::order::Order;
use crate::predict::rows::kinds::Kinds;
use crate::predict::shared::Shared;
use crate::predict::state::Segment;
use crate::predict::state::padded;
use crate::predict::{Effort, Numbers, WIDE_SHIFT, encode_shared};
use crate::report::trials::Trials;
use baler_data::bytes::{ByteReader, ByteWriter};
use baler_data::dataset::DType;
use baler_data::error::{Error, Result};

/// Bits a value may take beyond those of the training data before it is said.
const DRIFT_FACTOR: f64 = 1.25;
const DRIFT_BITS: f64 = 0.1;

/// A shared model and what it was made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictor {
    /// Name of the variable.
    pub name: String,
    /// Its element type.
    pub dtype: DType,
    /// Mantissa bits where numbers are the orders of floats (no loss), else `None`.
    pub mantissa_bits: Option<u32>,
    /// Step of the training data's grid; 0 where it has none.
    pub step: f64,
    /// Least and largest value of the training data on that grid; both 0 where it has none.
    pub range: [f64; 2],
    /// Bits a value that the training data take.
    pub bits: f64,
    /// Weights and rows.
    pub shared: Shared,
}

impl Predictor {
    /// Learns from samples of one variable. `None` where they are too small to learn from.
    pub fn train(
        name: &str,
        (dtype, mantissa_bits, step): (DType, Option<u32>, f64),
        samples: &[Numbers],
    ) -> Option<Predictor> {
        let layouts: Vec<Layout> = samples.iter().map(Numbers::layout).collect::<Option<_>>()?;
        let alike = |layout: &Layout| (layout.series, layout.single_rows, layout.extents[1] > 1);
        if layouts.iter().any(|layout| alike(layout) != alike(&layouts[0])) {
            return None;
        }
        let places: Vec<(Domain, i64, u64)> = samples.iter().map(Numbers::place).collect();
        let top = |domain: &Domain| match domain {
            Domain::Integer => 0,
            Domain::Float { top, .. } => *top,
        };
        let domain = places.iter().map(|place| place.0).max_by_key(top)?;
        let mut centers: Vec<i64> = samples.iter().map(|numbers| domain.value(numbers.center())).collect();
        centers.sort_unstable();
        let center = centers[centers.len() / 2];
        let sets = Default::default();
        let like = Model {
            shift: WIDE_SHIFT,
            narrow: false,
            domain,
            stride: 1,
            order: Order::DATA,
            center,
            filters: None,
            reference: None,
            map: None,
            kinds: None,
            sets,
        };
        let mut q: Vec<Vec<i64>> = samples.iter().map(|numbers| numbers.q.to_vec()).collect();
        let mut segments = Vec::with_capacity(samples.len());
        for ((q, layout), numbers) in q.iter_mut().zip(&layouts).zip(samples) {
            segments.push(Segment {
                layout: *layout,
                mask: numbers.mask,
                q,
                state: padded::<i64>(layout).ok()?,
            });
        }
        let mut model = fit_segments(&mut segments, &like);
        model.kinds = Some(Kinds::choose_for(&model, &mut segments));
        let shared = Shared::new(model, &layouts[0]);
        let bytes: Vec<usize> = samples
            .iter()
            .map(|numbers| {
                encode_shared(*numbers, &shared, Effort::Fast, &mut Trials::default())
                    .map(|coded| coded.bytes.len())
            })
            .collect::<Option<_>>()?;
        let n_values: usize = samples.iter().map(|numbers| numbers.q.len()).sum();
        let numbers = || samples.iter().flat_map(Numbers::unmasked);
        let [low, high] = [numbers().min().unwrap_or(0), numbers().max().unwrap_or(0)];
        Some(Predictor {
            name: name.to_string(),
            dtype,
            mantissa_bits,
            step,
            range: [low as f64 * step, high as f64 * step],
            bits: 8.0 * bytes.iter().sum::<usize>() as f64 / n_values.max(1) as f64,
            shared,
        })
    }

    /// What to tell if other data take clearly more bits than these should, at their own step.
    pub fn drift(&self, bits: f64, step: f64) -> Option<String> {
        let finer = if step > 0.0 && self.step > 0.0 { libm::log2(self.step / step) } else { 0.0 };
        let expected = (self.bits + finer).max(0.0);
        (bits > expected * DRIFT_FACTOR + DRIFT_BITS).then(|| {
            format!(
                "'{}': {bits:.2} bits a value, the model's training data would take {expected:.2}; the data have \
                 drifted, train a model for them if the size matters",
                self.name
            )
        })
    }

    /// What to tell if data reach beyond those of the training by more than a tenth of their range.
    pub fn outside(&self, low: f64, high: f64) -> Option<String> {
        let [known_low, known_high] = self.range;
        let slack = 0.1 * (known_high - known_low);
        let outside = self.step > 0.0 && (low < known_low - slack || high > known_high + slack);
        outside.then(|| {
            format!(
                "'{}': values from {low:.4e} to {high:.4e}, the model's training data had {known_low:.4e} to \
                 {known_high:.4e}; the bound holds all the same",
                self.name
            )
        })
    }

    /// Name, dtype, mantissa bits, step, range, bits, then the shared model as a block.
    pub fn write(&self, w: &mut ByteWriter) {
        w.block(self.name.as_bytes());
        w.u8(self.dtype as u8);
        w.u8(self.mantissa_bits.unwrap_or(0) as u8);
        [self.step, self.range[0], self.range[1], self.bits].iter().for_each(|&number| w.f64(number));
        w.block(&self.shared.write());
    }

    /// Inverse of [`Predictor::write`].
    pub fn read(r: &mut ByteReader) -> Result<Predictor> {
        let name = String::from_utf8(r.block()?.to_vec());
        let name = name.map_err(|_| Error::corrupt("expected a name in UTF-8"))?;
        let dtype = DType::ALL.get(r.u8()? as usize);
        let dtype =
            *dtype.ok_or_else(|| Error::unsupported("a model's dtype is not known; use a newer version"))?;
        let mantissa_bits = Some(r.u8()? as u32).filter(|&bits| bits != 0);
        let (step, range, bits) = (r.f64()?, [r.f64()?, r.f64()?], r.f64()?);
        let shared = Shared::read(r.block()?)?;
        Ok(Predictor { name, dtype, mantissa_bits, step, range, bits, shared })
    }
}
