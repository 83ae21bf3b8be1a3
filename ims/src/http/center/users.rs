//! Users: people, by login name and password (docs/center.md).

use super::{
    page::Page,
    params::{Changed, OneUser, Own},
    senders::{Asked, nobodys},
};
use crate::{
    http::{
        answer::Answer,
        gate::Caller,
        routes::Door,
        stop::{Stop, Told},
        words::Words,
    },
    moment::iso,
    secret,
};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri},
};
use connectors::reference::{Listed, Which};
use jiff::Timestamp;
use processors::{
    access::{SecretHash, user},
    reference::{Role, User},
    refusal::{Code, Refusal},
    rules::field::top,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserTold {
    /// Login name.
    pub login: String,
    /// operator, manager or reader.
    pub role: &'static str,
    /// Whether it is let in.
    pub active: bool,
    /// When it was made.
    #[schema(required = true)]
    pub created_at: Option<String>,
    /// Whether it was removed; told where changes are asked for.
    pub removed: bool,
    /// When it was changed last.
    #[schema(required = true)]
    pub changed_at: Option<String>,
}

impl From<&User> for UserTold {
    fn from(user: &User) -> Self {
        Self {
            login: user.login.clone(),
            role: user.role.as_str(),
            active: user.active,
            created_at: user.created_at.map(|at| iso(at.as_millisecond())),
            removed: false,
            changed_at: None,
        }
    }
}

impl From<Listed<User>> for UserTold {
    fn from(listed: Listed<User>) -> Self {
        let changed_at = listed.changed_at_ms.map(iso);
        Self { removed: listed.removed, changed_at, ..Self::from(&*listed.row) }
    }
}

/// A user, and the password that was made for it.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeUser)]
pub struct WithPassword {
    /// Who.
    pub user: UserTold,
    /// Told here and nowhere else; null when it was chosen.
    #[schema(required = true)]
    pub password: Option<String>,
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 small letters, digits, `.`, `_`, `-` and `@`; no other user has it.
    login: String,
    /// manager or reader, of a customer; reader when it is not said.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// 12 characters at least; one is made when it is not said.
    password: Option<String>,
}

/// What is to be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedUser {
    /// manager or reader, of a customer.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// Whether it is let in.
    active: Option<bool>,
}

/// A password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// 12 characters at least; one is made when it is not said.
    password: Option<String>,
}

/// A password that its user chooses.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPassword {
    /// 12 characters at least.
    password: String,
}

/// Whose users are meant.
enum Of {
    Customer(String),
    Operators,
}

impl Of {
    fn customer(caller: &Caller, service_key: &str) -> Result<Self, Refusal> {
        Ok(Self::Customer(caller.whose(service_key)?.username.clone()))
    }

    fn operators(caller: &Caller, service_key: &str) -> Result<Self, Refusal> {
        caller.whose(service_key).map(|_| Self::Operators)
    }

    fn username(&self) -> Option<&str> {
        match self {
            Self::Customer(username) => Some(username),
            Self::Operators => None,
        }
    }

    fn all(&self) -> Which {
        Which::of([("username", self.username().unwrap_or_default())])
    }

    fn one(&self, login: &str) -> Which {
        Which::of([("login", login), ("username", self.username().unwrap_or_default())])
    }
}

/// Whether a password may be chosen, if one was.
fn check(chosen: Option<&String>) -> Result<(), Refusal> {
    chosen.map_or(Ok(()), |chosen| user::password(&top("password"), chosen))
}

fn taken() -> Refusal {
    // Whose it is stays untold.
    Refusal::named(Code::Exists, "login", "another user has it")
}

impl Door {
    /// A chosen password, or one that is made, which is told; and its hash. Whatever can be refused was before.
    async fn fresh(&self, caller: &Caller, chosen: Option<String>) -> Result<(Option<String>, SecretHash), Stop> {
        let made = self.gate.hash(caller, move || match chosen {
            Some(chosen) => secret::hash_of(&chosen).map(|hash| (None, hash)),
            None => secret::secret_key().map(|(password, hash)| (Some(password), hash)),
        });
        Ok(made.await?)
    }

    async fn users(&self, caller: &Caller, uri: &Uri, list: &str, of: Of) -> Told<Page<UserTold>> {
        let asked = Asked::read(uri.query(), list)?;
        self.listed::<User, _>(caller, asked, of.all()).await
    }

    async fn make_user(&self, caller: &Caller, of: Of, wish: NewUser) -> Told<WithPassword> {
        let NewUser { login, role, password } = wish;
        user::login(&top("login"), &login)?;
        let of_customer = of.username().is_some();
        let role = role.unwrap_or(Role::least(of_customer));
        role.check(&top("role"), of_customer)?;
        check(password.as_ref())?;
        let now_ms = self.clock.now_ms();
        let new = User {
            login,
            username: of.username().map(str::to_owned),
            role,
            active: true,
            created_at: Timestamp::from_millisecond(now_ms).ok(),
            ..User::default()
        };
        user::may_make(&caller.key, &new, now_ms)?;
        let (which, told) = (Which::of([("login", &*new.login)]), UserTold::from(&new));
        if !self.rows::<User>(caller, which.clone()).await?.is_empty() {
            return Err(taken().into());
        }
        let (password, hash) = self.fresh(caller, password).await?;
        let new = User { hash, ..new };
        let owner = of.username().unwrap_or_default();
        let made = self.change(caller, owner, which, move |users: &mut Vec<User>| {
            if !users.is_empty() {
                return Err(taken());
            }
            users.push(new);
            Ok(())
        });
        made.await?;
        Ok(Answer::success(WithPassword { user: told, password }))
    }

    async fn change_user(&self, caller: &Caller, of: Of, login: &str, wish: ChangedUser) -> Told<UserTold> {
        let (by, now_ms) = (Arc::clone(&caller.key), self.clock.now_ms());
        let owner = of.username().unwrap_or_default();
        let changed = self.change(caller, owner, of.one(login), move |users: &mut Vec<User>| {
            let there = users.first_mut().ok_or_else(nobodys)?;
            user::change(there, wish.role, wish.active, &by, now_ms)?;
            Ok(UserTold::from(&*there))
        });
        Ok(Answer::success(changed.await?))
    }

    async fn exchange_password(
        &self,
        caller: &Caller,
        of: Of,
        login: &str,
        chosen: Option<String>,
    ) -> Told<WithPassword> {
        let (by, now_ms) = (Arc::clone(&caller.key), self.clock.now_ms());
        let own = caller.user.as_ref().is_some_and(|user| user.login == login);
        check(chosen.as_ref())?;
        // Who knows a user's password may do what it may.
        let may = move |there: &User| if own { Ok(()) } else { user::may_make(&by, there, now_ms) };
        let there = self.rows::<User>(caller, of.one(login)).await?;
        may(there.first().ok_or_else(nobodys)?)?;
        let (password, hash) = self.fresh(caller, chosen).await?;
        let owner = of.username().unwrap_or_default();
        let changed = self.change(caller, owner, of.one(login), move |users: &mut Vec<User>| {
            let there = users.first_mut().ok_or_else(nobodys)?;
            may(there)?;
            there.hash = hash;
            Ok(UserTold::from(&*there))
        });
        Ok(Answer::success(WithPassword { user: changed.await?, password }))
    }
}

/// Lists the customer's users, in the order of their last change.
#[utoipa::path(get, path = "/ims/{service_key}/users", operation_id = "users", tag = "users", params(Changed))]
pub async fn list(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<UserTold>> {
    door.users(&caller, &uri, "users", Of::customer(&caller, &service_key)?).await
}

/// Makes a user of the customer.
#[utoipa::path(post, path = "/ims/{service_key}/users", operation_id = "makeUser", tag = "users", params(Own))]
pub async fn make(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<WithPassword> {
    let wish = door.read(&headers, body).await?;
    door.make_user(&caller, Of::customer(&caller, &service_key)?, wish).await
}

/// Gives a user of the customer another role, or lets it in no more; keys that it made stay.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/users/{login}",
    operation_id = "changeUser",
    tag = "users",
    params(OneUser)
)]
pub async fn change(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, login)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<UserTold> {
    let wish = door.read(&headers, body).await?;
    door.change_user(&caller, Of::customer(&caller, &service_key)?, &login, wish).await
}

/// Gives a user of the customer another password.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/users/{login}/password",
    operation_id = "changePassword",
    tag = "users",
    params(OneUser)
)]
pub async fn password(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, login)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<WithPassword> {
    let NewPassword { password } = door.read(&headers, body).await?;
    door.exchange_password(&caller, Of::customer(&caller, &service_key)?, &login, password).await
}

/// Changes the caller's own password.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/own-password",
    operation_id = "changeOwnPassword",
    tag = "users",
    params(Own)
)]
pub async fn own_password(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<WithPassword> {
    let OwnPassword { password } = door.read(&headers, body).await?;
    caller.whose(&service_key)?;
    let reason = "is a program's: users alone have passwords";
    let user = caller.user.clone().ok_or_else(|| Refusal::named(Code::BadRequest, "x-ims-key", reason))?;
    let of = user.username.clone().map_or(Of::Operators, Of::Customer);
    door.exchange_password(&caller, of, &user.login, Some(password)).await
}

/// Lists the users who are operators, in the order of their last change; for operators.
#[utoipa::path(get, path = "/ims/{service_key}/operators", operation_id = "operators", tag = "users", params(Changed))]
pub async fn operators(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    uri: Uri,
) -> Told<Page<UserTold>> {
    door.users(&caller, &uri, "operators", Of::operators(&caller, &service_key)?).await
}

/// Makes a user who is an operator; for operators.
#[utoipa::path(post, path = "/ims/{service_key}/operators", operation_id = "makeOperator", tag = "users", params(Own))]
pub async fn make_operator(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words(service_key): Words<String>,
    headers: HeaderMap,
    body: Body,
) -> Told<WithPassword> {
    let wish = door.read(&headers, body).await?;
    door.make_user(&caller, Of::operators(&caller, &service_key)?, wish).await
}

/// Lets an operator in no more, or again; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/operators/{login}",
    operation_id = "changeOperator",
    tag = "users",
    params(OneUser)
)]
pub async fn change_operator(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, login)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<UserTold> {
    let wish = door.read(&headers, body).await?;
    door.change_user(&caller, Of::operators(&caller, &service_key)?, &login, wish).await
}

/// Gives an operator another password; for operators.
#[utoipa::path(
    put,
    path = "/ims/{service_key}/operators/{login}/password",
    operation_id = "changeOperatorPassword",
    tag = "users",
    params(OneUser)
)]
pub async fn operator_password(
    State(door): State<Arc<Door>>,
    Extension(caller): Extension<Caller>,
    Words((service_key, login)): Words<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Told<WithPassword> {
    let NewPassword { password } = door.read(&headers, body).await?;
    door.exchange_password(&caller, Of::operators(&caller, &service_key)?, &login, password).await
}
