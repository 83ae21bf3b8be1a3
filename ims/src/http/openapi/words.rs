//! What stands in paths and headers.

use crate::http::ask::CHANNELS;
use schemas::Lane;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Required, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

/// A parameter of text.
pub fn parameter(name: &str, found: ParameterIn, description: &str, schema: ObjectBuilder) -> Parameter {
    let required = if matches!(found, ParameterIn::Path) { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(found)
        .required(required)
        .description(Some(description))
        .schema(Some(schema.schema_type(Type::String)))
        .build()
}

/// What stands in every path.
pub fn service_key() -> Parameter {
    let schema = ObjectBuilder::new().pattern(Some("^[0-9A-Za-z]{40}$"));
    parameter("service_key", ParameterIn::Path, "Issued beforehand, 40 letters and digits.", schema)
}

/// A service key and a channel, with the headers of a request.
pub struct Channels;

impl IntoParams for Channels {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let channels = ObjectBuilder::new().enum_values(Some(CHANNELS.iter().map(|(word, _)| *word)));
        let lanes = ObjectBuilder::new().enum_values(Some(Lane::ALL.iter().map(|lane| lane.as_str())));
        let version = ObjectBuilder::new().enum_values(Some(["version-1"]));
        let key = "Of a request that is repeated: the same key and request, the same answer, for 24 hours.";
        let keys = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(130));
        let lane = "How urgent it is; without it REALTIME, and MASS for more than 100 receivers.";
        vec![
            service_key(),
            parameter("channel", ParameterIn::Path, "The channel.", channels),
            parameter("x-ims-lane", ParameterIn::Header, lane, lanes),
            parameter("idempotency-key", ParameterIn::Header, key, keys),
            parameter("x-ims-version", ParameterIn::Header, "The version of the contract.", version),
        ]
    }
}

/// A service key and a message_id.
pub struct Message;

impl IntoParams for Message {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new().min_length(Some(1));
        vec![service_key(), parameter("message_id", ParameterIn::Path, "As it was in the request.", id)]
    }
}
