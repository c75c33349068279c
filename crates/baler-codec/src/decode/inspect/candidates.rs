//! Trials of a variable's chunks, one after the other -> what each candidate took, or why it was not tried.

use crate::container::{GroupMethod, GroupPlan, Plan, PlanTrialKind};
use crate::options::BoundSpec;
use crate::predict;
use crate::report::trials::{Candidate, LeftOut, N_CANDIDATES, Trials};
use crate::report::{CandidateReport, Outcome};

/// What is known of one variable.
#[derive(Debug, Default)]
pub struct Tally {
    /// By candidate: bytes, chunks in which it was tried, chunks in which it was chosen.
    sums: [(u64, u64, u64); N_CANDIDATES],
    left_out: LeftOut,
    /// What chunks that look at another variable would take without: bytes of all, and how many they are.
    alone: (u64, u64),
    n_seen: u64,
    /// Chunks that keep no trials.
    n_silent: u64,
}

impl Tally {
    /// Takes in a part of `n_bytes`, with what else was tried.
    pub fn see(&mut self, chosen: Candidate, n_bytes: u64, trials: Option<&Trials>) {
        self.n_silent += trials.is_none() as u64;
        let more_alone = trials.and_then(|trials| trials.bytes[chosen as usize]);
        self.alone.0 = self.alone.0.saturating_add(n_bytes).saturating_add(more_alone.unwrap_or(0));
        self.alone.1 += more_alone.is_some() as u64;
        self.n_seen += 1;
        for candidate in Candidate::ALL {
            let (bytes, n_tried, n_chosen) = &mut self.sums[candidate as usize];
            let more = if candidate == chosen {
                Some(0)
            } else {
                trials.and_then(|trials| trials.bytes[candidate as usize])
            };
            if let Some(more) = more {
                *bytes = bytes.saturating_add(n_bytes).saturating_add(more);
                *n_tried += 1;
                *n_chosen += (candidate == chosen) as u64;
            }
        }
        if let Some(trials) = trials {
            self.left_out = trials.left_out;
        }
    }

    /// The candidates of variable `idx`.
    pub fn report(&self, plan: &Plan, group: &GroupPlan, idx: usize) -> Vec<CandidateReport> {
        let learned = matches!(group.method, GroupMethod::Autoencoder { .. });
        let name = |candidate: Candidate| match learned {
            true => format!("autoencoder, rest {}", candidate.name()),
            false => candidate.name().to_string(),
        };
        let all = Candidate::ALL.into_iter().map(|candidate| match self.sums[candidate as usize] {
            (_, 0, _) => {
                let reason = self.reason(candidate, plan, group, idx);
                CandidateReport { name: name(candidate), outcome: Outcome::LeftOut(reason) }
            }
            (bytes, n_tried, n_chosen) => CandidateReport {
                name: name(candidate),
                outcome: Outcome::Tried { bytes, n_tried, n_chosen },
            },
        });
        let mut all: Vec<CandidateReport> =
            all.filter(|found| found.outcome != Outcome::LeftOut("")).collect();
        if self.alone.1 > 0 {
            let outcome = Outcome::Tried { bytes: self.alone.0, n_tried: self.n_seen, n_chosen: 0 };
            all.push(CandidateReport { name: "without the other variable".to_string(), outcome });
        }
        if !learned {
            let reason = match plan.trials.iter().any(|trial| trial.what == PlanTrialKind::Networks) {
                true => "larger on a part of the data",
                false => "no model was given; --method autoencoder trains one",
            };
            let outcome = Outcome::LeftOut(reason);
            all.push(CandidateReport { name: "autoencoder".to_string(), outcome });
        }
        all.sort_by_key(|found| match found.outcome {
            Outcome::Tried { bytes, n_chosen, .. } => (u64::MAX - n_chosen, bytes),
            Outcome::LeftOut(_) => (u64::MAX, u64::MAX),
        });
        all
    }

    /// Why a candidate was tried in no chunk.
    fn reason(&self, candidate: Candidate, plan: &Plan, group: &GroupPlan, idx: usize) -> &'static str {
        let variable = &plan.variables[idx];
        let is_table = matches!(group.method, GroupMethod::Table(_) | GroupMethod::SharedTable { .. });
        if variable.n_values() == 0 {
            return "there are no values";
        }
        if let Some(reason) = self.left_out.reason(candidate) {
            return reason;
        }
        if candidate == Candidate::Table {
            let tried = plan.trials.iter().any(|trial| trial.what == PlanTrialKind::Tables);
            return match variable.shape.len() {
                _ if is_table => "larger in every chunk",
                1 if tried => "larger in the first chunk",
                1 => "no other column helps",
                _ => "only for columns",
            };
        }
        let shape = variable.shape_of_rows(group.rows_per_chunk.min(variable.n_rows()));
        let predicts = !matches!(candidate, Candidate::Classical | Candidate::Mixing | Candidate::Recast);
        if predicts && !predict::is_for(&shape) {
            return "too few values to learn from, or nearly all margins";
        }
        if candidate == Candidate::Recast && self.n_silent == 0 {
            return "no simpler numbers were found behind these";
        }
        if candidate == Candidate::Interpolated && self.n_silent == 0 {
            return match is_table {
                true => "other columns rely on the values",
                false => "too many bits a value are coded, or larger by an estimate",
            };
        }
        let by_estimate = self.sums[Candidate::Recast as usize].2 > 0 || candidate == Candidate::Mixing;
        if by_estimate && self.n_silent == 0 {
            return "larger by an estimate";
        }
        if candidate == Candidate::Centred && self.n_silent == 0 {
            return match variable.bound.spec {
                _ if is_table => "other columns rely on the values",
                _ if matches!(group.method, GroupMethod::Autoencoder { .. }) => "",
                BoundSpec::Abs(_) | BoundSpec::Rel(_) => {
                    "too many bits a value are coded, or values lie on a grid"
                }
                _ => "only under an absolute bound",
            };
        }
        match self.n_silent {
            0 if is_table => "alone, the values would not be those that other columns rely on",
            0 => "its sums would not be sure to fit",
            _ => "what was tried is kept only for larger streams",
        }
    }
}
