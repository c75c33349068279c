//! All of a training run's state between two epochs, as bytes: a run resumed from it gives the same bits as one
//! that was never interrupted. Order, little-endian: magic, version (u32), length of the body (u64), body, BLAKE3 of
//! everything before. Refuses damaged bytes, other versions and other runs; never panics on bytes.

use super::adam::Adam;
use super::aligned::Aligned;
use super::schedule::History;
use super::schedule::Schedule;
use baler_data::error::{Error, ErrorKind, Result};
use std::io::Write;
use std::path::Path;

const MAGIC: &[u8; 8] = b"BALERCKP";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 8;
const HASH_BYTES: usize = 32;

/// What must be the same in the run that resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// BLAKE3 of the layers.
    pub(super) layers: [u8; HASH_BYTES],
    /// BLAKE3 of the rows of data, the weights of columns and the noise.
    pub(super) data: [u8; HASH_BYTES],
    pub(super) seed: u64,
    pub(super) batch: u64,
}

/// State after a number of epochs; parameters are in the layout of the chain.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) epochs_run: usize,
    pub(super) parameters: Aligned,
    pub(super) best: Aligned,
    pub(super) adam: Adam,
    pub(super) schedule: Schedule,
    pub(super) history: History,
    /// The run had ended by early stopping.
    pub(super) stopped: bool,
}

impl State {
    pub(super) fn to_bytes(&self, identity: &Identity) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&identity.layers);
        body.extend_from_slice(&identity.data);
        let schedule = &self.schedule;
        let counts = [
            identity.seed,
            identity.batch,
            self.epochs_run as u64,
            u64::from(self.stopped),
            schedule.best_epoch as u64,
            schedule.stale_for_lr as u64,
            schedule.stale as u64,
            self.history.train.len() as u64,
            self.parameters.len() as u64,
        ];
        body.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        let numbers = [schedule.lr, schedule.best, self.adam.power1, self.adam.power2];
        let history = [&self.history.train, &self.history.validation, &self.history.lr];
        body.extend(numbers.iter().chain(history.into_iter().flatten()).flat_map(|x| x.to_le_bytes()));
        for values in [&self.parameters, &self.best, &self.adam.first, &self.adam.second] {
            body.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        }
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len() + HASH_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// `n_parameters` is the size of the run that resumes.
    pub(super) fn from_bytes(bytes: &[u8], identity: &Identity, n_parameters: usize) -> Result<Self> {
        let mut reader = Reader { rest: checked_body(bytes)? };
        let found = Identity {
            layers: reader.array()?,
            data: reader.array()?,
            seed: reader.count()?,
            batch: reader.count()?,
        };
        if found != *identity {
            let what = [
                (found.layers != identity.layers, "layers"),
                (found.data != identity.data, "data"),
                (found.seed != identity.seed, "seed"),
                (found.batch != identity.batch, "batch"),
            ];
            let names: Vec<&str> =
                what.iter().filter(|(differs, _)| *differs).map(|(_, name)| *name).collect();
            return Err(Error::config(format!(
                "the checkpoint belongs to a run with other {}; resume with the same or train anew",
                names.join(", ")
            )));
        }
        let epochs_run = reader.size()?;
        let stopped = reader.count()? != 0;
        let (best_epoch, stale_for_lr, stale) = (reader.size()?, reader.size()?, reader.size()?);
        let (n_history, n_found) = (reader.size()?, reader.size()?);
        if n_found != n_parameters {
            return Err(Error::corrupt(format!(
                "checkpoint: expected {n_parameters} parameters, found {n_found}"
            )));
        }
        let (lr, best_loss) = (reader.number()?, reader.number()?);
        let (power1, power2) = (reader.number()?, reader.number()?);
        let history = History {
            train: reader.numbers(n_history)?,
            validation: reader.numbers(n_history)?,
            lr: reader.numbers(n_history)?,
        };
        let (parameters, best) = (reader.floats(n_parameters)?, reader.floats(n_parameters)?);
        let (first, second) = (reader.floats(n_parameters)?, reader.floats(n_parameters)?);
        if !reader.rest.is_empty() {
            return Err(Error::corrupt(format!("checkpoint: {} bytes too many", reader.rest.len())));
        }
        Ok(State {
            epochs_run,
            parameters,
            best,
            adam: Adam { first, second, power1, power2 },
            schedule: Schedule { lr, best: best_loss, best_epoch, stale_for_lr, stale },
            history,
            stopped,
        })
    }

    /// Writes beside the target, then renames: there is never half a checkpoint under its name.
    pub(super) fn write(&self, identity: &Identity, folder: &Path) -> Result<()> {
        let target = folder.join(format!("model_{}.ckpt", self.epochs_run));
        let draft = folder.join(format!(".model_{}.ckpt.tmp", self.epochs_run));
        let failed = |e| Error::io(format!("writing {}", target.display()), e);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut file = std::fs::File::create(&draft).map_err(failed)?;
        file.write_all(&self.to_bytes(identity)).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&draft, &target).map_err(failed)
    }

    pub(super) fn read(path: &Path, identity: &Identity, n_parameters: usize) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(format!("reading {}", path.display()), e))?;
        Self::from_bytes(&bytes, identity, n_parameters)
    }
}

/// The body, after magic, version, length and checksum have been checked.
fn checked_body(bytes: &[u8]) -> Result<&[u8]> {
    let corrupt = |what: &str| Error::corrupt(format!("checkpoint: {what}"));
    if bytes.len() < HEAD_BYTES + HASH_BYTES || !bytes.starts_with(MAGIC) {
        return Err(corrupt("expected a file that begins with BALERCKP; is this a checkpoint?"));
    }
    let mut head = Reader { rest: &bytes[MAGIC.len()..HEAD_BYTES] };
    let version = u32::from_le_bytes(head.array()?);
    if version != VERSION {
        let message = format!("checkpoint: expected version {VERSION}, found {version}; train anew");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let (content, hash) = bytes.split_at(bytes.len() - HASH_BYTES);
    if head.count()? != (content.len() - HEAD_BYTES) as u64 {
        return Err(corrupt("cut short or continued: its length is not the one it states"));
    }
    if blake3::hash(content).as_bytes() != hash {
        return Err(corrupt("damaged: its checksum does not match"));
    }
    Ok(&content[HEAD_BYTES..])
}

/// Takes values off the front; refuses to read past the end.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, n_bytes: usize) -> Result<&[u8]> {
        let n_left = self.rest.len();
        let (taken, rest) = self.rest.split_at_checked(n_bytes).ok_or_else(|| {
            Error::corrupt(format!("checkpoint: expected {n_bytes} more bytes, found {n_left}"))
        })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn count(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize> {
        let count = self.count()?;
        usize::try_from(count).map_err(|_| Error::corrupt(format!("checkpoint: a count of {count}")))
    }

    fn number(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    fn numbers(&mut self, n: usize) -> Result<Vec<f64>> {
        let bytes = self.take(n.saturating_mul(8))?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect())
    }

    fn floats(&mut self, n: usize) -> Result<Aligned> {
        let bytes = self.take(n.saturating_mul(4))?;
        let mut values = Aligned::zeros(n);
        for (value, chunk) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*chunk);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (State, Identity) {
        let mut parameters = Aligned::zeros(48);
        parameters.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
        let state = State {
            epochs_run: 2,
            best: parameters.clone(),
            parameters,
            adam: Adam::new(48),
            schedule: Schedule::new(0.5),
            history: History { train: vec![1.0, 0.5], validation: vec![1.0, 0.5], lr: vec![0.5, 0.5] },
            stopped: false,
        };
        (state, Identity { layers: [1; 32], data: [2; 32], seed: 3, batch: 4 })
    }

    #[test]
    fn bytes_give_the_state_back() {
        let (state, identity) = example();
        let bytes = state.to_bytes(&identity);
        let again = State::from_bytes(&bytes, &identity, 48).unwrap();
        assert_eq!(again.to_bytes(&identity), bytes);
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_an_error() {
        let (state, identity) = example();
        let bytes = state.to_bytes(&identity);
        for n in 0..bytes.len() {
            assert!(State::from_bytes(&bytes[..n], &identity, 48).is_err(), "cut at {n}");
            let mut damaged = bytes.clone();
            damaged[n] ^= 0x40;
            assert!(State::from_bytes(&damaged, &identity, 48).is_err(), "flipped at {n}");
        }
    }

    #[test]
    fn lies_under_a_valid_checksum_are_errors() {
        let (state, identity) = example();
        let bytes = state.to_bytes(&identity);
        // Number of epochs in the history and number of parameters.
        for at in [HEAD_BYTES + 64 + 7 * 8, HEAD_BYTES + 64 + 8 * 8] {
            let mut lying = bytes[..bytes.len() - HASH_BYTES].to_vec();
            lying[at..at + 8].fill(0xff);
            let hash = blake3::hash(&lying);
            lying.extend_from_slice(hash.as_bytes());
            assert_eq!(State::from_bytes(&lying, &identity, 48).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn another_run_is_told_what_differs() {
        let (state, identity) = example();
        let other = Identity { seed: 9, ..identity };
        let error = State::from_bytes(&state.to_bytes(&identity), &other, 48).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint belongs to a run with other seed; resume with the same or train anew"
        );
    }
}
