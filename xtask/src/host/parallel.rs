//! Work on many items at once.

use std::panic::resume_unwind;
use std::thread;

/// What `work` makes of each item, in their order. Each processor gets an equal part of them.
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

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn results_have_the_order_of_the_items() {
        let items: Vec<usize> = (0..1001).collect();
        assert_eq!(map(&items, |item| item + 1), (1..1002).collect::<Vec<usize>>());
        assert!(map(&[], |item: &usize| *item).is_empty());
    }
}
