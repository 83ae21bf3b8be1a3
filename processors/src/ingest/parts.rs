//! A request taken apart: what it is, what it says, whom it goes to.

use schemas::{Content, FallbackStep, Receiver, SendRequest, Source};
use std::collections::BTreeMap;

/// What holds for every receiver and is not said to any.
pub struct Head {
    pub service_key: String,
    pub message_id: String,
    pub message_type: String,
    pub country_code: Option<String>,
    pub ad_flag: Option<String>,
    pub night_agreed: Option<String>,
    pub send_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub bill_code: Option<String>,
    pub source: Source,
    pub mapping: BTreeMap<String, String>,
    pub message_variable: BTreeMap<String, String>,
    pub button_variable: BTreeMap<String, String>,
}

/// What is said; each receiver gets its own copy, filled with its own values.
#[derive(Clone)]
pub struct Draft {
    pub content: Content,
    pub fallback: Vec<FallbackStep>,
    pub user_key: Option<String>,
}

/// The parts of a request.
pub struct Parts {
    pub head: Head,
    pub draft: Draft,
    /// The receiver that the request itself names.
    pub own: Receiver,
    pub receivers: Vec<Receiver>,
}

impl Parts {
    /// Takes a request apart. A field of the schema that has no place here does not compile.
    pub fn of(request: SendRequest) -> Self {
        let SendRequest {
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
        let content = Content {
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
        let own = Receiver {
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
