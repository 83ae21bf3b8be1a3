//! One message, all the way.

use crate::support::{CHAIN, Deployment, Expected, PATIENCE, load::request, simulator};
use schemas::{AnalyzeLog, Channel, History, Lane, State, Topic};

#[test]
fn an_alimtalk_of_any_producer_gets_its_report_its_row_of_history_and_its_event() {
    let Some(deployment) = Deployment::new(&simulator::everything_arrives(2)) else { return };
    let mut process = deployment.run("one", CHAIN);
    let request = request("at");
    deployment.append(&[deployment.record(Lane::Realtime, &request)]);

    let settled = deployment.settle(Expected { messages: 1, within: PATIENCE });
    let (id, report) = settled.ends.first_key_value().unwrap();
    assert_eq!((report.state, report.code.as_str()), (State::Delivered, "0000"));
    assert_eq!(report.message_id, request.message_id);

    let history = deployment.decoded::<History>([Topic::hist(Channel::At)]);
    let rows: Vec<_> = history.iter().map(|row| (row.track_id.as_str(), row.state)).collect();
    assert_eq!(rows, [(id.to_string().as_str(), State::Delivered)]);
    let events = deployment.decoded::<AnalyzeLog>([Topic::analyze_log()]);
    assert!(events.iter().any(|event| event.track_id == id.to_string() && event.state == State::Delivered));
    assert_eq!(settled.requests.len(), 1, "one request to one vendor");
    process.stop();
}
