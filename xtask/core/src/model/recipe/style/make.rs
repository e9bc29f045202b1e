//! A plain makefile.

use super::definition::Style;
use crate::base::name::Phase;

/// A plain makefile.
pub const STYLE: Style = Style { name: "make", scripts: SCRIPTS, env: Style::OPTIMISED, ..Style::NOTHING };

// On the command line, because makefiles that assign CC themselves win over the environment.
const SCRIPTS: &[(Phase, &str)] = &[
    (
        Phase::Build,
        "make CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr{args}{targets}\n",
    ),
    (
        Phase::Check,
        "make CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr{args}{check_targets}\n",
    ),
    (
        Phase::Install,
        "make install CC=\"$CC\" CXX=\"$CXX\" AR=\"$AR\" RANLIB=\"$RANLIB\" PREFIX=/usr prefix=/usr DESTDIR=\"$DESTDIR\"{args}\n",
    ),
];
