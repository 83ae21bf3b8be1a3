//! Who agreed to the ads of a customer, and how these are told so again.

use super::{
    change::Done,
    files::are_bytes,
    opt_outs::Count,
    page::{Filling, Page},
    params::{Listed, Own},
    query::Query,
    recipients,
};
use crate::{
    http::{
        answer::{Answer, Problem},
        ask, body,
        gate::Caller,
        routes::Door,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use connectors::reference::{ConsentPlace, GivenConsent, ListedConsent, Which, Withdrawal};
use jiff::Timestamp;
use processors::{
    center::{Cursor, consent::Kind, opt_out},
    reference::{Consent, ConsentNotice, Customer, ServiceKey},
    refusal::{Code, Refusal},
    rules::field::Field,
};
use schemas::Channel;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Columns of a file.
const COLUMNS: [&str; 5] = ["recipient", "app_user_id", "channel", "kind", "consented_at"];
/// What a file may be.
const ALLOWED: &str =
    "columns recipient, app_user_id, channel, kind, consented_at are allowed, each once, in UTF-8 with a first line";
/// Most consents of one file.
const MOST_LINES: usize = 10_000;
const LIST: &str = "consents";

/// One consent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Consent)]
pub struct ConsentTold {
    /// Number in international digits, address, or id in the customer's app.
    pub recipient: String,
    /// Whether it is an id in the customer's app.
    pub app_user: bool,
    /// To ads of this channel: at, ft, bt, mt, rcs, push or email; null: of all.
    #[schema(required = true)]
    pub channel: Option<&'static str>,
    /// ad, or night: to ads from 21:00 to 08:00, which takes a consent of its own.
    pub kind: &'static str,
    /// When it was given.
    pub consented_at: String,
    /// When it was taken back; null: it stands.
    #[schema(required = true)]
    pub withdrawn_at: Option<String>,
    /// When it was told again last, as the law wants it every two years.
    #[schema(required = true)]
    pub noticed_at: Option<String>,
}

impl From<ListedConsent> for ConsentTold {
    fn from(ListedConsent { consent, .. }: ListedConsent) -> Self {
        let at = |at: Timestamp| iso(at.as_millisecond());
        Self {
            app_user: consent.app_user,
            channel: consent.channel.map(ask::word),
            kind: consent.kind.as_str(),
            consented_at: at(consent.consented_at),
            withdrawn_at: consent.withdrawn_at.map(at),
            noticed_at: consent.noticed_at.map(at),
            recipient: consent.recipient,
        }
    }
}

/// Consents that were given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsents {
    /// 1 to 1000.
    consents: Vec<NewConsent>,
}

/// One of them; also a line of a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// A number or an address.
    #[serde(default)]
    recipient: Option<String>,
    /// Or an id in the customer's app.
    #[serde(default)]
    app_user_id: Option<String>,
    /// To ads of at, ft, bt, mt, rcs, push or email; of all when it is not said.
    #[serde(default)]
    channel: Option<String>,
    /// ad, or night; ad when it is not said.
    #[serde(default)]
    kind: Option<String>,
    /// When it was given, ISO 8601 with its zone, not in the future. When it is not said a consent
    /// that stands stays as it is, and another is given now.
    #[serde(default)]
    consented_at: Option<String>,
}

/// Consents that are taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdrawals {
    /// Numbers and addresses.
    #[serde(default)]
    recipients: Vec<String>,
    /// Ids in the customer's app.
    #[serde(default)]
    app_user_ids: Vec<String>,
    /// Of this channel; of all when it is not said.
    #[serde(default)]
    channel: Option<String>,
    /// night: by night alone; ad, or nothing: all ads.
    #[serde(default)]
    kind: Option<String>,
}

/// Whose consents are asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Numbers and addresses.
    #[serde(default)]
    recipients: Vec<String>,
    /// Ids in the customer's app.
    #[serde(default)]
    app_user_ids: Vec<String>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundConsents {
    /// Those that are kept, also those that were taken back.
    pub items: Vec<ConsentTold>,
}

/// What a customer wants of its consents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRules {
    /// Ads go to those alone whose consent is kept here; an ad to others is refused (2070).
    ads_by_consent: bool,
    /// How consents are told again when their two years are over, one of each channel.
    #[schema(value_type = Vec<Object>)]
    notices: Vec<ConsentNotice>,
}

impl From<&Customer> for ConsentRules {
    fn from(customer: &Customer) -> Self {
        Self { ads_by_consent: customer.ads_by_consent, notices: customer.consent_notices.clone() }
    }
}

/// What is wrong with a file by its line, and its column where one alone is. The words of a reader of CSV may repeat what
/// came: they are not told.
fn unreadable(error: &csv::Error) -> Refusal {
    let line = error.position().map_or(1, csv::Position::line);
    let column = match error.kind() {
        csv::ErrorKind::Utf8 { err, .. } => Some(err.field() as u64),
        csv::ErrorKind::Deserialize { err, .. } => err.field(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let reason = format_args!("got {len} columns, the first line has {expected_len}");
            return Refusal::named(Code::BadRequest, format!("line {line}"), reason);
        }
        _ => None,
    };
    let column = column.map(|at| format!(", column {}", at + 1)).unwrap_or_default();
    Refusal::named(Code::BadRequest, format!("line {line}{column}"), ALLOWED)
}

/// The consents of a file, each with its line.
fn lines(file: &[u8]) -> Result<Vec<(NewConsent, u64)>, Refusal> {
    let mut lines = csv::Reader::from_reader(file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file));
    let named = lines.headers().map_err(|error| unreadable(&error))?.clone();
    if let Some(at) = named.iter().position(|name| !COLUMNS.contains(&name)) {
        // What stands in the place of names may be somebody's number.
        return Err(Refusal::named(Code::BadRequest, format!("line 1, column {}", at + 1), ALLOWED));
    }
    let mut consents = Vec::new();
    for line in lines.records() {
        let line = line.map_err(|error| unreadable(&error))?;
        let consent = line.deserialize(Some(&named)).map_err(|error| unreadable(&error))?;
        consents.push((consent, line.position().map_or(0, csv::Position::line)));
        if consents.len() > MOST_LINES {
            return Err(Refusal::named(Code::BadRequest, "lines", format_args!("at most {MOST_LINES} are allowed")));
        }
    }
    match consents.is_empty() {
        true => Err(Refusal::named(Code::BadRequest, "lines", "there are none")),
        false => Ok(consents),
    }
}

fn channel(at: &Field<'_>, word: Option<&str>) -> Result<Option<Channel>, Refusal> {
    let known = |word| {
        ask::channel(word)
            .ok_or_else(|| Refusal::bad(&at.of("channel"), "at, ft, bt, mt, rcs, push or email is allowed"))
    };
    word.filter(|word| !word.is_empty()).map(known).transpose()
}

fn kind(at: &Field<'_>, word: Option<&str>) -> Result<Kind, Refusal> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(Kind::Ad) };
    Kind::of(word).ok_or_else(|| Refusal::bad(&at.of("kind"), "ad or night is allowed"))
}

impl NewConsent {
    fn read(self, at: &Field<'_>, username: &str, now_ms: i64) -> Result<GivenConsent, Refusal> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let (recipient, app_user) = match (given(&self.recipient), given(&self.app_user_id)) {
            (Some(given), None) => (opt_out::recipient(&at.of("recipient"), &given, false)?, false),
            (None, Some(given)) => (opt_out::recipient(&at.of("app_user_id"), &given, true)?, true),
            _ => return Err(Refusal::missing(&at.of("recipient or app_user_id"), "a consent")),
        };
        let now = Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let said = given(&self.consented_at);
        let dated = said.is_some();
        let consented_at = match said {
            None => now,
            Some(text) => text.parse().ok().filter(|at| *at <= now).ok_or_else(|| {
                let allowed = "a time that has passed is allowed, ISO 8601 with its zone: 2026-03-11T10:30:00+09:00";
                Refusal::bad(&at.of("consented_at"), allowed)
            })?,
        };
        let consent = Consent {
            username: username.to_owned(),
            recipient,
            app_user,
            channel: channel(at, self.channel.as_deref())?,
            kind: kind(at, self.kind.as_deref())?,
            consented_at,
            withdrawn_at: None,
            noticed_at: None,
        };
        Ok(GivenConsent { consent, dated })
    }
}

/// Lists consents in the order of their changes, those that were taken back too.
#[utoipa::path(get, path = "/ims/{service_key}/consents", operation_id = "consents", tag = "consents", params(Listed))]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<ConsentTold>> {
    let username = caller.whose(&service_key)?.username.clone();
    let query = Query::read(uri.query(), &["limit", "cursor"])?;
    let (behind, most) = (query.behind::<ConsentPlace>(LIST)?, query.limit()?);
    let found = door.editor(&caller.username)?.ask(move |editor| {
        Filling::fill(most, behind, |behind, rows| {
            let listed = editor.consents(&username, behind, rows)?;
            Ok(listed.into_iter().map(|one| (one.behind.clone(), ConsentTold::from(one))).collect())
        })
    });
    Ok(Answer::success(found.await?.page(|behind| Cursor::behind(LIST, behind).write())))
}

/// Keeps consents; of what is kept already what was said last counts. They stand in the body, because paths stand in logs.
#[utoipa::path(post, path = "/ims/{service_key}/consents", operation_id = "addConsents", tag = "consents", params(Own))]
pub async fn add(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let NewConsents { consents } = door.read(&headers, body).await?;
    recipients::number("consents", consents.len())?;
    door.keep(&caller, &service_key, consents, |at| format!("consents[{at}].")).await
}

/// Keeps consents of a CSV file with the columns recipient, app_user_id, channel, kind and consented_at, or some of them:
/// all of its lines or none.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/consents/csv",
    operation_id = "addConsentsOfFile",
    tag = "consents",
    params(Own)
)]
pub async fn add_file(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    if !are_bytes(&headers) {
        return Err(Problem::NotBytes.into());
    }
    let bytes = body::read(body, door.body_bytes, door.body_within).await?;
    let (consents, places): (Vec<NewConsent>, Vec<u64>) = lines(&bytes)?.into_iter().unzip();
    door.keep(&caller, &service_key, consents, |at| format!("line {}, column ", places[at])).await
}

/// Takes consents back: of one channel or of all, to all ads or to those by night alone.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/consents/withdraw",
    operation_id = "withdrawConsents",
    tag = "consents",
    params(Own)
)]
pub async fn withdraw(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Count> {
    let wish: Withdrawals = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let (of, about) =
        (channel(&Field::REQUEST, wish.channel.as_deref())?, kind(&Field::REQUEST, wish.kind.as_deref())?);
    let by = door.by(&caller);
    let ended = recipients::named(&wish.recipients, &wish.app_user_ids)?;
    let withdrawal = |who| Withdrawal { who, channel: of, kind: about, at_ms: by.at_ms };
    let ended: Vec<Withdrawal> = ended.into_iter().map(withdrawal).collect();
    let count = door.editor(&caller.username)?.ask(move |editor| editor.withdraw(&by, &username, &ended)).await?;
    Ok(Answer::success(Count { count }))
}

/// What some recipients agreed to. They stand in the body, because paths stand in logs.
#[utoipa::path(
    post,
    path = "/ims/{service_key}/consents/find",
    operation_id = "findConsents",
    tag = "consents",
    params(Own)
)]
pub async fn find(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<FoundConsents> {
    let wanted: Wanted = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let wanted = recipients::named(&wanted.recipients, &wanted.app_user_ids)?
        .into_iter()
        .map(|of| of.recipient)
        .collect::<Vec<_>>();
    let found = door.editor(&caller.username)?.ask(move |editor| editor.consents_of(&username, &wanted)).await?;
    Ok(Answer::success(FoundConsents { items: found.into_iter().map(ConsentTold::from).collect() }))
}

/// Whether ads need consent that is kept here, and how consents are told again.
#[utoipa::path(
    get,
    path = "/ims/{service_key}/consents/rules",
    operation_id = "consentRules",
    tag = "consents",
    params(Own)
)]
pub async fn rules(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
) -> Told<ConsentRules> {
    let username = caller.whose(&service_key)?.username.clone();
    let rows: Vec<Arc<Customer>> = door.rows(&caller, Which::of([("username", username.as_str())])).await?;
    let customer = rows.first().ok_or(Problem::NotFound)?;
    Ok(Answer::success(ConsentRules::from(&**customer)))
}

/// Sets them. A notice has `service_key`, `channel`, `message_type`, `sender`, and `message` or `template_code`; `#{date}` in
/// its text is the day of consent, `#{what}` what was agreed to, `#{sender}` the customer's name.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/consents/rules",
    operation_id = "setConsentRules",
    tag = "consents",
    params(Own)
)]
pub async fn set_rules(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<Done> {
    let ConsentRules { ads_by_consent, notices } = door.read(&headers, body).await?;
    let username = caller.whose(&service_key)?.username.clone();
    let keys: Vec<Arc<ServiceKey>> = door.rows(&caller, Which::of([("username", username.as_str())])).await?;
    for (at, notice) in notices.iter().enumerate() {
        let field = Field::REQUEST.entry("notices", at);
        if let Some(mistake) = notice.mistakes().into_iter().next() {
            return Err(Refusal::bad(&field, mistake).into());
        }
        if notices[..at].iter().any(|other| other.channel == notice.channel) {
            return Err(Refusal::bad(&field, "another notice of this channel stands before it, one is allowed").into());
        }
        if keys.iter().all(|key| key.key != notice.service_key) {
            return Err(Refusal::not_registered(&field.of("service_key"), "unknown").into());
        }
    }
    let name = username.clone();
    let which = Which::of([("username", username.as_str())]);
    let changed = door.change(&caller, &username, which, move |rows: &mut Vec<Customer>| {
        rows.iter_mut().for_each(|row| {
            (row.ads_by_consent, row.consent_notices) = (ads_by_consent, notices.clone());
        });
        Ok(())
    });
    changed.await?;
    Ok(Answer::success(Done { name }))
}

impl Door {
    /// `place` is what stands before the name of a field that is refused.
    async fn keep(
        &self,
        caller: &Caller,
        service_key: &str,
        consents: Vec<NewConsent>,
        place: impl Fn(usize) -> String,
    ) -> Told<Count> {
        let username = caller.whose(service_key)?.username.clone();
        let by = self.by(caller);
        let read = |(at, one): (usize, NewConsent)| {
            one.read(&Field::REQUEST, &username, by.at_ms).map_err(|refusal| refusal.within(&place(at)))
        };
        let consents: Vec<GivenConsent> = consents.into_iter().enumerate().map(read).collect::<Result<_, Refusal>>()?;
        let count = self.editor(&caller.username)?.ask(move |editor| editor.consent(&by, &username, &consents)).await?;
        Ok(Answer::success(Count { count: count.map_err(Stop::from)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::examples::{seed, spoilt};

    #[test]
    fn whatever_stands_in_a_file_ends_in_consents_or_in_a_refusal_that_tells_nothing_of_it() {
        let written = "010-7777-0001,mt,ad,2024-03-15T10:30:00+09:00\r\n\"hana7777\"\"@example.com\",,night,\r\n";
        let whole = format!("\u{feff}recipient,channel,kind,consented_at\r\n{written}");
        let mut kept = 0;
        for file in spoilt(&[whole.as_bytes(), b"app_user_id\nhana7777\n"]) {
            let read = lines(&file).and_then(|lines| {
                let one = |(consent, _): (NewConsent, u64)| {
                    consent.read(&Field::REQUEST.of("it"), "hanbit-shop", seed::NOW_MS)
                };
                lines.into_iter().map(one).collect::<Result<Vec<_>, _>>()
            });
            match read {
                Ok(consents) => kept += consents.len(),
                Err(refusal) => assert!(!refusal.to_string().contains("7777"), "{refusal}"),
            }
        }
        assert!(kept > 100, "{kept}");
    }
}
