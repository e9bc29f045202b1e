//! Building packages: `session` decides what must be built and in which order, `package` builds one.

pub mod collect;
pub mod compile_audit;
pub mod context;
pub mod look;
pub mod package;
pub mod plan;
pub mod session;
