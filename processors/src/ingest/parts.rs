//! A request taken apart: what it is, what it says, whom it goes to.

use crate::rules::room::counted;
use schemas::{Channel, ContentOf, FallbackStepOf, ReceiverOf, SendRequestOf, Source, Text};
use std::cell::Cell;
use std::collections::BTreeMap;

/// What holds for every receiver and is not said to any.
pub struct Head<S: Text> {
    pub service_key: S,
    pub message_id: S,
    pub message_type: S,
    pub country_code: Option<S>,
    pub ad_flag: Option<S>,
    pub night_agreed: Option<S>,
    pub send_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub bill_code: Option<S>,
    pub source: Source,
    pub mapping: BTreeMap<S, S>,
    pub message_variable: BTreeMap<S, S>,
    pub button_variable: BTreeMap<S, S>,
}

/// What is said; each receiver gets its own copy, filled with its own values.
#[derive(Clone)]
pub struct Draft<S: Text> {
    pub content: ContentOf<S>,
    pub fallback: Vec<FallbackStepOf<S>>,
    pub user_key: Option<S>,
}

/// The parts of a request.
pub struct Parts<S: Text> {
    pub head: Head<S>,
    pub draft: Draft<S>,
    /// The receiver that the request itself names.
    pub own: ReceiverOf<S>,
    pub receivers: Vec<ReceiverOf<S>>,
}

impl<S: Text> Head<S> {
    /// Bytes of the variables that go along with each message: those of brand messages.
    pub fn variable_bytes(&self, channel: Channel) -> usize {
        let maps =
            [&self.message_variable, &self.button_variable].map(|map| map.iter().filter(|_| channel == Channel::Bt));
        maps.into_iter().flatten().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl<S: Text> Draft<S> {
    /// Bytes of everything that it says.
    pub fn bytes(&self) -> usize {
        let bytes = Cell::new(self.user_key.as_ref().map_or(0, |key| key.len()));
        let count = counted(&bytes);
        self.content.text_where(&count);
        for step in &self.fallback {
            step.text_where(&count);
        }
        bytes.get()
    }
}

impl<S: Text> Parts<S> {
    /// Takes a request apart. A field of the schema that has no place here does not compile.
    pub fn of(request: SendRequestOf<S>) -> Self {
        let SendRequestOf {
            service_key,
            channel: _,
            message_id,
            message_type,
            phone_number,
            country_code,
            sender_key,
            template_code,
            message,
            title,
            callback,
            mapping,
            attachment,
            supplement,
            header,
            app_user_id,
            user_key,
            ad_flag,
            night_agreed,
            attach_file_list,
            from_email,
            from_name,
            to,
            html,
            push_tokens,
            data,
            ttl_seconds,
            collapse_key,
            targeting,
            content_type,
            message_variable,
            button_variable,
            additional_content,
            push_alarm,
            adult,
            group_tag_key,
            unsubscribe_phone_number,
            unsubscribe_auth_number,
            footer,
            copy_allowed,
            send_at,
            expires_at,
            fallback,
            bill_code,
            receiver_list,
            source,
        } = request;
        let head = Head {
            service_key,
            message_id,
            message_type,
            country_code,
            ad_flag,
            night_agreed,
            send_at,
            expires_at,
            bill_code,
            source,
            mapping,
            message_variable,
            button_variable,
        };
        let content = ContentOf {
            sender_key,
            template_code,
            message,
            title,
            header,
            callback,
            attachment,
            supplement,
            attach_file_list,
            from_email,
            from_name,
            html,
            data,
            ttl_seconds,
            collapse_key,
            targeting,
            content_type,
            // They are in the head while they fill the text.
            message_variable: BTreeMap::new(),
            button_variable: BTreeMap::new(),
            additional_content,
            push_alarm,
            adult,
            group_tag_key,
            unsubscribe_phone_number,
            unsubscribe_auth_number,
            footer,
            copy_allowed,
        };
        let own = ReceiverOf {
            message_id: None,
            phone_number,
            country_code: None,
            app_user_id,
            push_tokens,
            to,
            mapping: BTreeMap::new(),
        };
        Self { head, draft: Draft { content, fallback, user_key }, own, receivers: receiver_list }
    }
}
