//! What is told of data and archives: comparisons and reports, as JSON, HTML and pictures.

use crate::errors::{OrRaise, raised};
use crate::json::json;
use crate::memory::Held;
use crate::model::Model;
use crate::options::Asked;
use crate::source::Source;
use crate::work;
use baler::{Dataset, DecompressOptions, NoProgress, Result, Threads};
use baler_data::error::Error;
use baler_data::source::collect;
use baler_report::compare::CompareOptions;
use baler_report::measure::MeasureOptions;
use baler_report::metrics::expression::Expression;
use pyo3::prelude::*;

/// All values of a source.
fn whole(source: &dyn baler::Source) -> Result<Dataset> {
    collect(source, &Threads::of_caller(), |_| ())
}

/// Every codec on the data at one promise; JSON.
#[pyfunction]
#[pyo3(signature = (source, asked, codecs, threads=0, hearer=None))]
pub fn compare(
    py: Python,
    source: &Source,
    asked: Asked,
    codecs: Vec<String>,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<String> {
    let options = asked.options(py, &[source.inner.schema()])?;
    if options.size.is_some() {
        let text = "codecs are compared at one promise; give abs, rel, pw_rel or lossless";
        return Err(raised(py, &Error::config(text)));
    }
    let inner = source.inner.clone();
    let found = work::run(py, threads, hearer, move |teller| {
        let options = baler::Options { threads: teller.threads.clone(), ..options };
        let threads = teller.threads.clone();
        let dataset = threads.run(|| whole(&*inner))?.numbers();
        let wanted = CompareOptions { codecs, lossy_only: false };
        baler_report::compare::compare(&dataset, &options, &wanted, teller)
    })?;
    json(&found)
}

/// A report: its page in HTML, its measures as JSON, and its pictures (name, SVG).
type Reported = (String, String, Vec<(String, String)>);

/// Before and after on one page: `after` is an archive's bytes, or other data.
#[pyfunction]
#[pyo3(signature = (before, archive=None, after=None, title="report", derive=Vec::new(), units=Vec::new(), model=None, threads=0, hearer=None))]
#[allow(clippy::too_many_arguments)]
pub fn report(
    py: Python,
    before: &Source,
    archive: Option<&Bound<PyAny>>,
    after: Option<&Source>,
    title: &str,
    derive: Vec<(String, String)>,
    units: Vec<(String, String)>,
    model: Option<&Model>,
    threads: usize,
    hearer: Option<Bound<PyAny>>,
) -> PyResult<Reported> {
    let formula = |(name, text): (String, String)| Ok((name, Expression::parse(&text)?));
    let derive = derive.into_iter().map(formula).collect::<Result<_>>().or_raise(py)?;
    let options = MeasureOptions { derive, units };
    let archive = archive.map(Held::of).transpose()?;
    let (before, after) = (before.inner.clone(), after.map(|after| after.inner.clone()));
    let (model, title) = (model.map(|model| model.inner.clone()), title.to_string());
    work::run(py, threads, hearer, move |teller| {
        let threads = teller.threads.clone();
        threads.run(move || {
            let before = whole(&*before)?;
            let model = model.as_deref();
            let (data, told) = match (&archive, after) {
                (Some(bytes), _) => {
                    let options = DecompressOptions { model, ..DecompressOptions::default() };
                    let data = baler::decompress_with(bytes.as_ref(), &options, &mut NoProgress)?;
                    (data, Some(baler::inspect(bytes.as_ref())?))
                }
                (None, Some(after)) => (whole(&*after)?, None),
                (None, None) => return Err(Error::config("expected an archive or data, found neither")),
            };
            let source = baler_report::Source {
                title,
                before: &before,
                after: &data,
                archive: archive.as_ref().map(Held::as_ref).zip(told.as_ref()),
                others: &[],
                model,
                losses: None,
            };
            let page = baler_report::report(&source, &options)?;
            let measures = serde_json::to_string(&page.measures);
            let measures = measures.map_err(|error| Error::limit(error.to_string()))?;
            Ok((page.html(), measures, page.svgs()))
        })
    })
}
