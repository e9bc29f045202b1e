//! The bytes that are exchanged with the kernel. Pure; who sends them is [`crate::kernel`].

pub mod attribute;
pub mod dump;
pub mod expression;
pub mod message;
pub mod number;
pub mod user_data;
pub mod write;
