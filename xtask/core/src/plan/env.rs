//! The environment of the phases: exactly these variables, nothing inherited.

use std::collections::BTreeMap;

use super::{BuildPlan, Variations};
use crate::base::name::Phase;

/// The variables of a phase. `jobs` is the number of processors, for tools that do not know make's jobserver.
pub fn variables(plan: &BuildPlan, variations: &Variations, jobs: usize) -> BTreeMap<String, String> {
    let root = &variations.root;
    let fixed = [
        ("PATH", "/tools/usr/bin:/usr/lib/llvm-19/bin:/usr/bin:/usr/sbin:/bin".to_owned()),
        ("HOME", format!("{root}/home")),
        ("LC_ALL", variations.locale.clone()),
        ("TZ", variations.timezone.clone()),
        ("SOURCE_DATE_EPOCH", plan.epoch.0.to_string()),
        ("VERSION", plan.version.clone()),
        ("TARGET", plan.arch.triple().to_owned()),
        ("CC", "clang --config=/toolchain/cc.cfg".to_owned()),
        ("CXX", "clang++ --config=/toolchain/cxx.cfg".to_owned()),
        ("AR", "llvm-ar".to_owned()),
        ("RANLIB", "llvm-ranlib".to_owned()),
        ("NM", "llvm-nm".to_owned()),
        ("STRIP", "llvm-strip".to_owned()),
        ("OBJCOPY", "llvm-objcopy".to_owned()),
        ("READELF", "llvm-readelf".to_owned()),
        ("LD", "ld.lld".to_owned()),
        ("HOSTCC", "clang".to_owned()),
        ("HOSTCXX", "clang++".to_owned()),
        ("SRC", format!("{root}/{}", plan.source_folder())),
        ("OBJ", format!("{root}/obj")),
        ("DESTDIR", "/dest".to_owned()),
        ("SYSROOT", "/sysroot".to_owned()),
        ("TOOLS", "/tools".to_owned()),
        ("FILES", "/files".to_owned()),
        ("JOBS", jobs.to_string()),
        // The shared token pool of all builds that run at once; opened by the phase's first line.
        ("MAKEFLAGS", "-j --jobserver-auth=8,8".to_owned()),
    ];
    let mut env: BTreeMap<String, String> = fixed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    env.extend(plan.env.iter().map(|(name, value)| (name.clone(), value.replace("@ROOT@", root))));
    env
}

/// The file a phase runs as: prologue, then the recipe's script unchanged. Checks have the usual umask: many are about the modes of
/// files, and what they write is in no package.
pub fn script(script: &str, phase: Phase, variations: &Variations) -> String {
    let usual = Variations::none();
    let umask = if phase == Phase::Check { &usual.umask } else { &variations.umask };
    format!("umask {umask}\nexec 8<>/jobserver\ncd \"$SRC\"\n{}\n", script.trim_end())
}

/// The toolchain files with the build's root filled in.
pub fn toolchain_files(plan: &BuildPlan, variations: &Variations) -> BTreeMap<String, String> {
    plan.toolchain.iter().map(|(name, text)| (name.clone(), text.replace("@ROOT@", &variations.root))).collect()
}
