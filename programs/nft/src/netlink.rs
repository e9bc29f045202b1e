//! The bytes exchanged with the kernel. Pure; [`crate::kernel`] sends them.

pub mod attribute;
pub mod dump;
pub mod expression;
pub mod message;
pub mod number;
pub mod user_data;
pub mod write;
