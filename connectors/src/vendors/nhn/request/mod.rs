//! A step as a request to send, by product.

mod alimtalk;
mod text;

use super::product::Product;
use processors::rules::phone;
use schemas::{Dispatch, Lane};

/// A request to send.
pub struct Sending {
    /// Behind the product's address.
    pub path: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

/// The published schema cannot say this step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It wants a phone number, and the recipient has none.
    NoNumber,
    /// LMS and MMS do not go abroad.
    Abroad,
    /// A file is named otherwise than the vendor names its own.
    File,
    /// It has no such button.
    Button,
}

impl Unfit {
    /// What the vendor would answer.
    pub const fn code(self, product: Product) -> &'static str {
        match (self, product) {
            (Self::NoNumber, Product::Sms) | (Self::Button, _) => "-2018",
            (Self::NoNumber, Product::Kakao) => "-5000",
            (Self::Abroad, _) => "-2024",
            (Self::File, _) => "-2004",
        }
    }
}

/// The request of a step. `origin_code`: the customer's code of the first sender, empty when it has none. `images`: its
/// files as the vendor names them.
pub fn request(product: Product, dispatch: &Dispatch, origin_code: &str, images: &[String]) -> Result<Sending, Unfit> {
    match product {
        Product::Sms => text::text(dispatch, origin_code, images),
        Product::Kakao => alimtalk::alimtalk(dispatch),
    }
}

/// Where a message is looked for that was sent.
pub fn list_of(product: Product, dispatch: &Dispatch) -> &'static str {
    match product {
        Product::Sms => text::list_of(dispatch),
        Product::Kakao => alimtalk::list_of(dispatch),
    }
}

/// The recipient's number: at home, or abroad.
fn number(dispatch: &Dispatch) -> Result<(Option<String>, Option<String>), Unfit> {
    let recipient = &dispatch.accepted.recipient;
    let number = recipient.phone_number.as_deref().filter(|number| !number.is_empty()).ok_or(Unfit::NoNumber)?;
    Ok(match recipient.country_code.as_deref() {
        None => (Some(number.to_owned()), None),
        Some("82") => (Some(phone::domestic(number)), None),
        Some(country) => (None, Some(format!("{country}{number}"))),
    })
}

/// Whether a message goes the way for authentication, which refuses what has none of its words.
fn of_auth(dispatch: &Dispatch, words: &[&str]) -> bool {
    let text = dispatch.accepted.content.message.as_deref().unwrap_or_default().to_lowercase();
    dispatch.priority == Lane::Auth && words.iter().any(|word| text.contains(word))
}
