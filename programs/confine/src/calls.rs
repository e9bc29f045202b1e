//! System calls, and their groups, the words of `calls` in a profile.

mod group;
mod table;

pub use group::Group;
pub use table::TABLE;

/// The number of a call by name, for filters of arguments.
pub fn number(name: &str) -> Option<i64> {
    TABLE.iter().find(|(_, found, _)| *found == name).map(|(number, ..)| i64::from(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        let numbers: Vec<u16> = TABLE.iter().map(|(number, ..)| *number).collect();
        // x86_64 never used 336 to 423.
        let want: Vec<u16> = (0..=335).chain(424..=462).collect();
        assert_eq!(numbers, want);
    }

    #[test]
    fn numbers_are_those_of_the_c_library() {
        for (name, number_of_libc) in [
            ("read", libc::SYS_read),
            ("mprotect", libc::SYS_mprotect),
            ("clone", libc::SYS_clone),
            ("ptrace", libc::SYS_ptrace),
            ("setns", libc::SYS_setns),
            ("bpf", libc::SYS_bpf),
            ("pkey_mprotect", libc::SYS_pkey_mprotect),
            ("landlock_restrict_self", libc::SYS_landlock_restrict_self),
            ("fchmodat2", libc::SYS_fchmodat2),
            ("mseal", libc::SYS_mseal),
        ] {
            assert_eq!(number(name), Some(number_of_libc), "{name}");
        }
    }

    #[test]
    fn every_group_has_calls_and_a_word_of_its_own() {
        for group in Group::ALL {
            assert!(TABLE.iter().any(|(_, _, found)| found == group), "{}", group.name());
            assert_eq!(Group::from_name(group.name()), Some(*group));
        }
    }
}
