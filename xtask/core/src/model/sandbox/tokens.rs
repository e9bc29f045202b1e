//! How many more compilers each build may start: the sharing of job tokens between builds that run at once.
//!
//! Each build has a pipe of its own, in GNU make's form; a build can spoil its own pipe only. Each has one token by right, that of the
//! phase itself, which is in no pipe, so that no other build can take it.

/// What is known of a build's pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lent {
    /// Tokens that were put into the pipe and not taken back.
    pub lent: usize,
    /// Bytes in the pipe: tokens that wait, or whatever else the build wrote.
    pub waiting: usize,
}

impl Lent {
    /// Tokens that its compilers hold. A build that fills its pipe has no more tokens by that.
    fn held(self) -> usize {
        self.lent.saturating_sub(self.waiting)
    }
}

/// How many tokens should wait in each build's pipe, of `jobs` in all. Tokens that no build holds are spread evenly, first over the builds
/// that hold least: a build that needs more finds some, a build that needs none loses its share at the next look.
pub fn spread(jobs: usize, builds: &[Lent]) -> Vec<usize> {
    let held: usize = builds.iter().map(|build| build.held()).sum();
    let spare = jobs.saturating_sub(builds.len() + held);
    let mut order: Vec<usize> = (0..builds.len()).collect();
    order.sort_by_key(|&index| builds[index].held());
    let mut targets = vec![0; builds.len()];
    for (place, &index) in order.iter().enumerate() {
        targets[index] = spare / builds.len() + usize::from(place < spare % builds.len());
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(lent: usize, waiting: usize) -> Lent {
        Lent { lent, waiting }
    }

    #[test]
    fn a_lone_build_has_all_and_two_share() {
        assert_eq!(spread(8, &[build(0, 0)]), [7]);
        assert_eq!(spread(8, &[build(7, 7), build(0, 0)]), [3, 3]);
        assert_eq!(spread(2, &[build(1, 0), build(0, 0)]), [0, 0], "what runs is never taken away");
        assert_eq!(spread(8, &[build(3, 0), build(3, 3)]), [1, 2], "the hungry one gets more at the next look");
    }

    #[test]
    fn eating_tokens_and_filling_the_pipe_gain_nothing() {
        assert_eq!(spread(4, &[build(3, 0), build(0, 0)]), [0, 0], "a hoarder keeps what he got, and no more");
        assert_eq!(spread(4, &[build(1, 65_536), build(0, 0)]), [1, 1]);
    }

    proptest! {
        #[test]
        fn never_more_than_there_are(jobs in 1..64_usize, pipes in prop::collection::vec((0..64_usize, 0..100_000_usize), 0..6)) {
            let builds: Vec<Lent> = pipes.into_iter().map(|(lent, waiting)| build(lent, waiting)).collect();
            let targets = spread(jobs, &builds);
            let held: usize = builds.iter().map(|build| build.held()).sum();
            let all = builds.len() + held + targets.iter().sum::<usize>();
            prop_assert!(all <= jobs.max(builds.len() + held));
        }
    }
}
