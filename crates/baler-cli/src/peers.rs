//! Codecs of other projects, run by a Python of the user's that has them. What is not there is named.

use crate::library::{Dataset, Error, Format, Options, io};
use anyhow::{Context, Result};
use baler_report::compare::{Family, Missing, Row, absolute_limits};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the documented command makes the environment.
pub const DEFAULT_PYTHON: &str = ".peers/bin/python";
const SET_UP: &str = "python3 -m venv .peers && .peers/bin/pip install -r scripts/peers/requirements.txt";
/// What is run, and what it imports from its own folder.
const SCRIPTS: [(&str, &str); 3] = [
    ("peers.py", include_str!("../../../scripts/peers/peers.py")),
    ("compressors.py", include_str!("../../../scripts/peers/compressors.py")),
    ("layouts.py", include_str!("../../../scripts/peers/layouts.py")),
];

/// What the script answers.
#[derive(Deserialize)]
struct Answer {
    peers: Vec<Peer>,
    missing: Vec<Absent>,
}

#[derive(Deserialize)]
struct Peer {
    name: String,
    lossy: bool,
    bytes: u64,
    encode_seconds: f64,
    decode_seconds: f64,
    worst: f64,
    nrmse: f64,
    how: Vec<String>,
    views: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Absent {
    name: String,
    why: String,
}

/// Rows of the peers, and those that were not run.
pub struct Peers {
    pub rows: Vec<Row>,
    pub missing: Vec<Missing>,
}

/// Says what `--peers` would add.
pub fn not_asked() -> Missing {
    let name = "SZ3, SZ2, SPERR, ZFP, fpzip, Blosc2, pcodec, bzip3, zpaq, JPEG XL, JPEG-LS, WebP".to_string();
    Missing { name, why: format!("--peers runs them; set up once: {SET_UP}") }
}

/// Runs the script on the dataset, for peers whose names match one of `codecs` (all if there are none).
pub fn run(python: &Path, dataset: &Dataset, options: &Options, codecs: &[String]) -> Result<Peers> {
    let Some(limits) = absolute_limits(dataset, options) else {
        let why = "a point-wise relative bound is not run with peers".to_string();
        return Ok(Peers { rows: Vec::new(), missing: vec![Missing { name: not_asked().name, why }] });
    };
    let folder = tempfile::tempdir().context("making a folder for the peers")?;
    let file = folder.path().join("data.npz");
    let arrays = Dataset::from_arrays(dataset.variables.clone());
    std::fs::write(&file, io::write(&arrays, Format::Npz)?).context("writing data for the peers")?;
    for (name, text) in SCRIPTS {
        std::fs::write(folder.path().join(name), text).context("writing the script of the peers")?;
    }
    let limits: BTreeMap<String, f64> = limits.into_iter().collect();
    let request = serde_json::json!({ "limits": limits, "codecs": codecs });
    let child = Command::new(python)
        .arg(folder.path().join(SCRIPTS[0].0))
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| {
        Error::config(format!(
            "expected a Python at {}, found none ({error}); set it up: {SET_UP}",
            python.display()
        ))
    })?;
    let mut input = child.stdin.take().context("the peers take no input")?;
    input.write_all(request.to_string().as_bytes()).context("asking the peers")?;
    drop(input);
    let done = child.wait_with_output().context("waiting for the peers")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let last = said.lines().last().unwrap_or("nothing was said").to_string();
        return Err(Error::config(format!(
            "the peers ended with {}: {last}; set them up: {SET_UP}",
            done.status
        ))
        .into());
    }
    let answer: Answer = serde_json::from_slice(&done.stdout).context("reading what the peers answered")?;
    let missing = answer.missing.into_iter().map(|absent| Missing { name: absent.name, why: absent.why });
    let rows = answer.peers.into_iter().map(|peer| row(peer, dataset.size_bytes())).collect();
    Ok(Peers { rows, missing: missing.collect() })
}

fn row(peer: Peer, input_bytes: usize) -> Row {
    let megabytes = input_bytes as f64 / 1e6;
    let note = if peer.how.is_empty() {
        "payload only".to_string()
    } else {
        format!("payload only; {}", peer.how.join(", "))
    };
    Row {
        name: peer.name,
        family: if peer.lossy { Family::Peer } else { Family::Lossless },
        bytes: peer.bytes,
        model_bytes: 0,
        ratio: input_bytes as f64 / peer.bytes.max(1) as f64,
        error_of_bound: peer.lossy.then_some(peer.worst),
        nrmse: peer.nrmse,
        psnr: 20.0 * (1.0 / peer.nrmse).log10(),
        encode_mb_s: megabytes / peer.encode_seconds.max(1e-9),
        decode_mb_s: megabytes / peer.decode_seconds.max(1e-9),
        note,
        views: peer.views,
    }
}
