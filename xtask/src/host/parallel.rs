//! Work on many items at once.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;

/// What `work` makes of each item, in their order. Each processor gets an equal part of them: for many short works.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let part = items.len().div_ceil(processors).max(1);
    thread::scope(|scope| {
        let work = &work;
        let parts = items.chunks(part).map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()));
        // All are started before the first is waited for.
        let parts: Vec<_> = parts.collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// What `work` makes of each item, in their order. Each of so many `threads` takes the next item when it is done with one: for few
/// long works.
///
/// # Errors
/// That of the first item that failed; after a failure no further work begins.
pub fn queue<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(BTreeMap::new());
    let worker = || {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(worker);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_the_order_of_the_items() {
        let items: Vec<usize> = (0..1001).collect();
        assert_eq!(map(&items, |item| item + 1), (1..1002).collect::<Vec<usize>>());
        assert!(map(&[], |item: &usize| *item).is_empty());
        assert_eq!(queue(&items, 3, |item| Ok(item + 1)).unwrap(), (1..1002).collect::<Vec<usize>>());
        assert!(queue(&[], 3, |item: &usize| Ok(*item)).unwrap().is_empty());
    }

    #[test]
    fn after_a_failure_no_work_begins() {
        let begun = AtomicUsize::new(0);
        let work = |item: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(*item != 1, "item {item}");
            Ok(())
        };
        assert_eq!(queue(&[0, 1, 2, 3], 1, work).unwrap_err().to_string(), "item 1");
        assert_eq!(begun.into_inner(), 2);
    }
}
