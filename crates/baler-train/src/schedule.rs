//! What follows from the watched loss of an epoch: new best weights, a smaller step, the end.

use baler_codec::options::training::TrainOptions;

/// Losses and step sizes, one an epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Mean over the epoch of the loss being minimized (with its L1 and latent terms), as the weights moved.
    pub train: Vec<f64>,
    /// Squared error of the held-out rows after the epoch; the training loss where none are held out.
    pub validation: Vec<f64>,
    /// Step size of the epoch.
    pub lr: Vec<f64>,
}

const LR_FACTOR: f64 = 0.5;
const LR_MIN: f64 = 1e-6;

/// Counts epochs without improvement, for the step size and for stopping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    pub(super) lr: f64,
    pub(super) best: f64,
    pub(super) best_epoch: usize,
    pub(super) stale_for_lr: usize,
    pub(super) stale: usize,
}

/// What to do after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) improved: bool,
    pub(super) stop: bool,
}

impl Schedule {
    pub(super) fn new(lr: f64) -> Self {
        Schedule { lr, best: f64::INFINITY, best_epoch: 0, stale_for_lr: 0, stale: 0 }
    }

    /// A loss that is not a number is no improvement.
    pub(super) fn observe(&mut self, epoch: usize, loss: f64, options: &TrainOptions) -> Verdict {
        let improved = loss < self.best - options.min_delta || (self.best.is_infinite() && loss.is_finite());
        if improved {
            (self.best, self.best_epoch, self.stale_for_lr, self.stale) = (loss, epoch, 0, 0);
        } else {
            self.stale_for_lr += 1;
            self.stale += 1;
            if options.lr_patience > 0 && self.stale_for_lr >= options.lr_patience {
                self.lr = (self.lr * LR_FACTOR).max(LR_MIN.min(self.lr));
                self.stale_for_lr = 0;
            }
        }
        let patience = options.early_stopping_patience;
        Verdict { improved, stop: patience > 0 && self.stale >= patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_halves_then_training_stops() {
        let options =
            TrainOptions { lr_patience: 2, early_stopping_patience: 5, min_delta: 0.1, ..Default::default() };
        let mut schedule = Schedule::new(1.0);
        assert!(schedule.observe(0, 1.0, &options).improved);
        let verdicts: Vec<_> =
            (1..=5).map(|epoch| (schedule.observe(epoch, 0.95, &options), schedule.lr)).collect();
        assert!(verdicts.iter().all(|(verdict, _)| !verdict.improved));
        assert_eq!(verdicts.iter().map(|(_, lr)| *lr).collect::<Vec<_>>(), [1.0, 0.5, 0.5, 0.25, 0.25]);
        assert_eq!(
            verdicts.iter().map(|(verdict, _)| verdict.stop).collect::<Vec<_>>(),
            [false, false, false, false, true]
        );
        assert_eq!(schedule.best_epoch, 0);
    }

    #[test]
    fn nan_is_no_improvement_and_the_step_has_a_floor() {
        let options = TrainOptions { lr_patience: 1, ..Default::default() };
        let mut schedule = Schedule::new(1e-6);
        assert!(!schedule.observe(0, f64::NAN, &options).improved);
        assert_eq!(schedule.lr, 1e-6);
        assert!(schedule.observe(1, 5.0, &options).improved);
    }
}
