//! Names of files as the command line works with them: strings, also where the system's name is no UTF-8. Each byte of it that
//! is none stands as one character for private use, of which the name is made again where a file is opened.

use clap::builder::{OsStringValueParser, TypedValueParser};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// Stands for the byte 0, the characters above it for the others.
const FOREIGN: u32 = 0x10_FE00;

/// Reads the name of a file.
pub fn parser() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().map(|name| of(&name))
}

/// The byte that a character stands for.
fn byte_of(c: char) -> Option<u8> {
    (c as u32).checked_sub(FOREIGN).and_then(|byte| u8::try_from(byte).ok())
}

/// A name of the system as a string.
#[cfg(unix)]
pub fn of(name: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            // A character that would stand for a byte is taken apart itself, so that each name has a string of its own.
            match byte_of(c) {
                Some(_) => push_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text),
                None => text.push(c),
            }
        }
        push_bytes(chunk.invalid(), &mut text);
    }
    text
}

#[cfg(unix)]
fn push_bytes(bytes: &[u8], text: &mut String) {
    text.extend(bytes.iter().filter_map(|&byte| char::from_u32(FOREIGN + byte as u32)));
}

/// The name that a string stands for.
#[cfg(unix)]
pub fn path(name: &str) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStringExt;
    if !name.chars().any(|c| byte_of(c).is_some()) {
        return Cow::Borrowed(Path::new(name));
    }
    let mut bytes = Vec::with_capacity(name.len());
    for c in name.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(std::ffi::OsString::from_vec(bytes).into())
}

/// A name of the system as a string: here all of them are text.
#[cfg(not(unix))]
pub fn of(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

/// The name that a string stands for.
#[cfg(not(unix))]
pub fn path(name: &str) -> Cow<'_, Path> {
    Cow::Borrowed(Path::new(name))
}

/// Text with names in it as it is shown: foreign bytes as `\xe9`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| byte_of(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().map(|c| match byte_of(c) {
        Some(byte) => format!("\\x{byte:02x}"),
        None => c.to_string(),
    });
    Cow::Owned(shown.collect())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn every_name_has_a_string_of_its_own_and_comes_back() {
        let private = "a\u{10fee9}b".as_bytes();
        for name in [&b"plain.npy"[..], "h\u{e9}.npy".as_bytes(), b"h\xe9.npy", b"\xff\xfe", b"\xc3", private]
        {
            let name = OsStr::from_bytes(name);
            assert_eq!(path(&of(name)).as_os_str(), name);
        }
        assert_eq!(of(OsStr::from_bytes(b"plain")), "plain");
        assert_eq!(shown(&of(OsStr::from_bytes(b"h\xe9.npy"))), "h\\xe9.npy");
        assert_ne!(of(OsStr::from_bytes(private)), of(OsStr::from_bytes(b"a\xe9b")));
    }
}
