//! The rules of messaging: what a text, a number, a button, a template, an ad may be.

pub mod address;
pub mod ads;
pub mod alimtalk;
pub mod attachment;
pub mod brand;
pub mod button;
pub mod cp949;
pub mod field;
pub mod fill;
pub mod link;
pub mod mail;
pub mod phone;
pub mod push;
pub mod rcs;
pub mod room;
pub mod sender;
pub mod template;
pub mod text;
pub mod text_message;
pub mod variables;
