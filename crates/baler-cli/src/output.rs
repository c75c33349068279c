//! Outputs appear whole or not at all: bytes are written to a temporary file beside the target, brought to
//! the disk, and renamed. On an error the temporary file is removed and the target is as it was.
//!
//! Never deletes anything; never replaces a file without `--force`.

use crate::closed::refuse_closed_stdout;
use crate::library::Error;
use crate::names;
use baler_data::names::shown;
use baler_io::WriteSeek;

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a command's result goes; made before the work starts, so that a wrong name costs no time.
#[derive(Debug)]
pub enum Target {
    /// `-`
    Stdout,
    /// A regular file, present or not.
    File { path: PathBuf, force: bool },
    /// A device or pipe, for example /dev/null: written in place.
    Special(PathBuf),
}

impl Target {
    /// Checks that `name` can become an output: its directory is there, and no file unless `force`.
    pub fn new(name: &Path, force: bool) -> Result<Target> {
        if name == Path::new("-") {
            refuse_closed_stdout()?;
            return Ok(Target::Stdout);
        }
        // A link is followed, so that the file it names is replaced and not the link.
        let path = std::fs::canonicalize(name).unwrap_or_else(|_| name.to_path_buf());
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                bail!("expected an output file, found the directory {}; add a file name", name.display())
            }
            Ok(found) if !found.is_file() => return Ok(Target::Special(path)),
            Ok(_) if !force => bail!("{} exists; use -f to replace it", name.display()),
            _ => {}
        }
        let folder = folder_of(&path);
        if !folder.is_dir() {
            bail!("the folder {} of the output does not exist; create it first", folder.display());
        }
        if path.file_name().is_none() {
            bail!("expected an output file, found '{}'", name.display());
        }
        Ok(Target::File { path, force })
    }

    /// Writes all of `bytes`, whole or not at all.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Target::Stdout => write_stdout(bytes),
            Target::File { path, force } => write_whole(path, bytes, *force),
            Target::Special(path) => std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(bytes))
                .with_context(|| format!("writing {}", path.display())),
        }
    }

    /// Writes what `make` makes in pieces, whole or not at all. What takes bytes only in order gets them at the end.
    pub fn write_with(&self, make: impl FnOnce(&mut dyn WriteSeek) -> Result<()>) -> Result<()> {
        if let Target::File { path, force } = self {
            return write_beside(path, *force, make);
        }
        let mut file = tempfile::tempfile().context("writing a temporary file (TMPDIR says where)")?;
        make(&mut file)?;
        self.copy_from(file)
    }

    /// Copies a file to standard output or a device.
    pub fn copy_from(&self, mut file: File) -> Result<()> {
        file.seek(SeekFrom::Start(0)).context("reading a temporary file")?;
        if self.is_stdout() {
            refuse_closed_stdout()?;
        }
        match self {
            Target::Stdout => match std::io::copy(&mut file, &mut std::io::stdout().lock()) {
                Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
                other => other.map(drop).context("writing standard output"),
            },
            Target::Special(path) | Target::File { path, .. } => std::fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut out| std::io::copy(&mut file, &mut out))
                .map(drop)
                .with_context(|| format!("writing {}", path.display())),
        }
    }

    /// Writes a folder of (path, bytes), whole or not at all. A folder that is there already is never replaced.
    pub fn write_folder(&self, files: &[(String, Vec<u8>)]) -> Result<()> {
        let path = match self {
            Target::File { path, .. } if !path.exists() => path,
            Target::File { path, .. } => {
                bail!("{} exists and is no folder; choose another name", path.display())
            }
            Target::Stdout | Target::Special(_) => {
                bail!("a Zarr store is a folder; give -o a name that ends in .zarr")
            }
        };
        let what = || format!("writing {}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        clear_left_over(folder_of(path), &name);
        let folder =
            tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".part").tempdir_in(folder_of(path));
        let folder = folder.with_context(what)?;
        let _at_work = File::open(folder.path()).ok().filter(|open| open.try_lock().is_ok());
        for (file, bytes) in files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(folder_of(&file)).with_context(what)?;
            File::create(&file)
                .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
                .with_context(what)?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
                .with_context(what)?;
        }
        std::fs::rename(folder.path(), path).with_context(what)?;
        let _ = folder.keep(); // it has its name now: nothing is left to remove
        Ok(())
    }

    /// True for `-`.
    pub fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout)
    }
}

/// A file that grows beyond what the system allows (`ulimit -f`) is an error of the write, as a full disk is, and not the
/// end of the process. For this thread and those that it starts.
pub fn fail_where_files_are_too_large() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGXFSZ);
        // Where it cannot be held back, the process ends as it did.
        let _ = signals.thread_block();
    }
}

/// Writes to standard output; a reader that went away (`| head`) is no error.
pub fn write_stdout(bytes: &[u8]) -> Result<()> {
    refuse_closed_stdout()?;
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("writing standard output"),
    }
}

/// Writes text for people to standard output.
pub fn print_text(text: &str) -> Result<()> {
    write_stdout(shown(text).as_bytes())
}

/// Writes one line to standard error; nobody listening is no error.
pub fn say(line: &str) {
    crate::progress::beside_bars(|| {
        let _ = writeln!(std::io::stderr().lock(), "{}", shown(&names::shown(line)));
    });
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Removes what runs that were killed while they wrote `name` have left beside it: temporary files of ours (`.NAME.XXXXXX.part`)
/// that no process holds a lock on, and that are not brand-new.
fn clear_left_over(folder: &Path, name: &str) {
    const YOUNG: Duration = Duration::from_secs(60);
    let (prefix, suffix) = (format!(".{name}."), ".part");
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let random = found.to_str().and_then(|found| found.strip_prefix(&prefix)?.strip_suffix(suffix));
        let is_ours = random.is_some_and(|r| r.len() == 6 && r.chars().all(|c| c.is_ascii_alphanumeric()));
        let Ok(metadata) = std::fs::symlink_metadata(entry.path()) else { continue };
        let is_old = metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > YOUNG));
        if !is_ours || !is_old || metadata.is_symlink() {
            continue;
        }
        // Opened without a wait even where it is a pipe: only files and folders are.
        let is_free = (metadata.is_file() || metadata.is_dir())
            && File::open(entry.path()).is_ok_and(|open| open.try_lock().is_ok());
        if is_free {
            let _ = match metadata.is_dir() {
                true => std::fs::remove_dir_all(entry.path()),
                false => std::fs::remove_file(entry.path()),
            };
        }
    }
}

/// Writes `bytes` to `path`, whole or not at all; see [`write_beside`].
pub fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    write_beside(path, force, |out| {
        out.write_all(bytes).with_context(|| format!("writing {}", path.display()))
    })
}

/// Writes `path` by way of a temporary file in the same folder. Without `force` an existing file, also one
/// that came into being since the check, stays and is an error.
fn write_beside(path: &Path, force: bool, make: impl FnOnce(&mut dyn WriteSeek) -> Result<()>) -> Result<()> {
    let what = || format!("writing {}", path.display());
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666)); // the umask takes its part of it
    }
    clear_left_over(folder, &name);
    let mut file = builder.tempfile_in(folder).with_context(what)?;
    let _ = file.as_file().try_lock(); // held as long as somebody writes
    make(file.as_file_mut())?;
    if let Ok(old) = std::fs::metadata(path) {
        file.as_file().set_permissions(old.permissions()).with_context(what)?;
    }
    file.as_file().sync_all().with_context(what)?;
    let kept = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match kept {
        Ok(_) => {}
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists; use -f to replace it", path.display())
        }
        Err(e) => return Err(e.error).with_context(what),
    }
    // The name itself reaches the disk with the folder; some file systems cannot do this, and need not.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Standard output takes the result or the JSON object, not both.
pub fn refuse_json_on_stdout(json: bool, target: &Target) -> Result<()> {
    if json && target.is_stdout() {
        return Err(Error::config("standard output takes --json or -o -, not both; give -o a file").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_only_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bale");
        Target::new(&path, false).unwrap().write(b"one").unwrap();
        let error = Target::new(&path, false).unwrap_err().to_string();
        assert!(error.contains("use -f"), "{error}");
        Target::new(&path, true).unwrap().write(b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(names_in(folder.path()), ["x.bale"]);
    }

    #[test]
    fn a_file_made_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bale");
        let target = Target::new(&path, false).unwrap();
        std::fs::write(&path, b"theirs").unwrap();
        assert!(target.write(b"ours").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert_eq!(names_in(folder.path()), ["x.bale"]);
    }

    #[test]
    fn a_failed_rename_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bale");
        std::fs::create_dir(&path).unwrap(); // a folder took the name after the check
        assert!(write_whole(&path, b"ours", true).is_err());
        assert_eq!(names_in(folder.path()), ["x.bale"]);
    }

    #[test]
    fn wrong_places_are_told_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/x.bale");
        assert!(Target::new(&missing, false).unwrap_err().to_string().contains("does not exist"));
        assert!(Target::new(folder.path(), true).unwrap_err().to_string().contains("directory"));
    }

    #[test]
    fn what_killed_runs_have_left_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - Duration::from_secs(3600);
        let make = |name: &str| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(old).unwrap();
            file
        };
        for name in [".x.npy.abc123.part", ".x.npy.mine.part", ".y.npy.abc123.part", "x.npy.part"] {
            make(name);
        }
        let held = make(".x.npy.held00.part");
        held.lock().unwrap();
        File::create(folder.path().join(".x.npy.young0.part")).unwrap();
        write_whole(&folder.path().join("x.npy"), b"x", false).unwrap();
        let expected = [
            ".x.npy.held00.part",
            ".x.npy.mine.part",
            ".x.npy.young0.part",
            ".y.npy.abc123.part",
            "x.npy",
            "x.npy.part",
        ];
        assert_eq!(names_in(folder.path()), expected);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_are_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        Target::new(&link, true).unwrap().write(b"new").unwrap();
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let null = Target::new(Path::new("/dev/null"), false).unwrap();
        assert!(matches!(null, Target::Special(_)));
        null.write(b"gone").unwrap();
    }
}
