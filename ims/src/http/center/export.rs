//! All of a list as CSV, part by part: a part is asked for when the one before was taken.

use super::{
    csv::{self, Line, Part},
    page::Filling,
};
use crate::http::{
    activity::PIECE_BYTES,
    answer::{Problem, ToldCode},
    shares::{Share, Shares},
};
use axum::{
    body::Body,
    http::{
        HeaderValue,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::Response,
};
use bytes::Bytes;
use processors::refusal::Code;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Rows of one question of an export.
pub const PAGE: u32 = 1000;
/// Exports under way in this process; more are told to come again.
const EXPORTS: usize = 4;
/// How long an export waits for its reader to take the next part.
const WAITS: Duration = Duration::from_secs(30);

/// Places for exports.
pub struct Exports(Shares<Arc<str>>);

impl Default for Exports {
    fn default() -> Self {
        Self(Shares::half(EXPORTS))
    }
}

impl Exports {
    /// One of them, until it is dropped.
    pub fn place(&self, whose: &Arc<str>) -> Option<Share<Arc<str>>> {
        self.0.take(Arc::clone(whose))
    }
}

/// A document of this name, of the rows behind a place; `more` tells some of them.
pub async fn export<T, B, F>(
    places: &Exports,
    whose: &Arc<str>,
    name: &str,
    behind: Option<B>,
    more: impl Fn(Option<B>) -> F + Send + 'static,
) -> Result<Response, Problem>
where
    T: Line + Serialize + Send + 'static,
    B: Clone + Send + 'static,
    F: Future<Output = Result<Filling<T, B>, Problem>> + Send,
{
    let place = places.place(whose).ok_or(Problem::TooMany)?;
    // The first before anything is answered: a store that is away is told as such.
    let mut rows = more(behind).await?;
    let (to, parts) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let mut text = csv::head::<T>();
        loop {
            let (items, last) = rows.part();
            text.extend(csv::rows(items.into_iter()));
            let mut part = Bytes::from(std::mem::take(&mut text));
            while !part.is_empty() {
                let piece = part.split_to(part.len().min(PIECE_BYTES));
                let sent = tokio::time::timeout(WAITS, to.send(Part::Rows(piece))).await;
                // Whoever reads no more is cut, and so is whoever is left.
                let Ok(Ok(())) = sent else { return };
            }
            if last.is_none() {
                drop(to.send(Part::End).await);
                return;
            }
            rows = match more(last).await {
                Ok(rows) => rows,
                Err(problem) => {
                    tracing::warn!(?problem, "an export is cut");
                    return;
                }
            };
        }
    });
    Ok(document(name, Body::new(csv::Parts(parts))))
}

/// Rows that are all there already.
pub fn whole<T: Line>(name: &str, items: Vec<T>) -> Response {
    let text = [csv::head::<T>(), csv::rows(items.into_iter())].concat();
    document(name, Body::from(text))
}

fn document(name: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response.extensions_mut().insert(ToldCode(Code::Success.as_str().into()));
    response
}
