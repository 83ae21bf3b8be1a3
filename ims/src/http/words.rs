//! The words of a path.

use super::answer::Problem;
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// What stands in a path; one that is no text leads nowhere.
pub struct Words<W>(pub W);

impl<S: Send + Sync, W: DeserializeOwned + Send> FromRequestParts<S> for Words<W> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(words)) => Ok(Self(words)),
            Err(_) => Err(Problem::NotFound),
        }
    }
}
