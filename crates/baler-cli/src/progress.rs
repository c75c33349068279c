//! Progress on standard error: a bar with rate and time left, only where a terminal shows it.

use crate::errors::cut;
use crate::library::Progress;
use crate::output::say;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// All bars that stand on the terminal.
static SCREEN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Writes while no bar is in the way.
pub fn beside_bars(write: impl FnOnce()) {
    SCREEN.suspend(write);
}

/// A bar of files, above that of the file at work.
pub struct Files {
    bar: Option<ProgressBar>,
    /// Whether the file at work is named.
    is_named: bool,
}

impl Files {
    /// Nothing is shown of only one file, and no bar where there is no terminal.
    pub fn new(n_files: usize, loudness: Loudness) -> Files {
        let is_named = loudness > Loudness::Quiet && n_files > 1;
        let bar = (is_named && std::io::stderr().is_terminal()).then(|| {
            let bar = SCREEN.add(ProgressBar::new(n_files as u64));
            bar.set_style(told(
                parsed("{pos}/{len} files [{bar:30}] {elapsed} so far{rest}"),
                "",
                Arc::default(),
            ));
            bar.enable_steady_tick(TICK);
            bar
        });
        Files { bar, is_named }
    }

    /// Tells which file is next.
    pub fn begin(&self, name: &str) {
        if self.is_named {
            say(&format!("baler: {name}"));
        }
    }

    /// Tells that it is done.
    pub fn end(&self) {
        self.bar.iter().for_each(|bar| bar.inc(1));
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.bar.take().iter().for_each(ProgressBar::finish_and_clear);
    }
}

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
    /// Bytes at work of which none may be done yet.
    at_work: Arc<AtomicU64>,
    loudness: Loudness,
    warned: Vec<String>,
    /// Set by someone who wants the work to stop.
    cancelled: Option<&'static AtomicBool>,
}

impl Bar {
    /// A bar that shows itself when a stage begins.
    pub fn new(loudness: Loudness) -> Bar {
        Bar { bar: None, at_work: Arc::default(), loudness, warned: Vec::new(), cancelled: None }
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
}

/// Amount done, rate, time so far and left: training counts steps, everything else bytes. Until something is done nobody knows
/// the rate, but that it is less than if all that is at work were done now: that is told.
fn style(stage: &str, at_work: Arc<AtomicU64>) -> ProgressStyle {
    let (amount, unit) = match stage.contains("train") || stage.contains("choose") {
        true => ("{pos}/{len} steps", ""),
        false => ("{bytes}/{total_bytes}", "B"),
    };
    told(parsed(&format!("{{msg}} [{{bar:30}}] {amount}  {{elapsed}} so far{{rest}}")), unit, at_work)
}

/// A style that knows `{rest}`, in B for bytes.
fn told(style: ProgressStyle, unit: &'static str, at_work: Arc<AtomicU64>) -> ProgressStyle {
    style.with_key("rest", move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let at_work = at_work.load(Ordering::Relaxed);
        let _ = out.write_str(&rest((state.pos(), at_work), state.len(), state.elapsed(), unit));
    })
}

/// `, 1.2 MB/s, 3 s left`, as of the whole stage so far; `, under 4.5 MB/s` before the first of several pieces at work is done.
fn rest((done, at_work): (u64, u64), total: Option<u64>, elapsed: Duration, unit: &str) -> String {
    let seconds = elapsed.as_secs_f64();
    if done == 0 {
        let is_told = at_work > 0 && seconds >= 1.0;
        return if is_told {
            format!(", under {}", shown_rate(at_work as f64 / seconds, unit))
        } else {
            String::new()
        };
    }
    let rate = done as f64 / seconds.max(1e-3);
    let left = total.map_or(0.0, |total| total.saturating_sub(done) as f64 / rate);
    let left = HumanDuration(Duration::from_secs_f64(left.min(1e8)));
    format!(", {}, {left} left", shown_rate(rate, unit))
}

fn shown_rate(rate: f64, unit: &str) -> String {
    match rate {
        r if r >= 1e6 => format!("{:.1} M{unit}/s", r / 1e6),
        r if r >= 1e3 => format!("{:.1} k{unit}/s", r / 1e3),
        r => format!("{r:.1} {unit}/s"),
    }
}

/// The style of a template, which is one of ours.
fn parsed(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant").progress_chars("=> ")
}

/// What is shown of a stage of which nobody knows how much there is to do.
const NO_END: &str = "{spinner} {msg}  {elapsed} so far";

/// How often bars are drawn though nothing is told.
const TICK: Duration = Duration::from_millis(250);

impl Progress for Bar {
    fn stage(&mut self, name: &str, total: u64) {
        self.finish();
        if self.loudness == Loudness::Verbose {
            say(&format!("baler: {name}"));
        }
        if self.loudness == Loudness::Quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = SCREEN.add(ProgressBar::new(total));
        self.at_work.store(0, Ordering::Relaxed);
        bar.set_style(if total == 0 { parsed(NO_END) } else { style(name, self.at_work.clone()) });
        bar.set_message(name.to_string());
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn begin(&mut self, n_bytes: u64) {
        self.at_work.store(n_bytes, Ordering::Relaxed);
    }

    fn warn(&mut self, text: &str) {
        if !self.warned.iter().any(|w| w == text) {
            self.warned.push(text.to_string());
            say(&cut(&format!("baler: warning: {text}")));
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
    fn before_anything_is_done_a_rate_is_told_that_is_too_high_and_no_time_left() {
        let of = |done, seconds| rest((done, 2_000_000), Some(4_000_000), Duration::from_secs(seconds), "B");
        assert_eq!(rest((0, 0), Some(4_000_000), Duration::from_secs(9), "B"), "");
        assert_eq!(of(0, 0), "");
        assert_eq!(of(0, 1), ", under 2.0 MB/s");
        assert_eq!(of(0, 10), ", under 200.0 kB/s");
        assert_eq!(rest((30, 0), Some(90), Duration::from_secs(3), ""), ", 10.0 /s, 6 seconds left");
        assert_eq!(of(1_000_000, 2), ", 500.0 kB/s, 6 seconds left");
        assert_eq!(of(4_000_000, 2), ", 2.0 MB/s, 0 seconds left");
    }

    #[test]
    fn all_templates_are_valid() {
        for style in [style("training", Arc::default()), style("compressing", Arc::default()), parsed(NO_END)]
        {
            let bar = ProgressBar::with_draw_target(Some(10), indicatif::ProgressDrawTarget::hidden());
            bar.set_style(style);
            bar.set_position(5);
            assert_eq!(bar.position(), 5);
        }
    }
}
