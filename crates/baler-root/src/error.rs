//! The one error of the crate: whose fault it is, and one line that says what was expected and what was found.

use std::fmt;

/// Result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file cannot be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    Io(std::io::Error),
    /// The bytes contradict each other or end too early.
    Damaged(String),
    /// Valid, but not numbers that this crate reads.
    Unsupported(String),
    /// The caller asked for what is not there, or gave what does not fit.
    Usage(String),
}

impl Error {
    pub(crate) fn damaged(message: impl Into<String>) -> Error {
        Error::Damaged(message.into())
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Error {
        Error::Unsupported(message.into())
    }

    pub(crate) fn usage(message: impl Into<String>) -> Error {
        Error::Usage(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "{error}"),
            Error::Damaged(text) | Error::Unsupported(text) | Error::Usage(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Io(error)
    }
}
