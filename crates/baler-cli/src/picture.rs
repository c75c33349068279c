//! A picture that a command writes beside its table, as SVG or PDF.

use crate::library::Error;
use crate::output::Target;
use anyhow::Result;
use baler_report::draw::{Scene, pdf, svg};
use std::path::Path;

/// Where a picture goes, and as what.
pub struct Picture {
    target: Target,
    is_pdf: bool,
}

impl Picture {
    /// Of a name that ends in .svg or .pdf; an existing file stays without `force`.
    pub fn new(path: &Path, force: bool) -> Result<Picture> {
        let is_pdf = match path.extension().and_then(|e| e.to_str()) {
            Some("pdf") => true,
            Some("svg") => false,
            _ => {
                let text = format!("expected a picture ending in .svg or .pdf, found {}", path.display());
                return Err(Error::config(text).into());
            }
        };
        Ok(Picture { target: Target::new(path, force)?, is_pdf })
    }

    /// Writes it.
    pub fn write(&self, scene: &Scene) -> Result<()> {
        let bytes = if self.is_pdf { pdf::write(&[scene]) } else { svg::write(scene).into_bytes() };
        self.target.write(&bytes)
    }
}
