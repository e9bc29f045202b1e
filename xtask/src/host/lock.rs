//! Locks between runs that share a store: kernel file locks, so a killed run leaves none behind.

use anyhow::{Context as _, Result};
use camino::Utf8Path;

/// A held lock; let go when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: fs_err::File,
}

impl Lock {
    /// Takes the lock, calling `waiting` once if another run holds it.
    pub fn take(path: &Utf8Path, waiting: impl FnOnce()) -> Result<Self> {
        if let Some(lock) = Self::try_take(path)? {
            return Ok(lock);
        }
        waiting();
        let file = open(path)?;
        file.file().lock().with_context(|| format!("waiting for {path}"))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock if nobody holds it.
    pub fn try_take(path: &Utf8Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {path}")),
        }
    }
}

fn open(path: &Utf8Path) -> Result<fs_err::File> {
    Ok(fs_err::OpenOptions::new().create(true).truncate(false).write(true).open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("l")).unwrap();
        let first = Lock::try_take(&path).unwrap().unwrap();
        assert!(Lock::try_take(&path).unwrap().is_none());
        let waited = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let mut waited = false;
                Lock::take(&path, || waited = true).map(|_| waited)
            });
            std::thread::sleep(std::time::Duration::from_millis(100));
            drop(first);
            waiter.join().unwrap().unwrap()
        });
        assert!(waited);
    }
}
