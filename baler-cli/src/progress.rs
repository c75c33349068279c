//! Progress on standard error: a bar with rate and time left, only where a terminal shows it.

use crate::library::Progress;
use crate::output::say;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much a command says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// `-q`: warnings and errors.
    Quiet,
    /// Also bars and tables.
    Normal,
    /// `-v`: also each stage.
    Verbose,
}

/// The bar, warnings and (with `-v`) stages of one command.
pub struct Bar {
    bar: Option<ProgressBar>,
    loudness: Loudness,
    warned: Vec<String>,
    /// Set by someone who wants the work to stop.
    cancelled: Option<&'static AtomicBool>,
}

impl Bar {
    /// A bar that shows itself when a stage begins.
    pub fn new(loudness: Loudness) -> Bar {
        Bar { bar: None, loudness, warned: Vec::new(), cancelled: None }
    }

    /// Stops the work between two chunks once `cancelled` is set.
    pub fn until(&mut self, cancelled: &'static AtomicBool) {
        self.cancelled = Some(cancelled);
    }

    /// Warnings that come in a report: those not yet said.
    pub fn warn_all(&mut self, warnings: &[String]) {
        for text in warnings {
            self.warn(text);
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

/// Amount done, rate and time left: training counts epochs, everything else bytes.
fn style(stage: &str) -> ProgressStyle {
    let (amount, rate) = match stage.contains("train") {
        true => ("{pos}/{len} epochs", "{per_sec}"),
        false => ("{bytes}/{total_bytes}", "{bytes_per_sec}"),
    };
    let template = format!("{{msg}} [{{bar:30}}] {amount}  {rate}  {{eta}} left");
    ProgressStyle::with_template(&template).expect("the template is a constant").progress_chars("=> ")
}

impl Progress for Bar {
    fn stage(&mut self, name: &str, total: u64) {
        self.finish();
        if self.loudness == Loudness::Verbose {
            say(&format!("baler: {name}"));
        }
        if self.loudness == Loudness::Quiet || total == 0 || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        bar.set_style(style(name));
        bar.set_message(name.to_string());
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn warn(&mut self, text: &str) {
        if !self.warned.iter().any(|w| w == text) {
            self.warned.push(text.to_string());
            self.say(&format!("baler: warning: {text}"));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates are parsed only on a terminal, where no other test runs.
    #[test]
    fn both_templates_are_valid() {
        for stage in ["training", "compressing"] {
            let bar = ProgressBar::with_draw_target(Some(10), ProgressDrawTarget::hidden());
            bar.set_style(style(stage));
            bar.set_position(5);
            assert_eq!(bar.position(), 5);
        }
    }
}
