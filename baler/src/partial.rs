//! An archive on its way to its final name: `OUT.part` beside the output takes what is done, and stays where a run was
//! stopped, so that the next one can go on; `OUT.part.id` says what it was made from. The final name only ever holds a
//! whole archive, read back and checked before it is renamed.

use crate::container::Index;
use crate::container::bytes::ByteReader;
use crate::error::{Error, Result};
use crate::output::Output;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a length before a frame, at most, and of the checksum behind it.
const HEAD_BYTES: u64 = 10;
const CHECKSUM_BYTES: u64 = 8;

/// An archive in the making.
pub struct PartialFile {
    path: PathBuf,
    file: File,
    /// What it is made from, in any words.
    origin: String,
    resume: bool,
    /// Bytes that are kept, and whether there is more behind them.
    n_kept: u64,
    has_rest: bool,
}

/// Where the partial file of an output is.
pub fn partial_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl PartialFile {
    /// The partial file of `output`. `origin` tells data and options apart from others; with `resume` what is there from
    /// the same origin is kept, else it is replaced.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`], also where another process is writing it.
    pub fn new(output: &Path, origin: &str, resume: bool) -> Result<PartialFile> {
        let path = partial_path(output);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|e| Error::io(format!("writing '{}'", path.display()), e))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let text = format!("'{}' is being written by another process; wait for it", path.display());
                Err(Error::config(text))
            }
            // Some file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {
                let origin = origin.to_string();
                Ok(PartialFile { path, file, origin, resume, n_kept: 0, has_rest: true })
            }
        }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that a run before has left.
    pub fn left_over(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// Checks the bytes on the disk and gives them their final name; a file of that name is replaced only with `force`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`], or [`crate::ErrorKind::Corrupt`] if the disk gives back other bytes.
    pub fn finish(self, output: &Path, force: bool) -> Result<()> {
        let failed = |e| Error::io(format!("writing '{}'", output.display()), e);
        self.file.sync_all().map_err(failed)?;
        Index::open(&self.file)?.check_hash()?;
        if !force && output.exists() {
            return Err(Error::config(format!("{} exists; use -f to replace it", output.display())));
        }
        if let Ok(old) = std::fs::metadata(output) {
            self.file.set_permissions(old.permissions()).map_err(failed)?;
        }
        std::fs::rename(&self.path, output).map_err(failed)?;
        // Nobody reads it any more; were it left, the next run would replace it.
        let _ = std::fs::remove_file(with_suffix(&self.path, ".id"));
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
        let _ = std::fs::remove_file(with_suffix(&self.path, ".id"));
        let _ = std::fs::remove_file(&self.path);
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> Error + use<> {
        let what = format!("writing '{}'", self.path.display());
        move |e| Error::io(what.clone(), e)
    }

    /// True if the file starts with `header` and was made from the same as this; false if there is too little of it to
    /// tell.
    fn goes_on(&mut self, header: &[u8], id: &str) -> Result<bool> {
        if !self.resume || self.left_over() < header.len() as u64 {
            return Ok(false);
        }
        let mut found = vec![0; header.len()];
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.read_exact(&mut found))
            .map_err(self.failed())?;
        let known = std::fs::read_to_string(with_suffix(&self.path, ".id")).unwrap_or_default();
        if found == header && known.trim() == id {
            return Ok(true);
        }
        Err(Error::config(format!(
            "expected '{}' to come from the same data and options, found another; leave out --resume to start anew",
            self.path.display()
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
        self.file.set_len(0).map_err(self.failed())?;
        std::fs::write(with_suffix(&self.path, ".id"), id).map_err(self.failed())?;
        (self.n_kept, self.has_rest) = (0, false);
        self.file.seek(SeekFrom::Start(0)).map_err(self.failed())?;
        self.write(header)
    }

    fn kept_frame(&mut self) -> Result<Option<Vec<u8>>> {
        let rest = self.left_over().saturating_sub(self.n_kept);
        if !self.has_rest || rest == 0 {
            return Ok(None);
        }
        let failed = self.failed();
        let mut read = |n_bytes: u64| -> Result<Vec<u8>> {
            let mut bytes = vec![0; n_bytes as usize];
            self.file
                .seek(SeekFrom::Start(self.n_kept))
                .and_then(|_| self.file.read_exact(&mut bytes))
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
            self.file.set_len(self.n_kept).map_err(self.failed())?;
            self.file.seek(SeekFrom::Start(self.n_kept)).map_err(self.failed())?;
        }
        self.file.write_all(bytes).map_err(self.failed())
    }
}

/// A file without a name, for outputs that take bytes only in order.
impl Output for File {
    fn begin(&mut self, header: &[u8]) -> Result<()> {
        Output::write(self, header)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_all(bytes).map_err(|e| Error::io("writing a temporary file (TMPDIR says where)", e))
    }
}
