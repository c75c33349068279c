//! An archive on its way to its final name: `OUT.part` beside the output takes what is done, and stays where a run was
//! stopped, so that the next one can go on; `OUT.part.id` says what it was made from. The final name only ever holds a
//! whole archive, read back and checked before it is renamed. Files of others that have these names are left alone.

mod claim;

pub use claim::partial_path;

use baler_codec::container::Index;
use baler_codec::encode::output::Output;
use baler_data::bytes::ByteReader;
use baler_data::error::{Error, Result};
use claim::Claim;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of a length before a frame, at most, and of the checksum behind it.
const HEAD_BYTES: u64 = 10;
const CHECKSUM_BYTES: u64 = 8;

/// An archive in the making.
pub struct PartialFile {
    claim: Claim,
    /// What it is made from, in any words.
    origin: String,
    resume: bool,
    /// Bytes that are kept, and whether there is more behind them.
    n_kept: u64,
    has_rest: bool,
}

impl PartialFile {
    /// The partial file of `output`. `origin` tells data and options apart from others; with `resume` what is there from
    /// the same origin is kept, else it is replaced. Files of others, and the `inputs` above all, are never touched:
    /// where one has the name, the next of OUT.part2, OUT.part3, ... is taken.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Io`]; [`baler_data::error::ErrorKind::Config`] where another process is writing it.
    pub fn new(output: &Path, inputs: &[&Path], origin: &str, resume: bool) -> Result<PartialFile> {
        let claim = Claim::of(output, inputs)?;
        Ok(PartialFile { claim, origin: origin.to_string(), resume, n_kept: 0, has_rest: true })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.claim.path
    }

    /// The file of someone else that has the name that this should have.
    pub fn in_the_way(&self) -> Option<&Path> {
        self.claim.in_the_way.as_deref()
    }

    /// Bytes that a run before has left.
    pub fn left_over(&self) -> u64 {
        self.claim.part.metadata().map_or(0, |found| found.len())
    }

    /// Checks the bytes on the disk and gives them their final name; a file of that name is replaced only with `force`.
    ///
    /// # Errors
    /// [`baler_data::error::ErrorKind::Io`], or [`baler_data::error::ErrorKind::Corrupt`] if the disk gives back other bytes.
    pub fn finish(self, output: &Path, force: bool) -> Result<()> {
        let failed = |e| Error::io(format!("writing '{}'", output.display()), e);
        let part = &self.claim.part;
        part.sync_all().map_err(failed)?;
        Index::open(part)?.check_hash()?;
        if let (true, Ok(old)) = (force, std::fs::metadata(output)) {
            part.set_permissions(old.permissions()).map_err(failed)?;
        }
        self.claim.rename(output, force).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error::config(format!("{} exists; use -f to replace it", output.display()))
            }
            _ => failed(e),
        })?;
        // The name itself reaches the disk with the folder; some file systems cannot do this, and need not.
        if let Some(Ok(folder)) =
            output.parent().map(|p| File::open(if p == Path::new("") { Path::new(".") } else { p }))
        {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Takes it away: nobody can go on from it.
    pub fn discard(self) {
        self.claim.remove();
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> Error + use<> {
        let what = format!("writing '{}'", self.path().display());
        move |e| Error::io(what.clone(), e)
    }

    /// True if the file starts with `header` and was made from the same as this; false if there is too little of it to
    /// tell.
    fn goes_on(&mut self, header: &[u8], id: &str) -> Result<bool> {
        if !self.resume || self.left_over() < header.len() as u64 {
            return Ok(false);
        }
        let mut found = vec![0; header.len()];
        let failed = self.failed();
        let part = &mut self.claim.part;
        part.seek(SeekFrom::Start(0)).and_then(|_| part.read_exact(&mut found)).map_err(&failed)?;
        if found == header && self.claim.id().map_err(failed)? == id {
            return Ok(true);
        }
        Err(Error::config(format!(
            "expected '{}' to come from the same data and options, found another; leave out --resume to start anew",
            self.path().display()
        )))
    }
}

impl Output for PartialFile {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        let id = blake3::hash(&[header, self.origin.as_bytes()].concat()).to_hex().to_string();
        if self.goes_on(header, &id)? {
            self.n_kept = header.len() as u64;
            return Ok(());
        }
        // The identity stands before the first byte, so that bytes without one are never gone on from.
        self.claim.part.set_len(0).map_err(self.failed())?;
        self.claim.set_id(&id).map_err(self.failed())?;
        (self.n_kept, self.has_rest) = (0, false);
        self.claim.part.seek(SeekFrom::Start(0)).map_err(self.failed())?;
        self.write(header)
    }

    fn restart(&mut self) -> Result<()> {
        (self.resume, self.n_kept, self.has_rest) = (false, 0, false);
        Ok(())
    }

    fn kept_frame(&mut self) -> Result<Option<Vec<u8>>> {
        let rest = self.left_over().saturating_sub(self.n_kept);
        if !self.has_rest || rest == 0 {
            return Ok(None);
        }
        let failed = self.failed();
        let mut read = |n_bytes: u64| -> Result<Vec<u8>> {
            let mut bytes = vec![0; n_bytes as usize];
            let part = &mut self.claim.part;
            part.seek(SeekFrom::Start(self.n_kept))
                .and_then(|_| part.read_exact(&mut bytes))
                .map_err(&failed)?;
            Ok(bytes)
        };
        let head = read(rest.min(HEAD_BYTES))?;
        let mut r = ByteReader::new(&head);
        let Ok(n_content) = r.varint() else { return Ok(None) };
        let n_frame = n_content.checked_add(r.position() as u64 + CHECKSUM_BYTES);
        n_frame.filter(|&n_frame| n_frame <= rest).map(read).transpose()
    }

    fn keep(&mut self, n_bytes: usize) {
        self.n_kept += n_bytes as u64;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if std::mem::take(&mut self.has_rest) {
            self.claim.part.set_len(self.n_kept).map_err(self.failed())?;
            self.claim.part.seek(SeekFrom::Start(self.n_kept)).map_err(self.failed())?;
        }
        self.claim.part.write_all(bytes).map_err(self.failed())
    }
}
