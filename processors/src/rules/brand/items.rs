//! Rows of WIDE_ITEM_LIST and products of CATALOG.

use super::super::field::Field;
use super::super::link::{self, Links};
use super::super::{attachment, text};
use crate::refusal::{Code, Refusal};
use schemas::{ItemListOf, ItemOf, Text};

/// 3 or 4 rows with image and title; the first is wider and its title shorter.
pub fn wide<S: Text>(at: &Field<'_>, items: &ItemListOf<S>, longest_link: usize) -> Result<(), Refusal> {
    rows(at, items, (3, 4), longest_link, |index| if index == 0 { 25 } else { 30 })
}

/// 3 to 7 products with image and name.
pub fn catalog<S: Text>(at: &Field<'_>, items: &ItemListOf<S>, longest_link: usize) -> Result<(), Refusal> {
    rows(at, items, (3, 7), longest_link, |_| 30)
}

fn rows<S: Text>(
    at: &Field<'_>,
    items: &ItemListOf<S>,
    counts: (usize, usize),
    longest_link: usize,
    longest_title: impl Fn(usize) -> usize,
) -> Result<(), Refusal> {
    attachment::count(&at.of("list"), items.list.len(), counts)?;
    if items.summary.is_some() {
        return Err(Refusal::new(Code::Attachment, &at.of("summary"), "only an 알림톡 has one"));
    }
    for (i, item) in items.list.iter().enumerate() {
        row(&at.entry("list", i), item, longest_title(i), longest_link)?;
    }
    Ok(())
}

fn row<S: Text>(at: &Field<'_>, item: &ItemOf<S>, longest_title: usize, longest_link: usize) -> Result<(), Refusal> {
    if text::is_blank(&item.title) {
        return Err(Refusal::new(Code::Attachment, &at.of("title"), "missing"));
    }
    text::at_most(Code::Attachment, &at.of("title"), &item.title, longest_title)?;
    match text::given(&item.img_url) {
        None => return Err(Refusal::new(Code::Attachment, &at.of("img_url"), "missing")),
        Some(url) => link::web(Code::Attachment, &at.of("img_url"), url, longest_link)?,
    }
    Links::from(item).check(Code::Attachment, at, longest_link)
}
