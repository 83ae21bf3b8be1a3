//! One-click unsubscribe (RFC 8058): the address that every mail with an ad carries, for everybody who has it. A POST
//! enters the opt-out; a GET shows a page with a button, because mail filters open addresses before anybody reads the mail.

use super::{
    access::Trace,
    answer::Problem,
    body,
    openapi::{Api, Contract, parameter},
    routes::Door,
    words::Words,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    response::{IntoResponse, Response},
};
use connectors::{
    reference::By,
    unsubscribe::{Links, Refusing},
    vendors::VendorSettings,
};
use processors::{center::opt_out::Source, reference::OptOut};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder,
        path::{Parameter, ParameterIn},
    },
};
use utoipa_axum::routes;

/// The body says what the path says: more than this is no form of a mail program.
const LONGEST_BODY: usize = 4_096;

/// What opens the tokens of each mail server's ads.
#[derive(Clone, Default)]
pub struct Unsubscribe(Arc<[Links]>);

impl Unsubscribe {
    /// Reads the keys that mail servers' settings name; the error is the reason with its remedy.
    pub fn open(vendors: &BTreeMap<String, VendorSettings>) -> Result<Self, String> {
        let mut links = Vec::new();
        for (name, vendor) in vendors {
            let path = vendor.smtp.as_ref().map(|smtp| &smtp.unsubscribe_key_file);
            if let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) {
                let told = |reason| format!("vendors.{name}.smtp.unsubscribe_key_file {path:?}: {reason}");
                links.push(Links::read(path).map_err(told)?);
            }
        }
        Ok(Self(links.into()))
    }

    /// Who refuses by a token; one that is spoilt or made up leads nowhere.
    fn who(&self, token: &str) -> Result<Refusing, Problem> {
        self.0.iter().find_map(|links| links.open(token)).ok_or(Problem::NotFound)
    }
}

/// Adds the paths.
pub fn described(api: Api<Arc<Door>>) -> Api<Arc<Door>> {
    let page = || Contract::of_document("text/html", json!({"type": "string"})).refusing(&[Problem::NotFound]);
    let may = [
        Problem::TooMany,
        Problem::TooSlow,
        Problem::TooLarge,
        Problem::ReadOnly,
        Problem::StoreAway,
        Problem::Unexpected,
    ];
    api.route(page(), routes!(ask), |methods| methods).route(page().refusing(&may), routes!(refuse), |methods| methods)
}

/// What stands in the path.
struct Token;

impl IntoParams for Token {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().min_length(Some(1));
        vec![parameter("token", ParameterIn::Path, "As it stands in the mail's List-Unsubscribe.", schema)]
    }
}

/// Asks a reader whether ads are refused; changes nothing. No key is needed.
#[utoipa::path(get, path = "/unsubscribe/{token}", operation_id = "askToUnsubscribe", tag = "opt-outs", params(Token))]
async fn ask(
    State(door): State<Arc<Door>>,
    Extension(trace): Extension<Trace>,
    Words(token): Words<String>,
) -> Result<Response, Problem> {
    trace.route("unsubscribe");
    door.unsubscribe.who(&token)?;
    Ok(page(
        "<p>이 발신자의 광고 메일을 더 이상 받지 않으시겠습니까?</p><p>Receive no more ads of this sender?</p>\
         <form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">수신거부 / Unsubscribe</button></form>",
    ))
}

/// Enters the opt-out of the one whom the mail went to, as often as it comes; what it says is in the path. No key is needed.
#[utoipa::path(post, path = "/unsubscribe/{token}", operation_id = "unsubscribe", tag = "opt-outs", params(Token))]
async fn refuse(
    State(door): State<Arc<Door>>,
    Extension(trace): Extension<Trace>,
    Words(token): Words<String>,
    form: Body,
) -> Result<Response, Problem> {
    trace.route("unsubscribe");
    let Refusing { username, recipient, serial_number } = door.unsubscribe.who(&token)?;
    let of: Arc<str> = username.as_str().into();
    trace.username(&of);
    let _place = door.places.take(of).ok_or(Problem::TooMany)?;
    body::read(form, LONGEST_BODY, door.body_within).await?;
    let by = By::named(format!("unsubscribe/{serial_number}"), door.clock.now_ms());
    let outs = [OptOut { username, recipient }];
    // Recipients have a turn of their own, whatever customers ask for.
    door.editor(&"unsubscribe".into())?.ask(move |editor| editor.hear(&by, &outs, Source::Click)).await?;
    Ok(page(
        "<p>수신거부가 처리되었습니다. 이 발신자의 광고 메일은 더 이상 발송되지 않습니다.</p><p>You will receive no more ads of this sender.</p>",
    ))
}

/// Says nothing of whom it is about: the address may be anybody's to open.
fn page(says: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"ko\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>수신거부 / Unsubscribe</title>{says}</html>"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, html).into_response()
}
