//! `baler report`, `baler compare`, the adviser and the project's figures, run as a user runs them; the page in a real
//! Chromium, where there is one.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Folder, smooth, write_npy};

/// A folder with a field and its archive.
fn field() -> Folder {
    let folder = Folder::new();
    write_npy(&folder.path("x.npy"), &[6, 40, 50], &smooth(12_000));
    folder.ok(&["compress", "x.npy", "-o", "x.bale", "--rel", "1e-3", "--method", "classical", "-q"]);
    folder
}

#[test]
fn a_report_is_one_file_and_its_figures_are_files() {
    let folder = field();
    folder.ok(&["report", "x.bale", "--against", "x.npy", "-o", "x.html", "--figures", "figures"]);
    let html = std::fs::read_to_string(folder.path("x.html")).unwrap();
    assert!(html.contains("x.bale against x.npy") && html.contains("rel 1e-3"));
    let names: Vec<String> = std::fs::read_dir(folder.path("figures"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        names.contains(&"figures.pdf".to_string())
            && names.iter().filter(|n| n.ends_with(".svg")).count() >= 4
    );
    let line = folder.refused(&["report", "x.bale", "--against", "x.npy", "-o", "x.html"]);
    assert!(line.contains("use -f"), "{line}");
    let line = folder.refused(&["report", "x.bale", "--against", "x.npy", "--figures", "figures"]);
    assert!(line.contains("not empty"), "{line}");
}

#[test]
fn the_numbers_of_a_report_are_those_of_the_archive() {
    let folder = field();
    let report = folder.ok(&["report", "x.bale", "--against", "x.npy", "--json"]).json();
    let variable = &report["variables"][0];
    let told = folder.ok(&["inspect", "x.bale", "--json"]).json();
    assert_eq!(variable["max_abs_error"], told["variables"][0]["max_error"]);
    assert_eq!(variable["n"], 12_000);
    assert!(variable["field"]["ssim"].as_f64().unwrap() > 0.99);
    assert!(report["resources"]["cpu_seconds"].as_f64().unwrap() >= 0.0);
    // What another tool has brought back is measured too: here the data themselves.
    let same = folder.ok(&["report", "x.npy", "--against", "x.npy", "--json"]).json();
    assert_eq!(same["variables"][0]["max_abs_error"], 0.0);
}

#[test]
fn derived_quantities_and_runs_are_reported() {
    let folder = Folder::new();
    let rows: String =
        (0..500).map(|i| format!("{},{}\n", f64::from(i) * 0.37, f64::from(i * i % 91) + 0.5)).collect();
    std::fs::write(folder.path("t.csv"), format!("px,py\n{rows}")).unwrap();
    for name in ["a.bale", "b.bale"] {
        folder.ok(&["compress", "t.csv", "-o", name, "--abs", "0.01", "-q"]);
    }
    let command = [
        "report",
        "a.bale",
        "--against",
        "t.csv",
        "--runs",
        "b.bale",
        "--derive",
        "pt=sqrt(px^2+py^2)",
        "--json",
    ];
    let report = folder.ok(&command).json();
    let derived = &report["derived"][0];
    assert!(derived["name"] == "pt" && derived["max_abs_error"].as_f64().unwrap() <= 0.0142);
    assert_eq!(report["runs"]["n_runs"], 2);
    assert_eq!(report["runs"]["rows"][0]["residual_rms"]["two_sigma"], 0.0);
    let line =
        folder.refused(&["report", "a.bale", "--against", "t.csv", "--derive", "pt=sqrt(qx)", "--json"]);
    assert!(line.contains("formula of 'pt': expected the name of a variable, found 'qx'"), "{line}");
}

#[test]
fn formulas_name_variables_with_slashes_by_quotes_or_by_their_last_part() {
    let folder = Folder::new();
    let column = |name: &str, first: i32| {
        let values = (first..first + 300).map(|i| f64::from(i % 97) * 0.5).collect();
        baler_data::dataset::Variable::new(name, vec![300], baler_data::dataset::Values::F64(values)).unwrap()
    };
    let names = ["Events/Muon_pt", "Events/Muon_eta", "Runs/Muon_eta"];
    let columns = names.iter().zip([3, 40, 5]).map(|(name, first)| column(name, first)).collect();
    let npz =
        baler_io::write(&baler_data::dataset::Dataset::from_arrays(columns), baler_io::Format::Npz).unwrap();
    std::fs::write(folder.path("t.npz"), npz).unwrap();
    folder.ok(&["compress", "t.npz", "--abs", "0.01", "-q"]);
    let report = |formula: &str| {
        let args = ["report", "t.bale", "--against", "t.npz", "--json", "--unit", "Muon_pt=GeV", "--derive"];
        folder.run(&[&args[..], &[formula]].concat())
    };
    for formula in
        ["p='Events/Muon_pt' * cosh('Events/Muon_eta' / 50)", "p=Muon_pt * cosh(\"Events/Muon_eta\" / 50)"]
    {
        let ran = report(formula);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(ran.json()["derived"][0]["name"], "p");
    }
    let said = report("p=Muon_eta").stderr;
    assert!(said.contains("'Muon_eta' may be 'Events/Muon_eta' and 'Runs/Muon_eta'"), "{said}");
    let said = report("p=Events/Muon_pt").stderr;
    assert!(said.contains("found the group 'Events'; quote names with a slash"), "{said}");
}

#[test]
fn formulas_over_fields_are_drawn_and_may_be_components() {
    let folder = field();
    let command = [
        "report",
        "x.bale",
        "--against",
        "x.npy",
        "--derive",
        "vx=data*2",
        "--derive",
        "vy=sin(data)",
        "--json",
    ];
    let report = folder.ok(&[&command[..], &["--figures", "figures"]].concat()).json();
    let made = report["made"].as_array().unwrap();
    let names: Vec<&str> = made.iter().map(|field| field["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["vx", "vy", "vorticity(vx, vy)", "divergence(vx, vy)"]);
    let error = |place: &serde_json::Value| place["max_abs_error"].as_f64().unwrap();
    assert!((error(&made[0]) - 2.0 * error(&report["variables"][0])).abs() < 1e-12);
    let drawn: Vec<String> = std::fs::read_dir(folder.path("figures"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(drawn.iter().any(|name| name.ends_with("vorticity_vx_vy_slices.svg")), "{drawn:?}");
}

#[test]
fn codecs_are_compared_at_one_bound() {
    let folder = field();
    let command = [
        "compare",
        "x.npy",
        "--rel",
        "1e-3",
        "--codecs",
        "baler classical,gzip*,quantize + pco,PCA*",
        "--json",
    ];
    let found = folder.ok(&command).json();
    let rows = found["rows"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(rows.len(), 4);
    assert!(row("gzip -6")["psnr"].is_null() && row("gzip -6")["family"] == "lossless");
    for name in ["baler classical", "quantize + pco"] {
        let worst = row(name)["error_of_bound"].as_f64().unwrap();
        assert!((0.5..=1.0 + 1e-9).contains(&worst), "{name} {worst}");
    }
    let size = std::fs::metadata(folder.path("x.bale")).unwrap().len();
    assert_eq!(row("baler classical")["bytes"], size);
    assert!(found["missing"][0]["why"].as_str().unwrap().contains("scripts/peers/requirements.txt"));
    let text = String::from_utf8(
        folder
            .ok(&[
                "compare",
                "x.npy",
                "--rel",
                "1e-3",
                "--codecs",
                "baler classical,gzip*",
                "--plot",
                "p.svg",
            ])
            .stdout,
    );
    assert!(text.unwrap().contains("gzip -6"));
    assert!(std::fs::read_to_string(folder.path("p.svg")).unwrap().contains("best lossless: gzip -6"));
    let line = folder.refused(&["compare", "x.npy", "--size", "10kB"]);
    assert!(line.contains("one promise"), "{line}");
    let line =
        folder.refused(&["compare", "x.npy", "--rel", "1e-3", "--codecs", "SZ3", "--peers", "no/python"]);
    assert!(line.contains("pip install -r scripts/peers/requirements.txt"), "{line}");
}

#[test]
fn codecs_are_compared_in_equal_bytes() {
    let folder = field();
    let args = ["compare", "x.npy", "--ratio", "4,12,30", "--codecs", "baler auto,quantize + pco,bit*"];
    let object = folder.ok(&[&args[..], &["--json", "--plot", "p.svg"]].concat()).json();
    let comparisons = object["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 3);
    let mut before = 0.0;
    for (comparison, ratio) in comparisons.iter().zip([4.0, 12.0, 30.0]) {
        let rows = comparison["rows"].as_array().unwrap();
        let most = comparison["input_bytes"].as_f64().unwrap() / ratio;
        assert!(rows.iter().all(|row| row["bytes"].as_f64().unwrap() <= most), "{ratio}: {comparison}");
        let ours = rows.iter().find(|row| row["name"] == "baler auto").unwrap();
        let error = ours["nrmse"].as_f64().unwrap();
        assert!(error > before, "{ratio}: {error} after {before}");
        before = error;
        // Others come with the bound that they reached, and use the bytes.
        let pco = rows.iter().find(|row| row["name"] == "quantize + pco").unwrap();
        assert!(pco["note"].as_str().unwrap().starts_with("rel "), "{comparison}");
        let is_finest = pco["nrmse"].as_f64().unwrap() < 1e-13;
        assert!(is_finest || pco["bytes"].as_f64().unwrap() > 0.95 * most, "{ratio}: {comparison}");
    }
    assert!(std::fs::read_to_string(folder.path("p.svg")).unwrap().contains("quantize + pco"));
    let text = String::from_utf8(folder.ok(&args).stdout).unwrap();
    assert!(text.contains("ratio 12") && text.matches("baler auto").count() == 3, "{text}");
    assert!(folder.refused(&["compress", "x.npy", "--ratio", "4,12"]).contains("expected one --ratio"));
    assert!(
        folder.refused(&["compare", "x.npy", "--ratio", "4", "--rel", "1e-3"]).contains("cannot be used")
    );
    assert!(folder.refused(&["compare", "x.npy", "--ratio", "4", "--peers"]).contains("at a bound"));
}

#[test]
fn data_are_advised_on() {
    let folder = field();
    let text = String::from_utf8(folder.ok(&["inspect", "x.npy"]).stdout).unwrap();
    assert!(text.contains("verdict    use --"), "{text}");
    let advice = &folder.ok(&["inspect", "x.npy", "--json"]).json()["advice"];
    assert!(advice["lossless"].as_array().unwrap().len() >= 5 && advice["verdict"].is_string());
    assert!(folder.ok(&["inspect", "x.npy", "--quick", "--json"]).json()["advice"].is_null());
}

#[test]
fn a_project_has_its_figures() {
    let folder = Folder::new();
    folder.ok(&["new", "W", "P"]);
    let places = folder.path("workspaces/W");
    std::fs::remove_file(places.join("P/config/baler.toml")).unwrap();
    write_npy(&places.join("data/x.npy"), &[20, 20, 20], &smooth(8000));
    let config = "def set_config(c):\n    c.input_path = 'workspaces/W/data/x.npy'\n    c.compression_ratio = 50\n    \
        c.model_name = 'CFD_dense_AE'\n    c.epochs = 3\n    c.batch_size = 8\n    c.test_size = 0.2\n";
    std::fs::write(places.join("P/config/P_config.py"), config).unwrap();
    for mode in ["train", "compress", "plot", "diagnose"] {
        folder.ok(&["--project", "W", "P", "--mode", mode]);
    }
    let plots = places.join("P/output/plotting");
    for name in ["report.html", "figures.pdf", "diagnostics.pdf"] {
        assert!(std::fs::metadata(plots.join(name)).unwrap().len() > 3000, "{name}");
    }
    let page = std::fs::read_to_string(plots.join("report.html")).unwrap();
    assert!(page.contains("Loss by epoch") && page.contains("Activations by layer") && page.contains("en1"));
    let info = String::from_utf8(folder.ok(&["--project", "W", "P", "--mode", "info"]).stdout).unwrap();
    assert!(info.contains("data: RMS error"), "{info}");
}

/// The browser, by any of its usual names.
fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
}

/// (the page after it was shown, what the browser said) of a file; a picture of it goes beside.
fn open(browser: &Path, page: &Path) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let words =
        ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"];
    let run = Command::new(browser)
        .args(words)
        .args(["--enable-logging=stderr", "--v=0", "--window-size=1120,4000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--screenshot={}", page.with_extension("png").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&run.stdout).into_owned(), String::from_utf8_lossy(&run.stderr).into_owned())
}

#[test]
fn chromium_shows_the_page_without_a_complaint() {
    let Some(browser) = chromium() else {
        eprintln!("Chromium is not there: no page was opened");
        return;
    };
    let folder = field();
    folder.ok(&["report", "x.bale", "--against", "x.npy", "-o", "x.html"]);
    let (shown, said) = open(&browser, &folder.path("x.html"));
    assert!(!said.contains("CONSOLE"), "{said}");
    let written = std::fs::read_to_string(folder.path("x.html")).unwrap();
    assert_eq!(shown.matches("<svg").count(), written.matches("<svg").count(), "{said}");
    assert_eq!(shown.matches("</figure>").count(), written.matches("</figure>").count());
    // What such a page says when something is wrong would have been seen.
    std::fs::write(folder.path("bad.html"), "<script>console.error('seen'); nothing();</script>").unwrap();
    let (_, said) = open(&browser, &folder.path("bad.html"));
    assert!(said.contains("CONSOLE") && said.contains("seen"), "{said}");
}
