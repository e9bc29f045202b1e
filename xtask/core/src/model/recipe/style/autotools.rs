//! `./configure && make`, as GNU's tools write them.

use super::definition::Style;
use crate::base::name::Phase;

/// `./configure && make`, as GNU's tools write them.
pub const STYLE: Style = Style {
    name: "autotools",
    scripts: SCRIPTS,
    env: Style::OPTIMISED,
    build_directory: "$OBJ",
    tests: "check",
    ..Style::NOTHING
};

// `--build` equal to `--host` spares config.guess and says the truth: what is compiled also runs here, being static.
const SCRIPTS: &[(Phase, &str)] = &[
    (
        Phase::Configure,
        r#"cd "$OBJ"
"$SRC/configure" --build="$TARGET" --host="$TARGET" --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
    --disable-shared --enable-static --disable-dependency-tracking{args}
"#,
    ),
    (Phase::Build, "make -C \"$OBJ\"{targets}\n"),
    (Phase::Check, "make -C \"$OBJ\"{check_targets}\n"),
    (
        Phase::Install,
        r#"make -C "$OBJ" install DESTDIR="$DESTDIR"
find "$DESTDIR" -name '*.la' -exec rm -f {} +
"#,
    ),
];
