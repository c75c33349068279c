//! Promise: a page shows everything inside its pictures, needs nothing from elsewhere, and the SVG and PDF are whole.

use baler::{BoundSpec, Dataset, Method, Options, Size, Values, Variable};
use baler_generate as generate;
use baler_report::draw::{Anchor, Item, Scene, text_width};
use baler_report::measure::MeasureOptions;
use baler_report::{Page, Source, report};

fn page(before: &Dataset, options: &Options, model: Option<&baler::Model>) -> Page {
    let made = baler::compress_with(before, options, model, &mut baler::NoProgress).unwrap();
    let after = baler::decompress(&made.bytes).unwrap();
    let source = Source {
        title: "a <title> & more".to_string(),
        before,
        after: &after,
        archive: Some((&made.bytes, &made.report)),
        others: std::slice::from_ref(&after),
        model,
        losses: None,
    };
    report(&source, &MeasureOptions::default()).unwrap()
}

fn classical(bound: BoundSpec) -> Options {
    Options { method: Method::Classical, ..Options::new(bound) }
}

/// A turning and a growing flow on frames of 32 x 40: vorticity 0.02 k and divergence 0.004 k in frame k.
fn wind() -> Dataset {
    let values = |of: fn(f64, f64) -> f64| -> Vec<f64> {
        let place = |i: usize| ((i % 40) as f64 - 20.0, (i / 40 % 32) as f64 - 16.0, (i / 1280) as f64);
        (0..6 * 1280).map(place).map(|(x, y, k)| k * of(x, y)).collect()
    };
    let parts = [
        ("wind_u", values(|x, y| 0.002 * x - 0.01 * y)),
        ("wind_v", values(|x, y| 0.01 * x + 0.002 * y)),
        ("counts", values(|x, y| (x * y / 20.0).floor().abs())),
    ];
    let variable =
        |(name, values): (&str, Vec<f64>)| Variable::new(name, vec![6, 32, 40], Values::F64(values)).unwrap();
    Dataset::from_arrays(parts.into_iter().map(variable).collect())
}

/// Pages of a table, a field, a series, odd values, and an autoencoder.
fn pages() -> Vec<(&'static str, Page)> {
    let flow = generate::flow(12, 32, 40, 1);
    let wave: Vec<f64> = (0..4096).map(|i| (f64::from(i) * 0.01).sin() * 1e-19).collect();
    let series =
        Dataset::from_arrays(vec![Variable::new("strain", vec![2, 2048], Values::F64(wave)).unwrap()]);
    let mut odd: Vec<f32> = (0..3000).map(|i| (i % 17) as f32).collect();
    (odd[0], odd[9], odd[10]) = (f32::NAN, f32::INFINITY, 1e20);
    odd[11] = 1e20;
    let long = "a_very_long_name_of_a_variable_that_nobody_would_type_twice_but_files_have_all_the_same";
    let odd = Dataset::from_arrays(vec![
        Variable::new(long, vec![3000], Values::F32(odd)).unwrap(),
        Variable::new("constant", vec![50, 60], Values::I16(vec![7; 3000])).unwrap(),
        Variable::new("scalar", vec![], Values::F64(vec![1.5])).unwrap(),
        Variable::new("none", vec![0, 4], Values::F64(vec![])).unwrap(),
    ]);
    let mut sized = Options::new(BoundSpec::Unbounded);
    (sized.method, sized.size) = (Method::Autoencoder, Some(Size::Latent(4)));
    let model =
        baler_train::train(std::slice::from_ref(&flow), &sized, &mut baler::NoProgress).unwrap().model;
    vec![
        ("jets", page(&generate::jets(3000, 1), &classical(BoundSpec::Rel(1e-3)), None)),
        ("flow", page(&flow, &classical(BoundSpec::Rel(1e-3)), None)),
        ("wind", page(&wind(), &classical(BoundSpec::Rel(1e-3)), None)),
        ("series", page(&series, &classical(BoundSpec::PwRel(1e-2)), None)),
        ("odd", page(&odd, &classical(BoundSpec::Abs(0.4)), None)),
        ("lossless", page(&flow, &classical(BoundSpec::Lossless), None)),
        ("latents", page(&flow, &sized, Some(&model))),
    ]
}

/// The places that an item reaches.
fn reach(item: &Item) -> Vec<(f64, f64)> {
    match item {
        Item::Line { points, .. } | Item::Area { points, .. } => points.clone(),
        Item::Image { place, .. } => vec![(place.x, place.y), (place.right(), place.bottom())],
        Item::Text(text) => {
            let width = text_width(&text.text, text.size);
            let start = match text.anchor {
                Anchor::Start => 0.0,
                Anchor::Middle => -width / 2.0,
                Anchor::End => -width,
            };
            match text.upward {
                false => vec![(text.x + start, text.y - 0.8 * text.size), (text.x + start + width, text.y)],
                true => vec![(text.x - 0.8 * text.size, text.y - start), (text.x, text.y - start - width)],
            }
        }
    }
}

fn check_inside(name: &str, scene: &Scene) {
    for item in &scene.items {
        for (x, y) in reach(item) {
            let inside = (-0.5..=scene.width + 0.5).contains(&x) && (-0.5..=scene.height + 0.5).contains(&y);
            assert!(
                inside,
                "{name}, '{}' ({} x {}): ({x}, {y}) of {item:?}",
                scene.title, scene.width, scene.height
            );
        }
    }
}

#[test]
fn nothing_is_drawn_outside_its_picture() {
    for (name, page) in pages() {
        assert!(page.figures().count() >= 2, "{name}");
        page.figures().for_each(|scene| check_inside(name, scene));
    }
}

#[test]
fn a_page_is_whole_and_needs_nothing_else() {
    for (name, page) in pages() {
        let html = page.html();
        assert!(html.contains("a &lt;title&gt; &amp; more"), "{name}");
        for word in ["<script", "<link rel=\"stylesheet", "src=\"http", "href=\"http", "url("] {
            assert!(!html.contains(word), "{name}: {word}");
        }
        let n_figures = page.figures().count();
        assert_eq!(html.matches("<svg ").count(), n_figures, "{name}");
        for tag in ["svg", "text", "table", "section", "figure", "title"] {
            assert_eq!(
                html.matches(&format!("<{tag}")).count(),
                html.matches(&format!("</{tag}>")).count(),
                "{name}: {tag}"
            );
        }
        for (file, svg) in page.svgs() {
            assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{name}: {file}");
            assert!(
                !svg.contains("NaN") || svg.contains("NaN, "),
                "{name}: {file} has a place that is no number"
            );
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{file}");
        }
        let pdf = page.pdf();
        assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"), "{name}");
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.contains(&format!("/Count {n_figures}")), "{name}");
    }
}

#[test]
fn latents_and_layers_are_shown_where_there_are_any() {
    let titles = |page: &Page| page.figures().map(|scene| scene.title.clone()).collect::<Vec<_>>().join("; ");
    for (name, page) in pages() {
        assert_eq!(titles(&page).contains("Activations by layer"), name == "latents", "{name}");
        assert_eq!(
            titles(&page).contains("slices"),
            ["flow", "wind", "lossless", "latents", "odd"].contains(&name),
            "{name}"
        );
        assert_eq!(titles(&page).contains("Correlations"), name == "jets", "{name}");
    }
}

#[test]
fn vector_fields_show_their_vorticity_and_divergence() {
    let (_, page) = pages().into_iter().find(|(name, _)| *name == "wind").unwrap();
    let made = &page.measures.made;
    let names: Vec<&str> = made.iter().map(|field| field.measures.name.as_str()).collect();
    let (turn, growth, odd) =
        ("vorticity(wind_u, wind_v)", "divergence(wind_u, wind_v)", "|odd - even frames| of counts");
    assert_eq!(names, [turn, growth, odd]);
    for (field, step) in made.iter().zip([0.02, 0.004]) {
        let k = field.view.before.iter().enumerate().map(|(i, x)| x - step * (i / 1280) as f64);
        assert!(k.fold(0.0f64, |most, e| most.max(e.abs())) < 1e-12);
        // Two derivatives by central differences: each at most the bound of its component (1e-3 of the range).
        let range = |name: &str| page.measures.variables.iter().find(|v| v.name == name).unwrap().range;
        let most = 2e-3 * (range("wind_u") + range("wind_v"));
        assert!(
            field.measures.max_abs_error > 0.0 && field.measures.max_abs_error <= most,
            "{}",
            field.measures.name
        );
        assert!((0.0..1.0).contains(&field.relative_rmse) && field.measures.field.is_some());
    }
    let titles: Vec<&str> = page.figures().map(|scene| scene.title.as_str()).collect();
    for name in names {
        for figure in ["slices", "spectrum and pattern of the error"] {
            assert!(titles.contains(&format!("{name}: {figure}").as_str()), "{name}: {figure}");
        }
    }
}

#[test]
fn two_equal_runs_have_no_spread() {
    let (_, page) = pages().swap_remove(0);
    let runs = page.runs.as_ref().unwrap();
    assert_eq!((runs.n_runs, runs.rows.len()), (2, page.measures.variables.len()));
    for (row, variable) in runs.rows.iter().zip(&page.measures.variables) {
        assert_eq!((row.residual_rms.mean, row.residual_rms.two_sigma), (variable.residual.rms, 0.0));
    }
}

#[test]
fn a_page_has_the_limit_and_the_missing_value_that_the_archive_keeps() {
    let values: Vec<f32> =
        (0..2000).map(|i| if i % 9 == 0 { -7.5 } else { (i as f32 * 0.01).sin() }).collect();
    let before = Dataset::from_arrays(vec![Variable::new("x", vec![2000], Values::F32(values)).unwrap()]);
    let missing = vec![("x".to_string(), baler_codec::options::Missing::Value(-7.5))];
    let options = Options { missing, ..classical(BoundSpec::Rel(0.5)) };
    let made = baler::compress_with(&before, &options, None, &mut baler::NoProgress).unwrap();
    let (after, kept) = (baler::decompress(&made.bytes).unwrap(), baler::inspect(&made.bytes).unwrap());
    let measured =
        baler_report::measure::measure(&before, &after, Some(&kept), &MeasureOptions::default()).unwrap();
    let view = &measured.views[0];
    assert_eq!(view.limit, baler_report::measure::Limit::Absolute(kept.variables[0].limit));
    assert!((kept.variables[0].limit - 1.0).abs() < 1e-3 && kept.variables[0].missing == [-7.5]);
    assert_eq!(view.before.iter().filter(|x| x.is_nan()).count(), 223);
    assert!(measured.measures.variables[0].range < 2.001);
}
