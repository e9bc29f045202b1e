//! Meson and ninja.

use super::definition::Style;
use crate::base::name::Phase;

/// Meson and ninja.
pub const STYLE: Style = Style { name: "meson", scripts: SCRIPTS, build_directory: "$OBJ", ..Style::NOTHING };

// `plain`: optimisation and hardening come from the cross file's compiler configuration alone.
const SCRIPTS: &[(Phase, &str)] = &[
    (
        Phase::Configure,
        r#"meson setup "$OBJ" "$SRC" --cross-file /toolchain/cross.ini --prefix=/usr --libdir=lib \
    --buildtype=plain --default-library=static --wrap-mode=nodownload{args}
"#,
    ),
    (Phase::Build, "meson compile -C \"$OBJ\" -j \"$JOBS\"\n"),
    (Phase::Check, "meson test -C \"$OBJ\" --no-rebuild --print-errorlogs\n"),
    (Phase::Install, "meson install -C \"$OBJ\" --no-rebuild --destdir \"$DESTDIR\"\n"),
];
