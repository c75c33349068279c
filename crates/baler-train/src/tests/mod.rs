//! Promises of the training engine: right gradients, same bits whatever runs them, runs that resume.

mod fitting;
mod gradients;
mod oracle;
