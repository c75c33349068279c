//! What was chosen for each variable and why: the bytes of each candidate, as text.

use crate::library::{CandidateReport, Outcome, Report, VariableReport};
use crate::numbers::grouped;

/// Names of variables that a line shows.
const MAX_NAMES: usize = 4;

/// A line for each of at most `max_rows` variables with what was tried, the chosen one first; a line for each candidate that
/// was not; a line for each trial of the planner.
pub fn choices(report: &Report, max_rows: usize) -> String {
    let shown = &report.variables[..report.variables.len().min(max_rows)];
    let mut text: String = shown.iter().map(|v| format!("{}: {}\n", v.name, tried(v))).collect();
    for (candidate, reason, names) in left_out(&report.variables) {
        let more = names.len().saturating_sub(MAX_NAMES);
        let listed = match more {
            _ if names.len() == report.variables.len() && more > 0 => "all variables".to_string(),
            0 => names.join(", "),
            _ => format!("{} and {more} more", names[..MAX_NAMES].join(", ")),
        };
        text += &format!("not tried: {candidate} ({reason}): {listed}\n");
    }
    for (what, with, without) in &report.trials {
        text += &format!("tried: {what}: {} bytes, {} without\n", grouped(*with), grouped(*without));
    }
    text
}

/// Bytes of each candidate, as `predictive 31 700 < classical 52 494`.
fn tried(variable: &VariableReport) -> String {
    let one = |found: &CandidateReport| match found.outcome {
        Outcome::LeftOut(_) => None,
        Outcome::Tried { bytes, n_tried, n_chosen } => {
            let chunks = variable.candidates.iter().map(chosen_chunks).sum::<u64>();
            let partly = match n_chosen {
                _ if n_tried < chunks => format!(" ({n_chosen} of {n_tried} chunks, {chunks} in all)"),
                0 => String::new(),
                n if n < chunks => format!(" ({n_chosen} of {chunks} chunks)"),
                _ => String::new(),
            };
            Some(format!("{} {}{partly}", found.name, grouped(bytes)))
        }
    };
    let all: Vec<String> = variable.candidates.iter().filter_map(one).collect();
    if all.is_empty() { "no values".to_string() } else { all.join(", ") }
}

fn chosen_chunks(found: &CandidateReport) -> u64 {
    match found.outcome {
        Outcome::Tried { n_chosen, .. } => n_chosen,
        Outcome::LeftOut(_) => 0,
    }
}

/// What was not tried: candidate, reason, variables.
fn left_out(variables: &[VariableReport]) -> Vec<(&str, &'static str, Vec<&str>)> {
    let mut found: Vec<(&str, &'static str, Vec<&str>)> = Vec::new();
    for variable in variables {
        for candidate in &variable.candidates {
            let Outcome::LeftOut(reason) = candidate.outcome else { continue };
            match found.iter_mut().find(|line| line.0 == candidate.name && line.1 == reason) {
                Some(line) => line.2.push(&variable.name),
                None => found.push((&candidate.name, reason, vec![&variable.name])),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::report;

    #[test]
    fn the_chosen_one_stands_first_and_reasons_are_told_once() {
        let candidate = |name: &str, outcome| CandidateReport { name: name.into(), outcome };
        let tried = |bytes, n_chosen| Outcome::Tried { bytes, n_tried: 3, n_chosen };
        let mut report = report();
        report.variables[0].candidates = vec![
            candidate("predictive", tried(31_700, 2)),
            candidate("classical", tried(52_494, 1)),
            candidate("table", Outcome::LeftOut("only for columns")),
        ];
        report.variables.push(VariableReport { name: "still".into(), ..report.variables[0].clone() });
        report.trials = vec![("columns", 10, 20)];
        assert_eq!(
            choices(&report, 1),
            "data: predictive 31 700 (2 of 3 chunks), classical 52 494 (1 of 3 chunks)\n\
             not tried: table (only for columns): data, still\n\
             tried: columns: 10 bytes, 20 without\n"
        );
    }
}
