//! The one error of the library: whose fault it is, in one line that says what was expected, what was
//! found and what to do, with the place (stage, variable, chunk, byte offset) added on the way up.

use std::fmt;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused to read or write.
    Io,
    /// The user's data are not what the file format or the command asks for.
    Input,
    /// An option, a bound or a configuration key is wrong.
    Config,
    /// An archive or a model has damaged bytes.
    Corrupt,
    /// The bytes are valid but need something that this version does not have.
    Unsupported,
    /// A stated limit would be exceeded (memory, sizes).
    Limit,
    /// A decoded value lies outside its bound.
    BoundNotMet,
    /// Whoever watches the progress has asked to stop.
    Interrupted,
}

/// Where an error happened; every part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    variable: Option<String>,
    chunk: Option<usize>,
    offset: Option<u64>,
}

/// The error of every fallible function of this crate.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    place: Place,
    source: Option<std::io::Error>,
}

/// Result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; `message` says what was expected, what was found, what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), place: Place::default(), source: None }))
    }

    /// [`ErrorKind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// [`ErrorKind::Config`].
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// [`ErrorKind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// [`ErrorKind::Limit`].
    pub fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, message)
    }

    /// [`ErrorKind::Io`]: `what` names the file and the attempt, for example "reading jets.npz".
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        let mut error = Self::new(ErrorKind::Io, what);
        error.0.source = Some(source);
        error
    }

    /// Whose fault it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The variable in which it happened, if one is known.
    pub fn variable(&self) -> Option<&str> {
        self.0.place.variable.as_deref()
    }

    /// The number of the chunk in which it happened, if one is known.
    pub fn chunk(&self) -> Option<usize> {
        self.0.place.chunk
    }

    /// The offset in bytes, in the archive, the model or the input, at which it happened, if one is known.
    pub fn offset(&self) -> Option<u64> {
        self.0.place.offset
    }

    /// What was expected, as the message says it: `expected THIS, found that; advice`.
    ///
    /// ```
    /// let error = baler_data::Error::corrupt("expected 8 bytes, found 3; the file is cut off").at_offset(12);
    /// assert_eq!((error.expected(), error.found(), error.offset()), (Some("8 bytes"), Some("3"), Some(12)));
    /// ```
    pub fn expected(&self) -> Option<&str> {
        let (_, rest) = self.0.message.split_once("expected ")?;
        Some(rest.split_once(", found").map_or(rest, |(expected, _)| expected))
    }

    /// What was found instead, as the message says it.
    pub fn found(&self) -> Option<&str> {
        let (_, rest) = self.0.message.split_once(", found ")?;
        Some(rest.split(';').next().unwrap_or(rest))
    }

    /// Adds the variable in which it happened, unless an inner stage named one already.
    #[must_use]
    pub fn in_variable(mut self, name: &str) -> Self {
        self.0.place.variable.get_or_insert_with(|| name.to_string());
        self
    }

    /// Adds the number of the chunk.
    #[must_use]
    pub fn in_chunk(mut self, chunk_idx: usize) -> Self {
        self.0.place.chunk.get_or_insert(chunk_idx);
        self
    }

    /// Adds the byte offset in the archive or model.
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.0.place.offset.get_or_insert(offset);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, place, source, .. } = &*self.0;
        if let Some(name) = &place.variable {
            write!(f, "variable '{name}': ")?;
        }
        write!(f, "{message}")?;
        if let Some(source) = source {
            write!(f, ": {source}")?;
        }
        if let Some(chunk) = place.chunk {
            write!(f, " (chunk {chunk})")?;
        }
        if let Some(offset) = place.offset {
            write!(f, " (at byte {offset})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_told_and_the_innermost_wins() {
        let error = Error::corrupt("expected 8 bytes, found 3").at_offset(12).at_offset(99).in_variable("pt");
        assert_eq!(error.to_string(), "variable 'pt': expected 8 bytes, found 3 (at byte 12)");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
