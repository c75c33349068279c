//! Whose files are these? Takes the names of a partial file and of the note beside it, for one process alone.
//!
//! `OUT.part` may be anybody's: another tool's download, the input itself, a link to elsewhere. It is ours only if the
//! note `OUT.part.id` starts with our words and the part is empty or starts as an archive does. What is not ours is
//! never written to, truncated or removed: the next of `OUT.part2`, `OUT.part3`, ... is taken instead.
//!
//! The note is the lock. It is opened without following links, locked, and then compared with what has its name *now*:
//! between opening and locking the process before may have finished and renamed its part to the finished archive.

use baler_codec::container::is_archive_start;
use baler_data::error::{Error, Result};
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first line of a note.
const WORDS: &str = "unfinished archive of baler\n";
/// Names that are tried.
const N_NAMES: usize = 9;
/// How often another process may finish between our opening and our locking.
const N_TRIES: usize = 20;
/// No note is longer.
const LONGEST_NOTE: u64 = 4096;

/// A part and its note, both ours and of nobody else until this is dropped.
pub struct Claim {
    /// Where the part is.
    pub path: PathBuf,
    /// The part.
    pub part: File,
    note_path: PathBuf,
    note: File,
    /// A file of someone else that has the first name.
    pub in_the_way: Option<PathBuf>,
}

enum Found {
    Ours(Claim),
    /// Someone else's files: not touched.
    Foreign,
    /// Ours, but another process has them.
    Busy,
    /// The process before has just finished.
    Gone,
}

/// Where the partial file of an output is, if nobody else has that name.
pub fn partial_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Claim {
    /// The first of the names of `output` that is free or ours; `inputs` are files that never are.
    pub fn of(output: &Path, inputs: &[&Path]) -> Result<Claim> {
        let first = partial_path(output);
        for number in 1..=N_NAMES {
            let path =
                if number == 1 { first.clone() } else { with_suffix(output, &format!(".part{number}")) };
            match Claim::settle(&path, inputs)? {
                Found::Ours(claim) => {
                    let in_the_way = (number > 1).then_some(first);
                    return Ok(Claim { in_the_way, ..claim });
                }
                Found::Busy | Found::Gone => {
                    let text =
                        format!("'{}' is being written by another process; wait for it", path.display());
                    return Err(Error::config(text));
                }
                Found::Foreign => {}
            }
        }
        Err(Error::config(format!(
            "expected a free name beside the output, found other files as '{}' to '.part{N_NAMES}'; move one away or \
             choose another output",
            first.display()
        )))
    }

    /// What one name holds, once nobody is on the way out of it.
    fn settle(path: &Path, inputs: &[&Path]) -> Result<Found> {
        for _ in 0..N_TRIES {
            let found = Claim::look(path, inputs);
            match found.map_err(|e| Error::io(format!("writing '{}'", path.display()), e))? {
                Found::Gone => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Gone)
    }

    fn look(path: &Path, inputs: &[&Path]) -> std::io::Result<Found> {
        let note_path = with_suffix(path, ".id");
        let (mut note, is_new) =
            match OpenOptions::new().read(true).write(true).create_new(true).open(&note_path) {
                Ok(note) => (note, true),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => match open_own(&note_path, inputs)? {
                    Opened::File(note) => (note, false),
                    Opened::Foreign => return Ok(Found::Foreign),
                    Opened::Gone => return Ok(Found::Gone),
                },
                Err(e) => return Err(e),
            };
        match read_text(&mut note) {
            Ok(text) if is_new || text.starts_with(WORDS) => {}
            Ok(_) => return Ok(Found::Foreign),
            Err(e) if is_locked(&e) => return Ok(Found::Busy),
            Err(e) => return Err(e),
        }
        match note.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Found::Busy),
            // Some file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        if !has_name(&note, &note_path) {
            return Ok(Found::Gone);
        }
        if is_new {
            note.write_all(WORDS.as_bytes())?;
        }
        let part = match OpenOptions::new().read(true).write(true).create_new(true).open(path) {
            Ok(part) => Some(part),
            // A part without a note of ours is not ours.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && !is_new => match open_own(path, inputs)? {
                Opened::File(mut part) => starts_as_archive(&mut part)?.then_some(part),
                Opened::Foreign | Opened::Gone => None,
            },
            Err(e) if e.kind() == ErrorKind::AlreadyExists => None,
            Err(e) => {
                remove_own(&note, &note_path, is_new);
                return Err(e);
            }
        };
        let Some(part) = part else {
            remove_own(&note, &note_path, is_new);
            return Ok(Found::Foreign);
        };
        Ok(Found::Ours(Claim { path: path.to_path_buf(), part, note_path, note, in_the_way: None }))
    }

    /// What the part was made from, as [`Claim::set_id`] noted it.
    pub fn id(&mut self) -> std::io::Result<String> {
        let text = read_text(&mut self.note)?;
        Ok(text.strip_prefix(WORDS).unwrap_or_default().trim().to_string())
    }

    /// Notes what the part is made from.
    pub fn set_id(&mut self, id: &str) -> std::io::Result<()> {
        self.note.set_len(0)?;
        self.note.seek(SeekFrom::Start(0))?;
        self.note.write_all(format!("{WORDS}{id}\n").as_bytes())
    }

    /// Gives the part its final name; a file that has it is replaced only with `replace`.
    pub fn rename(self, output: &Path, replace: bool) -> std::io::Result<()> {
        if !has_name(&self.part, &self.path) {
            let text = format!("'{}' was replaced by another file meanwhile", self.path.display());
            return Err(std::io::Error::other(text));
        }
        if replace {
            std::fs::rename(&self.path, output)?;
        } else {
            match std::fs::hard_link(&self.path, output) {
                Ok(()) => remove_own(&self.part, &self.path, true),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(e),
                // Not all file systems know links; then another process may still come between.
                Err(_) if output.symlink_metadata().is_ok() => return Err(ErrorKind::AlreadyExists.into()),
                Err(_) => std::fs::rename(&self.path, output)?,
            }
        }
        remove_own(&self.note, &self.note_path, true);
        Ok(())
    }

    /// Takes both away.
    pub fn remove(self) {
        remove_own(&self.part, &self.path, true);
        remove_own(&self.note, &self.note_path, true);
    }
}

enum Opened {
    File(File),
    Foreign,
    Gone,
}

/// Opens a regular file that has one name and is no input, without following a link and without changing it.
fn open_own(path: &Path, inputs: &[&Path]) -> std::io::Result<Opened> {
    let gone = |e: std::io::Error| if e.kind() == ErrorKind::NotFound { Ok(Opened::Gone) } else { Err(e) };
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) => return gone(e),
    };
    let is_input = |input: &&Path| std::fs::metadata(input).is_ok_and(|input| is_same(&input, &found));
    if !found.is_file() || n_names(&found) > 1 || inputs.iter().any(is_input) {
        return Ok(Opened::Foreign);
    }
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) if is_same(&file.metadata()?, &found) => Ok(Opened::File(file)),
        Ok(_) => Ok(Opened::Gone),
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(Opened::Foreign),
        Err(e) => gone(e),
    }
}

/// True if the name is still that of the open file, and no link.
fn has_name(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => is_same(&open, &named),
        _ => false,
    }
}

fn remove_own(file: &File, path: &Path, remove: bool) {
    if remove && has_name(file, path) {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(unix)]
fn n_names(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file)
}

/// Elsewhere a file tells no number of its own: kind and times stand for it.
#[cfg(not(unix))]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    a.file_type() == b.file_type() && a.created().ok() == b.created().ok() && a.len() == b.len()
}

#[cfg(not(unix))]
fn n_names(_: &Metadata) -> u64 {
    1
}

/// True for what Windows says where another process holds a lock: there nobody else even reads the file
/// (ERROR_LOCK_VIOLATION).
fn is_locked(error: &std::io::Error) -> bool {
    cfg!(windows) && error.raw_os_error() == Some(33)
}

fn starts_as_archive(part: &mut File) -> std::io::Result<bool> {
    let mut start = Vec::new();
    part.seek(SeekFrom::Start(0))?;
    part.take(16).read_to_end(&mut start)?;
    Ok(is_archive_start(&start))
}

fn read_text(note: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    note.seek(SeekFrom::Start(0))?;
    note.take(LONGEST_NOTE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_of_others_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("target"), "theirs").unwrap();
        // Bytes of another tool, an archive without a note, a link to a file and one to nowhere, a second name of a
        // file, a foreign note, a folder.
        std::fs::write(at("a.part"), "theirs").unwrap();
        std::fs::write(at("b.part"), b"\x89BALE\n\x01").unwrap();
        std::os::unix::fs::symlink(at("target"), at("c.part")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("d.part")).unwrap();
        std::fs::hard_link(at("target"), at("e.part")).unwrap();
        std::fs::write(at("f.part.id"), "theirs").unwrap();
        std::fs::create_dir(at("g.part")).unwrap();
        for name in ["c", "d", "e"] {
            // Even beside a note of ours.
            std::fs::write(at(&format!("{name}.part.id")), WORDS).unwrap();
        }
        let before = names(folder.path());
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            let mut claim = Claim::of(&at(name), &[]).unwrap();
            assert_eq!(claim.path, at(&format!("{name}.part2")));
            assert_eq!(claim.in_the_way, Some(at(&format!("{name}.part"))));
            claim.set_id("id").unwrap();
            claim.part.write_all(b"ours").unwrap();
            claim.remove();
        }
        assert_eq!(names(folder.path()), before);
        assert_eq!(std::fs::read(at("target")).unwrap(), b"theirs");
        assert_eq!(std::fs::read(at("b.part")).unwrap(), b"\x89BALE\n\x01");
    }

    #[test]
    fn an_input_is_never_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let (output, part) = (folder.path().join("x"), folder.path().join("x.part"));
        let mut claim = Claim::of(&output, &[]).unwrap();
        claim.part.write_all(b"\x89BALE\n\x01 and more").unwrap();
        drop(claim);
        let link = folder.path().join("input");
        std::os::unix::fs::symlink(&part, &link).unwrap();
        assert_eq!(Claim::of(&output, &[&link]).unwrap().path, folder.path().join("x.part2"));
        assert_eq!(Claim::of(&output, &[]).unwrap().path, part);
    }

    #[test]
    fn a_part_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("x");
        let mut claim = Claim::of(&output, &[]).unwrap();
        claim.set_id("some data").unwrap();
        let busy = Claim::of(&output, &[]).err().unwrap().to_string();
        assert!(busy.contains("is being written by another process"), "{busy}");
        drop(claim);
        assert_eq!(Claim::of(&output, &[]).unwrap().id().unwrap(), "some data");
    }

    /// A process that opened the note before the one before it finished must not take the finished archive for its part.
    #[test]
    fn what_was_opened_before_it_was_finished_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("x");
        let mut claim = Claim::of(&output, &[]).unwrap();
        claim.part.write_all(b"\x89BALE\n\x01 finished").unwrap();
        let (note, part) = (folder.path().join("x.part.id"), folder.path().join("x.part"));
        let late = [File::open(&note).unwrap(), File::open(&part).unwrap()];
        claim.rename(&output, false).unwrap();
        late[0].try_lock().unwrap();
        assert!(!has_name(&late[0], &note) && !has_name(&late[1], &part));
        let next = Claim::of(&output, &[]).unwrap();
        assert_eq!(next.part.metadata().unwrap().len(), 0);
        assert!(!has_name(&late[0], &note));
        assert_eq!(next.rename(&output, false).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&output).unwrap(), b"\x89BALE\n\x01 finished");
    }

    /// Many at once: never two that have the part.
    #[test]
    fn claims_of_many_threads_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("x");
        let n_finished = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                let (output, n_finished) = (&output, &n_finished);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let Ok(mut claim) = Claim::of(output, &[]) else { continue };
                        claim.part.set_len(0).unwrap();
                        claim.part.write_all(&[b"\x89BALE\n\x01", &[thread; 4][..]].concat()).unwrap();
                        std::thread::yield_now();
                        claim.rename(output, true).unwrap();
                        n_finished.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        // Either whole, whoever made it last.
                        assert_eq!(std::fs::read(output).unwrap().len(), 11);
                    }
                });
            }
        });
        assert!(n_finished.into_inner() > 0);
        assert_eq!(names(folder.path()), ["x"]);
    }
}
