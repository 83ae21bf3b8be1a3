//! The rules of messaging: what a text, a number, a button, a template, an ad may be.

pub mod cp949;
pub mod field;
pub mod phone;
pub mod text;
pub mod variables;
