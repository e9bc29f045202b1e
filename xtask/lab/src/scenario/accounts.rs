//! The accounts of a test machine, and its name.

/// Host name that the volume of a test gives.
pub const HOST: &str = "ashlar-test";

/// The administrator that the volume of a test makes.
pub const ADMIN: &str = "admin";

/// The administrator's password on the console of a test machine. It is in the volumes of the tests and nowhere else.
pub const PASSWORD: &str = "ashlar-test";

/// [`PASSWORD`], hashed.
pub const PASSWORD_HASH: &str = "$6$rounds=100000$bootbootboot$zCl.By2wS717zfff1KLE2tUUHod/STZTvihWZUhd99UnCwCtBm2gd3qoMMGCN/Gp29DURFbRdsTA3BVcsz7vF.";

/// An account that exists without a question about it.
pub(super) const GUEST: &str = "guest";
