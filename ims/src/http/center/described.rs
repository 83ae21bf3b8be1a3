//! The paths of the center API, each with what it is asked and answers.

use super::{
    audit::{self, AuditTold},
    callback::{self, Shown, Trial},
    calls,
    change::Done,
    claims::{self, CategoryTold, ClaimTold, NewClaim, NewToken},
    consents::{self, ConsentRules, ConsentTold, FoundConsents, NewConsents, Wanted, Withdrawals},
    files::{self, FileTold},
    history::{self, Step},
    keys::{self, Active, Key, NewKey, Rotation, Service},
    opt_outs::{self, Count, OptOutTold, Recipients},
    push_tokens::{self, Exchanged, Gone, NewTokens, TokenTold},
    sender_groups::{self, GroupTold, Members, NewGroup, NewName},
    senders::{self, NewNumber, NewProfile, NewState, Number, Profile, StateTold},
    statistics,
    templates::{self, Registered},
    users::{self, ChangedUser, NewPassword, NewUser, OwnPassword, UserTold, WithPassword},
};
use crate::calls::CallTold;
use crate::http::{
    answer::Problem,
    openapi::{Api, Contract},
    routes::{Door, Methods},
};
use processors::{
    access::Scope,
    center::{Counts, Whole},
};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::UtoipaMethodRouter, routes};

/// What reads and changes in the store may end with.
const OF_STORE: [Problem; 2] = [Problem::StoreAway, Problem::ReadOnly];
/// What may be wrong with a body.
const OF_BODY: [Problem; 3] = [Problem::TooSlow, Problem::TooLarge, Problem::NotJson];

/// Adds them; `guard` stands before each.
pub fn described(api: Api<Arc<Door>>, guard: &impl Fn(Scope, Methods) -> Methods) -> Api<Arc<Door>> {
    let mut paths = Paths { api, guard };
    looks(&mut paths);
    senders(&mut paths);
    sender_groups(&mut paths);
    templates(&mut paths);
    opt_outs(&mut paths);
    consents(&mut paths);
    push_tokens(&mut paths);
    files(&mut paths);
    audit(&mut paths);
    callbacks(&mut paths);
    keys(&mut paths);
    users(&mut paths);
    paths.api
}

struct Paths<'g, G> {
    api: Api<Arc<Door>>,
    guard: &'g G,
}

impl<G: Fn(Scope, Methods) -> Methods> Paths<'_, G> {
    fn add(&mut self, scope: Scope, contract: Contract, routes: UtoipaMethodRouter<Arc<Door>>) {
        let api = std::mem::replace(&mut self.api, Api::new());
        self.api = api.route(contract.keyed(scope), routes, |methods| (self.guard)(scope, methods));
    }
}

fn success(data: Value) -> Value {
    json!({"code": "0000", "data": data})
}

fn one<D: ToSchema>(example: Value) -> Contract {
    Contract::of::<D>(success(example)).refusing(&OF_STORE)
}

fn page<D: ToSchema>(example: Value) -> Contract {
    Contract::of_page::<D>(success(json!({"items": [example], "next": null}))).refusing(&OF_STORE)
}

fn list<D: ToSchema>(example: Value) -> Contract {
    Contract::of_list::<D>(success(json!([example]))).refusing(&OF_STORE)
}

fn state<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>, routes: UtoipaMethodRouter<Arc<Door>>) {
    let state = json!({"state": "approved"});
    let contract = one::<StateTold>(state.clone()).asking_for::<NewState>(state).refusing(&OF_BODY);
    paths.add(Scope::Operate, contract, routes);
}

fn looks<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let counts = json!({"total": 100, "success": 99, "fail": 1});
    let whole = json!({"email": null, "kakao": {"AT": counts, "FW": counts}, "mt": {"SMS": counts}, "push": null});
    let of_group = Contract::of_map::<Counts>(success(whole["kakao"].clone()));
    let of_group = of_group.refusing(&[Problem::StoreAway]).or_document("text/csv").remembered();
    let of_all = Contract::of_bare::<Whole>(whole).refusing(&[Problem::StoreAway]).or_document("text/csv").remembered();
    paths.add(Scope::Read, of_all, routes!(statistics::whole));
    paths.add(Scope::Read, of_group, routes!(statistics::group));
    let step = json!({
        "track_id": "01KJMXCWW00000000000000001", "step": 0, "last_step": true, "message_id": "ORD-1",
        "requested_channel": "MT", "requested_type": "SMS", "channel": "MT", "message_type": "SMS",
        "priority": "REALTIME", "state": "DELIVERED", "origin": "VENDOR", "code": "1000", "vendor": "text-one",
        "vendor_code": "1000", "attempts": 1,
        "recipient": {"phone_number": "1012345678", "country_code": "82"},
        "title": null, "message": "인증번호 123456", "received_at": "2026-03-11T01:30:00.000Z",
        "distribution_at": "2026-03-11T01:30:00.012Z", "sent_at": "2026-03-11T01:30:00.020Z",
        "report_at": "2026-03-11T01:30:02.000Z", "source": "API", "serial_number": "01KJMXCWW00000000000000001-0R",
        "bill_code": null,
    });
    let steps = Contract::of_page::<Step>(success(json!({"items": [step], "next": null})))
        .refusing(&[Problem::StoreAway])
        .or_document("text/csv")
        .remembered();
    paths.add(Scope::Read, steps, routes!(history::find));
}

fn senders<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let changed_at = "2026-03-11T01:30:00.000Z";
    let number = json!({
        "channel": "mt", "number": "0234567890", "state": "requested", "removed": false, "changed_at": changed_at,
    });
    let key = "a1".repeat(20);
    let profile = json!({
        "sender_key": key, "state": "approved", "dealer": {
            "vendor": "dealer", "state": "active", "comment": null, "noted_at": "2026-03-11T01:31:00.000Z",
        },
        "removed": false, "changed_at": changed_at,
    });
    let new_number = json!({"channel": "mt", "number": "02-3456-7890"});
    let made = one::<Number>(number.clone()).asking_for::<NewNumber>(new_number).refusing(&OF_BODY);
    paths.add(Scope::Read, page::<Number>(number.clone()), routes!(senders::numbers));
    paths.add(Scope::Read, one::<Number>(number), routes!(senders::number));
    paths.add(Scope::Manage, made, routes!(senders::add_number));
    paths.add(Scope::Manage, one::<Done>(json!({"name": "0234567890"})), routes!(senders::remove_number));
    state(paths, routes!(senders::move_number));
    let new_profile = json!({"sender_key": key});
    let made = one::<Profile>(profile.clone()).asking_for::<NewProfile>(new_profile).refusing(&OF_BODY);
    paths.add(Scope::Read, page::<Profile>(profile.clone()), routes!(senders::profiles));
    paths.add(Scope::Read, one::<Profile>(profile), routes!(senders::profile));
    paths.add(Scope::Manage, made, routes!(senders::add_profile));
    state(paths, routes!(senders::move_profile));
    paths.add(Scope::Manage, one::<Done>(json!({"name": key})), routes!(senders::recover_profile));
    let claim = json!({
        "channel_id": "@hanbit", "stage": "sent", "sender_key": null, "comment": null, "noted_at": changed_at,
    });
    let told = || one::<ClaimTold>(claim.clone());
    let new = json!({"channel_id": "@hanbit", "phone_number": "010-2345-6789"});
    let token = json!({"token": "123456", "category_code": "00100010001"});
    let category = json!({"code": "00100010001", "name": "쇼핑"});
    paths.add(Scope::Read, list::<CategoryTold>(category), routes!(claims::categories));
    paths.add(Scope::Read, list::<ClaimTold>(claim.clone()), routes!(claims::list));
    paths.add(Scope::Read, told(), routes!(claims::show));
    paths.add(Scope::Manage, told().asking_for::<NewClaim>(new).refusing(&OF_BODY), routes!(claims::ask));
    paths.add(Scope::Manage, told().asking_for::<NewToken>(token).refusing(&OF_BODY), routes!(claims::prove));
}

fn sender_groups<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let (group_key, sender_key, name) = ("b2".repeat(20), "a1".repeat(20), "한빛상점 매장");
    let told = json!({
        "group_key": group_key, "name": name, "state": "requested", "sender_keys": [sender_key], "removed": false,
        "changed_at": "2026-03-11T01:30:00.000Z",
    });
    let new = json!({"group_key": group_key, "name": name, "sender_keys": [sender_key]});
    let one_told = || one::<GroupTold>(told.clone());
    let members = || one_told().asking_for::<Members>(json!({"sender_keys": [sender_key]})).refusing(&OF_BODY);
    let made = one_told().asking_for::<NewGroup>(new).refusing(&OF_BODY);
    let renamed = one_told().asking_for::<NewName>(json!({"name": name})).refusing(&OF_BODY);
    paths.add(Scope::Read, page::<GroupTold>(told.clone()), routes!(sender_groups::list));
    paths.add(Scope::Read, one_told(), routes!(sender_groups::show));
    paths.add(Scope::Manage, made, routes!(sender_groups::register));
    paths.add(Scope::Manage, renamed, routes!(sender_groups::rename));
    paths.add(Scope::Manage, one::<Done>(json!({"name": group_key})), routes!(sender_groups::remove));
    paths.add(Scope::Manage, members(), routes!(sender_groups::add_members));
    paths.add(Scope::Manage, members(), routes!(sender_groups::remove_members));
    state(paths, routes!(sender_groups::move_state));
}

fn templates<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let wish = json!({
        "template_code": "order.sent", "sender_key": "a1".repeat(20), "message": "#{name}님의 주문이 발송되었습니다.",
    });
    let template = json!({
        "channel": "at", "template_code": "order.sent", "sender_key": "a1".repeat(20), "state": "requested",
        "auth_allowed": false, "message": "#{name}님의 주문이 발송되었습니다.", "title": null, "header": null, "html": null,
        "attachment": null, "supplement": null, "variables": ["name"],
        "dealer": {
            "vendor": "dealer", "state": "requested", "comment": null, "noted_at": "2026-03-11T01:31:00.000Z",
        },
        "removed": false,
        "changed_at": "2026-03-11T01:30:00.000Z",
    });
    let body = templates::body(wish);
    let answers = || one::<Registered>(template.clone()).asking(body.clone()).refusing(&OF_BODY);
    paths.add(Scope::Read, page::<Registered>(template.clone()), routes!(templates::list));
    paths.add(Scope::Read, one::<Registered>(template.clone()), routes!(templates::show));
    paths.add(Scope::Manage, answers(), routes!(templates::register));
    paths.add(Scope::Manage, answers(), routes!(templates::update));
    paths.add(Scope::Manage, one::<Done>(json!({"name": "order.sent"})), routes!(templates::remove));
    state(paths, routes!(templates::move_state));
}

fn opt_outs<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let out = json!({"recipient": "821012345678", "source": "call", "refused_at": "2026-03-11T01:30:00.000Z"});
    let who = json!({"recipients": ["01012345678", "hana@example.com"], "source": "call"});
    let count = |who| one::<Count>(json!({"count": 2})).asking_for::<Recipients>(who).refusing(&OF_BODY);
    paths.add(Scope::Manage, page::<OptOutTold>(out), routes!(opt_outs::list));
    paths.add(Scope::Manage, count(who), routes!(opt_outs::add));
    paths.add(Scope::Manage, count(json!({"recipients": ["01012345678"]})), routes!(opt_outs::remove));
}

fn consents<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let told = json!({
        "recipient": "821012345678", "app_user": false, "channel": "mt", "kind": "ad",
        "consented_at": "2026-03-11T01:30:00.000Z", "withdrawn_at": null, "noticed_at": null,
    });
    let new = json!({"consents": [
        {"recipient": "01012345678", "channel": "mt", "kind": "ad", "consented_at": "2026-03-11T10:30:00+09:00"},
    ]});
    let count = || one::<Count>(json!({"count": 1}));
    let of_bytes = [Problem::TooSlow, Problem::TooLarge, Problem::NotBytes];
    let found = one::<FoundConsents>(json!({"items": [told.clone()]}));
    let wanted = json!({"recipients": ["01012345678"]});
    let withdrawn = json!({"recipients": ["01012345678"], "kind": "night"});
    let rules = json!({"ads_by_consent": true, "notices": [{
        "service_key": "IMSDEMO0SERVICEKEY0000000000000000000001", "channel": "MT", "message_type": "LMS",
        "sender": "0212345678", "template_code": null, "title": null,
        "message": "#{sender}: #{date}에 #{what}에 동의하셨습니다. 계속 받으시려면 그대로 두시고, 철회는 080-123-4567",
    }]});
    paths.add(Scope::Manage, page::<ConsentTold>(told), routes!(consents::list));
    paths.add(Scope::Manage, count().asking_for::<NewConsents>(new).refusing(&OF_BODY), routes!(consents::add));
    paths.add(Scope::Manage, count().asking_for_bytes().refusing(&of_bytes), routes!(consents::add_file));
    let ended = count().asking_for::<Withdrawals>(withdrawn).refusing(&OF_BODY);
    paths.add(Scope::Manage, ended, routes!(consents::withdraw));
    paths.add(Scope::Manage, found.asking_for::<Wanted>(wanted).refusing(&OF_BODY), routes!(consents::find));
    paths.add(Scope::Manage, one::<ConsentRules>(rules.clone()), routes!(consents::rules));
    let set = one::<Done>(json!({"name": "hanbit-shop"})).asking_for::<ConsentRules>(rules).refusing(&OF_BODY);
    paths.add(Scope::Manage, set, routes!(consents::set_rules));
}

fn push_tokens<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let (user, token) = ("hanbit-user-20394", "fMEP0sJpTz6:APA91bH7eXampleTokenOfAnApp");
    let told = json!({"app_user_id": user, "token": token, "registered_at": "2026-03-11T01:30:00.000Z"});
    let new = json!({"tokens": [{"app_user_id": user, "token": token}]});
    let count = |count: u64| one::<Count>(json!({"count": count})).refusing(&OF_BODY);
    let exchanged = json!({"token": token, "new_token": "fMEP0sJpTz6:APA91bF2newerTokenOfTheApp"});
    paths.add(Scope::Manage, page::<TokenTold>(told), routes!(push_tokens::list));
    paths.add(Scope::Manage, count(1).asking_for::<NewTokens>(new), routes!(push_tokens::register));
    paths.add(Scope::Manage, count(1).asking_for::<Exchanged>(exchanged), routes!(push_tokens::exchange));
    let gone = json!({"app_user_ids": [user]});
    paths.add(Scope::Manage, count(2).asking_for::<Gone>(gone), routes!(push_tokens::remove));
}

fn files<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let key = "7ZQ2M0X9K4T1B8C5D3F6G7H2J9";
    let told = json!({
        "file_key": key, "channel": "mt", "name": "event.jpg", "content_type": "image/jpeg", "bytes": 81_920,
        "width": 1000, "height": 640, "created_at": "2026-03-11T01:30:00.000Z",
    });
    let refusals = [Problem::TooSlow, Problem::TooLarge, Problem::NotBytes];
    let uploaded = one::<FileTold>(told.clone()).asking_for_bytes().refusing(&refusals);
    paths.add(Scope::Read, page::<FileTold>(told.clone()), routes!(files::list));
    paths.add(Scope::Manage, uploaded, routes!(files::upload));
    paths.add(Scope::Read, one::<FileTold>(told), routes!(files::show));
    paths.add(Scope::Manage, one::<Done>(json!({"name": key})), routes!(files::remove));
}

fn audit<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let line = json!({
        "at": "2026-03-11T01:30:00.000Z", "actor": "hanbit-shop/2026", "kind": "sender_numbers",
        "subject": "MT/hanbit-shop/0234567890", "before": null, "after": {"number": "0234567890", "state": "requested"},
    });
    let lines = || page::<AuditTold>(line.clone()).or_document("text/csv");
    paths.add(Scope::Manage, lines(), routes!(audit::own));
    paths.add(Scope::Operate, lines(), routes!(audit::whole));
}

fn callbacks<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let uri = "https://shop.example/ims";
    let shown = json!({
        "uri": uri, "secrets": 1, "batch": null, "enabled_at": "2026-03-11T01:30:00.000Z", "disabled": null,
        "rest": null,
    });
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU";
    let with_secret = json!({
        "uri": uri, "secrets": 1, "batch": null, "enabled_at": "2026-03-11T01:30:00.000Z", "disabled": null,
        "rest": null,
        "secret": secret,
    });
    let dropped = json!({
        "uri": uri, "secrets": 1, "batch": null, "enabled_at": "2026-03-11T01:30:00.000Z",
    });
    let added = json!({
        "uri": uri, "secrets": 2, "batch": null, "enabled_at": "2026-03-11T01:30:00.000Z", "secret": secret,
    });
    let set = one::<Shown>(with_secret);
    let set = set.asking_for::<callback::Wish>(json!({"uri": uri})).refusing(&OF_BODY);
    let tried = json!({"delivered": true, "status": 204, "failure": null, "took_ms": 12});
    paths.add(Scope::Manage, one::<Shown>(shown.clone()), routes!(callback::show));
    paths.add(Scope::Manage, set, routes!(callback::set));
    paths.add(Scope::Manage, one::<Shown>(shown), routes!(callback::unset));
    paths.add(Scope::Manage, one::<Shown>(added), routes!(callback::add_secret));
    paths.add(Scope::Manage, one::<Shown>(dropped), routes!(callback::drop_secret));
    paths.add(Scope::Manage, one::<Trial>(tried), routes!(callback::test));
    let call = json!({
        "at": "2026-03-11T01:30:00.120Z", "sent_at": "2026-03-11T01:30:00.100Z", "took_ms": 20,
        "endpoint": "https://shop.example", "attempt": 1, "status": 503, "failure": null, "outcome": "again",
        "next_at": "2026-03-11T01:31:00.120Z", "replay": null,
    });
    let calls = Contract::of_list::<CallTold>(success(json!([call]))).refusing(&[Problem::StoreAway]);
    paths.add(Scope::Read, calls, routes!(calls::find));
}

fn keys<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let key =
        json!({"name": "2026-03", "expires_at": null, "networks": ["203.0.113.0/24"], "scopes": ["send", "report"]});
    let made = json!({"key": key, "secret": "told-once", "header": "aGFuYml0LXNob3A6dG9sZC1vbmNl"});
    let wish = json!({"name": "2026-03", "scopes": ["send", "report"], "networks": ["203.0.113.0/24"]});
    let issue = one::<NewKey>(made.clone()).asking_for::<keys::Wish>(wish).refusing(&OF_BODY);
    let rotate = json!({"name": "2026-04", "overlap_hours": 24});
    let rotate = one::<NewKey>(made).asking_for::<Rotation>(rotate).refusing(&OF_BODY);
    paths.add(Scope::Manage, list::<Key>(key), routes!(keys::list));
    paths.add(Scope::Manage, issue, routes!(keys::issue));
    paths.add(Scope::Manage, rotate, routes!(keys::rotate));
    paths.add(Scope::Manage, one::<Done>(json!({"name": "2026-03"})), routes!(keys::revoke));
    let service = json!({"service_key": "IMSDEMO0SERVICEKEY0000000000000000000001", "active": true});
    let active = one::<Service>(service.clone()).asking_for::<Active>(json!({"active": true})).refusing(&OF_BODY);
    paths.add(Scope::Operate, list::<Service>(service.clone()), routes!(keys::services));
    paths.add(Scope::Operate, one::<Service>(service), routes!(keys::issue_service));
    paths.add(Scope::Operate, active, routes!(keys::activate));
}

fn users<G: Fn(Scope, Methods) -> Methods>(paths: &mut Paths<'_, G>) {
    let (at, password) = ("2026-03-11T01:30:00.000Z", "correct horse battery");
    let told = |login: &str, role: &str, changed_at: Option<&str>| {
        json!({
            "login": login, "role": role, "active": true, "created_at": at, "removed": false, "changed_at": changed_at,
        })
    };
    let made = |login, role, password: Option<&str>| {
        one::<WithPassword>(json!({"user": told(login, role, None), "password": password})).refusing(&OF_BODY)
    };
    let mut of = |scope, login, role, routes: [UtoipaMethodRouter<Arc<Door>>; 4]| {
        let [listed, new, changed, password] = routes;
        let wish = json!({"login": login, "role": role});
        let change = one::<UserTold>(told(login, role, None));
        let change = change.asking_for::<ChangedUser>(json!({"active": true})).refusing(&OF_BODY);
        let with_password = || made(login, role, Some("told-once"));
        paths.add(scope, page::<UserTold>(told(login, role, Some(at))), listed);
        paths.add(scope, with_password().asking_for::<NewUser>(wish), new);
        paths.add(scope, change, changed);
        paths.add(scope, with_password().asking_for::<NewPassword>(json!({})), password);
    };
    let of_customer = [routes!(users::list), routes!(users::make), routes!(users::change), routes!(users::password)];
    let of_operators = [
        routes!(users::operators),
        routes!(users::make_operator),
        routes!(users::change_operator),
        routes!(users::operator_password),
    ];
    of(Scope::Manage, "hana", "manager", of_customer);
    of(Scope::Operate, "kim", "operator", of_operators);
    let own = made("hana", "manager", None).asking_for::<OwnPassword>(json!({"password": password}));
    paths.add(Scope::Read, own, routes!(users::own_password));
}
