//! What priority a step gets: routing group, then pattern, then its lane; an ad is an ad whatever they say.

use crate::reference::{Pattern, Reference};
use schemas::{AcceptedView, Family, Lane, Topic};

/// Decides the priority of a step. AUTH where the family has none becomes REALTIME.
pub fn priority(view: &AcceptedView<'_>, family: Family, reference: &Reference) -> Lane {
    if view.ad {
        return Lane::Ad;
    }
    let group = reference.group(view.username, view.service_key).map(|group| group.priority);
    let pattern = || reference.patterns().iter().find(|pattern| fits(pattern, view)).map(|pattern| pattern.priority);
    match group.or_else(pattern).unwrap_or(view.lane) {
        Lane::Auth if !family.has_auth() => Lane::Realtime,
        priority => priority,
    }
}

/// Where a step of this priority goes: to a topic of its routing group's own, or to that of all.
pub fn topic(view: &AcceptedView<'_>, family: Family, priority: Lane, reference: &Reference) -> Topic {
    let own = reference.group(view.username, view.service_key).and_then(|group| group.topic(family, priority));
    own.unwrap_or_else(|| Topic::send(family, priority))
}

fn fits(pattern: &Pattern, view: &AcceptedView<'_>) -> bool {
    pattern.channel.is_none_or(|channel| channel == view.channel)
        && pattern.message_type.is_none_or(|message_type| message_type == view.message_type)
        && pattern.message_id_prefix.as_deref().is_none_or(|prefix| view.message_id.starts_with(prefix))
}
