//! How hard is tried at each level to find a model. The encoder only.

use crate::lockstep::model::Filter;
use crate::options::Level;

/// How hard is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// The filters that are tried.
    pub filters: &'static [Filter],
    /// Whether other orders of the axes are tried.
    pub orders: bool,
    /// Of each model that is fitted, the variance of noise that is added to what it is fitted to, in squared strides.
    pub noises: &'static [f32],
    /// Most neighbors of a prediction.
    pub n_taps: usize,
    /// About how many numbers weights are fitted to.
    pub n_samples: usize,
    /// About how many numbers models are compared on.
    pub n_compared: usize,
    /// Models whose first fit takes so many times what the best takes are fitted again.
    pub doubt: f64,
    /// Another level whose models are tried as well, so that who tries more does not end with more bytes.
    pub and: Option<&'static Effort>,
    /// Most models, of about the same bits on a part, that all numbers are coded with.
    pub n_finalists: usize,
}

impl Effort {
    /// Of a level.
    pub fn of(level: Level) -> Effort {
        match level.number() {
            1 => Effort::STATIC,
            2 => Effort::ORDERED,
            3 | 4 => Effort::FILTERED,
            5 | 6 => Effort::CAREFUL,
            _ => Effort::THOROUGH,
        }
    }

    /// Nothing but static predictions.
    pub const STATIC: Effort = Effort {
        filters: &[Filter::Off],
        orders: false,
        noises: &[1.0 / 12.0, 0.03],
        n_taps: 16,
        n_samples: 1 << 13,
        n_compared: 1 << 17,
        doubt: 1.0,
        and: None,
        n_finalists: 1,
    };
    /// The same, in the order of the axes that is likely the best.
    pub const ORDERED: Effort = Effort { orders: true, n_finalists: 2, ..Effort::STATIC };
    /// With filters.
    pub const FILTERED: Effort = Effort {
        filters: &[Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03],
        n_taps: 16,
        n_samples: 1 << 14,
        n_compared: 1 << 18,
        doubt: 1.1,
        and: None,
        n_finalists: 1,
    };
    /// With more neighbors, and more models to choose from.
    pub const CAREFUL: Effort = Effort {
        filters: &[Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 18,
        doubt: 1.5,
        and: Some(&Effort::FILTERED),
        n_finalists: 3,
    };
    /// As good as it gets.
    pub const THOROUGH: Effort = Effort {
        filters: &[Filter::Off, Filter::Long],
        orders: true,
        noises: &[1.0 / 12.0, 0.03, 0.03, 0.1],
        n_taps: 24,
        n_samples: 1 << 15,
        n_compared: 1 << 19,
        doubt: 1.5,
        and: None,
        n_finalists: 1,
    };
}
