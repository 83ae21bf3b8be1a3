//! A step as the body of `projects.messages.send`: published types Message, Notification, AndroidConfig, ApnsConfig,
//! WebpushConfig.

use crate::vendors::push;
use schemas::Dispatch;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Body<'d> {
    message: Message<'d>,
}

#[derive(Serialize)]
struct Message<'d> {
    token: &'d str,
    notification: Notification<'d>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: BTreeMap<&'d str, &'d str>,
    android: Android<'d>,
    apns: Apns<'d>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webpush: Option<Webpush<'d>>,
}

#[derive(Serialize)]
struct Notification<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'d str>,
    body: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'d str>,
}

#[derive(Serialize)]
struct Android<'d> {
    #[serde(skip_serializing_if = "Option::is_none")]
    collapse_key: Option<&'d str>,
    priority: &'static str,
    ttl: String,
    notification: AndroidNotification<'d>,
}

#[derive(Serialize)]
struct AndroidNotification<'d> {
    /// A notification takes the place of the one with the same tag.
    tag: &'d str,
}

#[derive(Serialize)]
struct Apns<'d> {
    headers: ApnsHeaders<'d>,
    payload: ApnsPayload,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ApnsHeaders<'d> {
    apns_collapse_id: &'d str,
    apns_expiration: String,
    apns_priority: &'static str,
}

#[derive(Serialize)]
struct ApnsPayload {
    aps: Aps,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Aps {
    sound: &'static str,
    /// Lets the app fetch the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    mutable_content: Option<u8>,
}

#[derive(Serialize)]
struct Webpush<'d> {
    fcm_options: WebpushOptions<'d>,
}

#[derive(Serialize)]
struct WebpushOptions<'d> {
    link: &'d str,
}

/// The body of the request for one token.
pub fn body(dispatch: &Dispatch, token: &str, life: push::Life) -> Vec<u8> {
    let accepted = &dispatch.accepted;
    let content = &accepted.content;
    let (link, image) = (push::link(dispatch), push::image(dispatch));
    let shown_as = push::shown_as(dispatch);
    let body = Body {
        message: Message {
            token,
            notification: Notification {
                title: content.title.as_deref().filter(|title| !title.is_empty()),
                body: content.message.as_deref().unwrap_or_default(),
                image,
            },
            data: push::data(dispatch),
            android: Android {
                collapse_key: content.collapse_key.as_deref().filter(|key| !key.is_empty()),
                priority: if accepted.ad { "NORMAL" } else { "HIGH" },
                ttl: format!("{}s", life.lives_s),
                notification: AndroidNotification { tag: shown_as },
            },
            apns: Apns {
                headers: ApnsHeaders {
                    apns_collapse_id: shown_as,
                    apns_expiration: life.until_s.to_string(),
                    apns_priority: if accepted.ad { "5" } else { "10" },
                },
                payload: ApnsPayload { aps: Aps { sound: "default", mutable_content: image.map(|_| 1) } },
            },
            webpush: link
                .filter(|link| link.starts_with("https://"))
                .map(|link| Webpush { fcm_options: WebpushOptions { link } }),
        },
    };
    // Structs of strings always become JSON.
    serde_json::to_vec(&body).unwrap_or_default()
}
