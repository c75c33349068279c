//! Fields that are made of others and drawn as they are: formulas over fields, vorticity and divergence of vector
//! fields, and what differs between odd and even frames. In: variables before and after. Out: variables of their own.

use super::particles::Derived;
use super::variable::{VariableMeasures, VariableView};
use super::{MeasureOptions, image_axes};
use crate::metrics::expression::Expression;
use crate::metrics::{Errors, field, image, vector};
use baler_data::names::resolved;
use rayon::prelude::*;
use serde::Serialize;

/// A stack of frames has at least so many, or odd and even frames are no two sums.
const MIN_FRAMES: usize = 4;

/// A field that is made of others.
#[derive(Debug, Clone, Serialize)]
pub struct MadeField {
    /// As of any variable.
    #[serde(flatten)]
    pub measures: VariableMeasures,
    /// Root mean square error over the root mean square before.
    pub relative_rmse: f64,
    /// For the figures.
    #[serde(skip)]
    pub view: VariableView,
}

/// A name, a shape, and values before and after.
type Made = (String, Vec<usize>, [Vec<f64>; 2]);

/// Everything that can be made: formulas over fields, then what is made of components (formulas may be some), then
/// differences of frames.
pub fn made_fields(views: &[VariableView], derived: &[Derived], options: &MeasureOptions) -> Vec<MadeField> {
    let formulas = derived.iter().zip(&options.derive).filter_map(|(quantity, (_, formula))| {
        Some((quantity.name.clone(), shape_of(formula, views)?, quantity.values.clone()))
    });
    let mut made: Vec<Made> = formulas.collect();
    made.extend(of_vectors(views, &made));
    made.extend(views.iter().filter_map(odd_less_even));
    made.into_par_iter()
        .map(|(name, shape, [before, after])| {
            let errors = Errors::of(&before, &after);
            let size = errors.mean().hypot(errors.deviation());
            let view = VariableView::made(name, shape, before, after, &options.units);
            let relative_rmse = if errors.rmse() == 0.0 { 0.0 } else { errors.rmse() / size };
            MadeField { measures: VariableMeasures::of(&view), relative_rmse, view }
        })
        .collect()
}

/// The shape of the fields that a formula is about; `None` if they are columns or no images.
fn shape_of(formula: &Expression, views: &[VariableView]) -> Option<Vec<usize>> {
    let first = *formula.columns().first()?;
    let name = resolved(first, views.iter().map(|view| view.name.as_str())).ok()?;
    let view = views.iter().find(|view| view.name == name)?;
    (!view.is_column && image_axes(&view.shape).is_some()).then(|| view.shape.clone())
}

/// Vorticity and divergence of all vector fields among variables and formulas.
fn of_vectors(views: &[VariableView], formulas: &[Made]) -> Vec<Made> {
    let fields = views.iter().filter(|view| !view.is_column && image_axes(&view.shape).is_some());
    let fields = fields.map(|view| (&view.name, &view.shape, [&view.before, &view.after]));
    let formulas = formulas.iter().map(|(name, shape, [before, after])| (name, shape, [before, after]));
    let all: Vec<_> = fields.chain(formulas).collect();
    let names: Vec<(&str, &[usize])> =
        all.iter().map(|(name, shape, _)| (name.as_str(), shape.as_slice())).collect();
    let mut made = Vec::new();
    for components in vector::find_vectors(&names) {
        let shape = all[components[0]].1;
        let words: Vec<&str> = components.iter().map(|&k| names[k].0).collect();
        let sides = [0, 1]
            .map(|side| -> Vec<&[f64]> { components.iter().map(|&k| all[k].2[side].as_slice()).collect() });
        let vorticity = [0, 1].map(|side| field::vorticity(&sides[side], shape));
        made.push((format!("vorticity({})", words.join(", ")), shape.clone(), vorticity));
        let divergence = [0, 1].map(|side| field::divergence(&sides[side], shape));
        made.push((format!("divergence({})", words.join(", ")), shape.clone(), divergence));
    }
    made
}

/// Of a stack of counts: the sum of its odd frames less that of its even ones.
fn odd_less_even(view: &VariableView) -> Option<Made> {
    let &[n_frames, height, width] = view.shape.as_slice() else { return None };
    if view.is_column || !view.integral || n_frames < MIN_FRAMES || image_axes(&view.shape).is_none() {
        return None;
    }
    let sides = [&view.before, &view.after].map(|frames| image::odd_even_difference(frames, height * width));
    Some((format!("|odd - even frames| of {}", view.name), vec![height, width], sides))
}
