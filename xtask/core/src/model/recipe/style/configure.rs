//! A `./configure` that was written by hand.

use super::definition::Style;
use crate::base::name::Phase;

/// A `./configure` that was written by hand.
pub const STYLE: Style = Style { name: "configure", scripts: SCRIPTS, env: Style::OPTIMISED, ..Style::NOTHING };

// Such a script knows no other directory than the source's.
const SCRIPTS: &[(Phase, &str)] = &[
    (Phase::Configure, "./configure --prefix=/usr{args}\n"),
    (Phase::Build, "make{targets}\n"),
    (Phase::Check, "make{check_targets}\n"),
    (Phase::Install, "make install DESTDIR=\"$DESTDIR\"\n"),
];
