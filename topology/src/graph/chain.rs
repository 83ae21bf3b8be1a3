//! The chain, top to bottom. The picture in the README is drawn from it.

use super::{Builder, Role, Topology, WiringErrors};
use schemas::{
    Accepted, AnalyzeLog, Callback, Channel, Delayed, Dispatch, EndpointState, Family, History, Lane, OpenStep, Report,
    SendRequest, StepResult, Topic, topics::Ring,
};

/// Builds the chain, or tells every mistake in its wiring at once.
pub fn chain() -> Result<Topology, WiringErrors> {
    let mut chain = Builder::default();
    let reports = || Channel::ALL.iter().map(|&c| Topic::report(c));
    let history = || Channel::ALL.iter().map(|&c| Topic::hist(c));
    let rings = || Ring::ALL.into_iter().map(Topic::delay);
    let results = || Lane::ALL.iter().map(|&l| Topic::result(l));
    let sends = || Family::ALL.into_iter().flat_map(|f| Lane::ALL.iter().map(move |&p| Topic::send(f, p)));
    let recv = |lane| Channel::ALL.iter().map(move |&c| Topic::recv(c, lane));

    for &lane in Lane::ALL {
        chain
            .node(Role::Ingest, lane)
            .reads::<SendRequest>([Topic::api(lane)])
            .writes::<Accepted>(recv(lane))
            // An AUTH claim that is not granted goes on as REALTIME.
            .writes::<Accepted>(if lane == Lane::Auth { recv(Lane::Realtime).collect() } else { vec![] })
            // One that is granted is routed in the same transaction: a hop less on its way.
            .writes::<Dispatch>(if lane == Lane::Auth { sends().collect() } else { vec![] })
            .writes::<StepResult>(if lane == Lane::Auth { results().collect() } else { vec![] })
            .writes::<Report>(reports())
            .writes::<AnalyzeLog>([Topic::analyze_log()]);
        chain
            .node(Role::Router, lane)
            .reads::<Accepted>(recv(lane))
            .reads::<Accepted>([Topic::fallback(lane)])
            .writes::<Dispatch>(sends())
            .writes::<StepResult>(results());
        for sender in Role::SENDERS {
            chain
                .node(sender, lane)
                .reads::<Dispatch>(sender.families().iter().map(|&f| Topic::send(f, lane)))
                .writes::<StepResult>([Topic::result(lane)])
                .writes::<Delayed>(rings());
        }
        chain
            .node(Role::Outcome, lane)
            .reads::<StepResult>([Topic::result(lane)])
            .keeps::<OpenStep>(Topic::open(lane))
            .writes::<Report>(reports())
            .writes::<History>(history())
            .writes::<AnalyzeLog>([Topic::analyze_log()])
            .writes::<Accepted>([Topic::fallback(lane)])
            .writes::<Delayed>(rings());
    }
    // AUTH waits in a ring of its own: a million ads that fall due never stand before it.
    chain
        .node(Role::Delay, Lane::Auth)
        .reads::<Delayed>([Topic::delay(Ring::SecondsAuth)])
        .writes_due(sends().chain(results()))
        .writes::<Delayed>(rings());
    chain
        .node(Role::Delay, None)
        .reads::<Delayed>([Ring::Seconds, Ring::Minutes, Ring::Hours, Ring::Days].map(Topic::delay))
        .writes_due(sends().chain(results()).chain([Topic::callback()]))
        .writes::<Delayed>(rings());
    chain
        .node(Role::Callback, None)
        .reads::<Report>(reports())
        .reads::<Callback>([Topic::callback()])
        .keeps::<EndpointState>(Topic::endpoint())
        .writes::<AnalyzeLog>([Topic::analyze_log()])
        .writes::<Callback>([Topic::callback()])
        // A call that failed waits longer than the ring of seconds of AUTH reaches.
        .writes::<Delayed>([Ring::Seconds, Ring::Minutes, Ring::Hours, Ring::Days].map(Topic::delay));
    chain.node(Role::Store, None).reads::<History>(history()).into_store("history and statistics");
    chain.node(Role::Reports, None).reads::<Report>(reports()).into_store("newest report of each message");
    chain.node(Role::Analyzer, None).reads::<AnalyzeLog>([Topic::analyze_log()]).into_store("events and counters");
    chain.build()
}
