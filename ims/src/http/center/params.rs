//! What stands in the paths and behind the `?` of the center API.

use crate::http::openapi::{parameter, service_key};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder,
        path::{Parameter, ParameterIn},
    },
};

fn in_path(name: &str, description: &str) -> Parameter {
    parameter(name, ParameterIn::Path, description, ObjectBuilder::new().min_length(Some(1)))
}

fn one_of<const N: usize>(name: &str, description: &str, words: [&str; N]) -> Parameter {
    parameter(name, ParameterIn::Path, description, ObjectBuilder::new().enum_values(Some(words)))
}

fn asked(name: &str, description: &str) -> Parameter {
    parameter(name, ParameterIn::Query, description, ObjectBuilder::new())
}

macro_rules! params {
    ($($(#[$doc:meta])* $name:ident [$($parameter:expr),* $(,)?];)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                [vec![service_key()], $($parameter),*].concat()
            }
        }
    )*};
}

fn group() -> Vec<Parameter> {
    vec![one_of("group", "Channels that are looked at together.", ["kakao", "mt", "email", "push"])]
}

fn days() -> Vec<Parameter> {
    vec![asked("from", "The first day, in Korea: 2026-03-01."), asked("to", "The last day; 366 in all at most.")]
}

fn page() -> Vec<Parameter> {
    vec![
        asked("limit", "Rows of a page, 1 to 1000; 100 when it is not said."),
        asked("cursor", "`next` of the page before, as it came."),
    ]
}

fn changes() -> Vec<Parameter> {
    let since = "Begins with what changed at this time, and tells what was taken out too.";
    [vec![asked("changed_since", since)], page()].concat()
}

fn span() -> Vec<Parameter> {
    let from = "A day of Korea, or a time with its zone; 31 days before `to` by time alone, 366 with a key.";
    vec![asked("from", from), asked("to", "A day, which is whole, or a time; now when it is not said.")]
}

fn keys() -> Vec<Parameter> {
    vec![
        asked("message_id", "The customer's own id."),
        asked("recipient", "A phone number."),
        asked("country_code", "Its country, when it is abroad."),
        asked("app_user_id", "An id in the customer's app."),
        asked("token", "A token that a push went to."),
        asked("address", "An email address."),
        format(),
    ]
}

fn format() -> Parameter {
    asked("format", "json, or csv for all of the span at once.")
}

fn with_files() -> Vec<Parameter> {
    vec![one_of("channel", "What they go with.", ["mt", "email"])]
}

fn channel() -> Vec<Parameter> {
    vec![one_of("channel", "The channel.", ["at", "ft", "bt", "mt", "push", "email"])]
}

params! {
    /// A service key alone.
    Own [];
    /// Calls of one message.
    CallsOf [vec![
        asked("message_id", "The customer's own id; the newest message of it that is no refused duplicate."),
        asked("track_id", "Ours, instead."),
    ]];
    /// All channels.
    Statistics [days(), vec![format()]];
    /// One group of channels.
    StatisticsOfGroup [group(), days(), vec![asked("type", "One type, for example SMS; all when it is not said."), format()]];
    /// History.
    Searched [group(), keys(), span(), page()];
    /// A list of what changes.
    Changed [changes()];
    /// A list.
    Listed [page()];
    /// The audit.
    Audit [
        vec![
            asked("from", "A day of Korea, or a time with its zone; 366 days before `to` at most."),
            asked("to", "A day, which is whole, or a time; now when it is not said."),
            format(),
        ],
        page()
    ];
    /// A list of push tokens.
    Tokens [vec![asked("app_user_id", "Of one user of the app; of all when it is not said.")], page()];
    /// A list of files.
    FilesOf [with_files(), page()];
    /// Where a file is uploaded.
    NewFile [
        with_files(),
        vec![parameter("name", ParameterIn::Query, "Its name, with its ending.", ObjectBuilder::new().min_length(Some(1)))]
    ];
    /// One file.
    OneFile [with_files(), vec![in_path("file_key", "Its key.")]];
    /// A list of templates.
    Templates [
        vec![one_of("channel", "A channel, or all of KakaoTalk.", ["kakao", "at", "ft", "bt", "mt", "push", "email"])],
        changes()
    ];
    /// Where a template is registered.
    Registry [channel()];
    /// One template.
    OneTemplate [channel(), vec![in_path("template_code", "Its code.")]];
    /// One sender number.
    OneNumber [
        vec![one_of("channel", "The channel.", ["mt", "rcs", "email"])],
        vec![in_path("number", "Digits, chatbot id or address.")]
    ];
    /// One sender profile.
    OneProfile [vec![in_path("sender_key", "Its key.")]];
    /// One channel that is claimed.
    OneClaim [vec![in_path("channel_id", "Its id, with @.")]];
    /// One group of sender profiles.
    OneGroup [vec![in_path("group_key", "Its key.")]];
    /// One user.
    OneUser [vec![in_path("login", "The login name.")]];
    /// One secret key.
    OneKey [vec![in_path("name", "Its name.")]];
    /// One service key of several.
    OneServiceKey [vec![in_path("key", "The service key that is meant.")]];
}
