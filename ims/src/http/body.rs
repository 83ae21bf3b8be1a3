//! The body of a request, within its bounds.

use super::answer::Problem;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use http_body_util::LengthLimitError;
use std::{error::Error, time::Duration};

/// Reads it whole.
pub async fn read(body: Body, most: usize, within: Duration) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > most as u64 {
        return Err(Problem::TooLarge);
    }
    match tokio::time::timeout(within, to_bytes(body, most)).await {
        Err(_) => Err(Problem::TooSlow),
        Ok(Err(error)) if error.source().is_some_and(|cause| cause.is::<LengthLimitError>()) => Err(Problem::TooLarge),
        // It was cut: nobody is there to read the answer.
        Ok(Err(_)) => Err(Problem::TooSlow),
        Ok(Ok(body)) => Ok(body),
    }
}
