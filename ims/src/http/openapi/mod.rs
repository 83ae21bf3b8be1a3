//! The description of the door, OpenAPI 3.1. Routes are added to an [`Api`], which takes none without its description.

mod components;
mod contract;
mod page;
mod serve;
mod words;

pub use components::request;
pub use contract::Contract;
pub use serve::routes as serve;
pub use words::{Channels, Message, parameter, service_key};

use axum::Router;
use axum::routing::MethodRouter;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::Paths;
use utoipa_axum::router::UtoipaMethodRouter;

/// Where components stand in the document.
const SCHEMAS: &str = "#/components/schemas/";

/// Routes with their descriptions.
pub struct Api<S> {
    router: Router<S>,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Without a route.
    pub fn new() -> Self {
        Self { router: Router::new(), paths: Map::new(), schemas: Map::new() }
    }

    /// Adds what `routes!(…)` has made of handlers; `contract` is what they are asked and answer, and `before` what
    /// stands before them.
    pub fn route(
        mut self,
        contract: Contract,
        (schemas, paths, methods): UtoipaMethodRouter<S>,
        before: impl FnOnce(MethodRouter<S>) -> MethodRouter<S>,
    ) -> Self {
        for (name, schema) in schemas.into_iter().chain(contract.schemas()) {
            self.schemas.insert(name, to_value(schema));
        }
        let methods = before(methods);
        for (path, described) in operations(paths) {
            self.router = self.router.route(&path, methods.clone());
            let known = self.paths.entry(path).or_insert_with(|| json!({}));
            for (method, mut operation) in described {
                contract.complete(&mut operation);
                known[&method] = operation;
            }
        }
        self
    }

    /// The routes alone.
    pub fn into_router(self) -> Router<S> {
        self.router
    }

    /// The document.
    pub fn into_document(self) -> Value {
        let mut components = components::of_all();
        if let Some(schemas) = components["schemas"].as_object_mut() {
            schemas.extend(self.schemas);
        }
        json!({
            "openapi": "3.1.0",
            "info": components::info(),
            "servers": [{"url": "/"}],
            "paths": self.paths,
            "components": components,
        })
    }
}

/// By path and method.
fn operations(paths: Paths) -> impl Iterator<Item = (String, Map<String, Value>)> {
    paths.paths.into_iter().map(|(path, item)| match to_value(item) {
        Value::Object(methods) => (path, methods),
        _ => (path, Map::new()),
    })
}

/// Types of OpenAPI are maps with names as keys: they always make JSON.
fn to_value(of: impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
