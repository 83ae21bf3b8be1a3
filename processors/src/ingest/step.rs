//! One step of a message: what it says, in the channel and type it goes out.

use crate::reference::{Customer, Reference, Template};
use crate::refusal::Refusal;
use crate::rules::field::Field;
use crate::rules::link::{FREE_LINK, TEMPLATE_LINK};
use crate::rules::variables::Values;
use crate::rules::{ads, alimtalk, brand, fill, mail, push, rcs, template, text, text_message};
use schemas::{Channel, ContentOf, Family, MessageType, Text};

/// What is known of a step before its text is.
#[derive(Clone, Copy)]
pub struct Step<'s> {
    /// The request, or its fallback step.
    pub at: Field<'s>,
    /// Look-ups.
    pub reference: &'s Reference,
    /// Its customer.
    pub customer: &'s Customer,
    /// Its channel.
    pub channel: Channel,
    /// Its type; None for a text whose length decides.
    pub message_type: Option<MessageType>,
    /// Its registered template.
    pub template: Option<&'s Template>,
    /// Whether its number is one abroad.
    pub abroad: bool,
    /// Whether the customer says that it is an ad.
    pub declared_ad: Option<bool>,
    /// Whether its text is that of the step before, and filled.
    pub inherits_text: bool,
}

/// What the text decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The type it goes out as.
    pub message_type: MessageType,
    /// Whether it is an ad.
    pub ad: bool,
}

/// What fills variables: of the texts, and of attachment and quick replies.
pub struct Mapping<'v, S> {
    /// For message, title, header, HTML.
    pub texts: Values<'v, S>,
    /// For buttons, links, items.
    pub parts: Values<'v, S>,
}

impl<S> Clone for Mapping<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Mapping<'_, S> {}

impl Step<'_> {
    /// Completes the content from its template, fills its variables, and holds it against every rule of its type.
    pub fn check<S: Text>(&self, content: &mut ContentOf<S>, mapping: &Mapping<'_, S>) -> Result<Said, Refusal> {
        let at = &self.at;
        if let Some(template) = self.template {
            mapping.texts.1.take(&at.of("template_code"), template::apply(content, template))?;
            text::without_nul(at, content.text_where(&text::has_nul))?;
        }
        let verbatim = self.template.is_some_and(|template| template::is_verbatim(content, template));
        // What a value brought into it is not looked at again.
        let inherited = if self.inherits_text { content.message.take() } else { None };
        fill::content(at, content, &mapping.texts, &mapping.parts)?;
        content.message = inherited.or_else(|| content.message.take());
        let message_type = self.message_type.unwrap_or_else(|| by_length(content));
        match self.channel {
            Channel::At => {
                alimtalk::check(at, content)?;
                self.template.map_or(Ok(()), |template| template::compare(at, content, template, verbatim))?;
            }
            Channel::Ft => brand::check(at, message_type, content, self.longest_link())?,
            Channel::Bt => {
                brand::audience(at, content)?;
                brand::check(at, message_type, content, self.longest_link())?;
            }
            Channel::Mt => {
                let title_bytes = self.reference.title_bytes(Family::of(self.channel, message_type));
                text_message::check(at, message_type, content, self.abroad, self.customer.unencodable, title_bytes)?;
            }
            Channel::Rc => rcs::check(at, message_type, content)?,
            Channel::Pu => push::check(at, content)?,
            Channel::Em => mail::check(at, content)?,
        }
        let ad = ads::check(at, self.channel, message_type, content, self.declared_ad)?;
        Ok(Said { message_type, ad })
    }

    const fn longest_link(&self) -> usize {
        if self.template.is_some() { TEMPLATE_LINK } else { FREE_LINK }
    }
}

/// A text with a title cannot be an SMS.
fn by_length<S: Text>(content: &ContentOf<S>) -> MessageType {
    match text::given(&content.title) {
        Some(_) => MessageType::Lms,
        None => text_message::fitting(content.message.as_deref().unwrap_or_default()),
    }
}
