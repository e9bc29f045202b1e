//! CMake with makefiles.

use super::definition::Style;
use crate::base::name::Phase;

/// CMake with makefiles.
pub const STYLE: Style = Style { name: "cmake", scripts: SCRIPTS, build_directory: "$OBJ", ..Style::NOTHING };

const SCRIPTS: &[(Phase, &str)] = &[
    (
        Phase::Configure,
        r#"cmake -S "$SRC" -B "$OBJ" -G 'Unix Makefiles' -DCMAKE_TOOLCHAIN_FILE=/toolchain/toolchain.cmake \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF{args}
"#,
    ),
    (Phase::Build, "make -C \"$OBJ\"\n"),
    (Phase::Check, "ctest --test-dir \"$OBJ\" --output-on-failure -j \"$JOBS\"\n"),
    (Phase::Install, "make -C \"$OBJ\" install DESTDIR=\"$DESTDIR\"\n"),
];
