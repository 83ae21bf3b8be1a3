//! What an error of librdkafka asks for.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Why something did not work, and of which sort the reason is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub sort: Sort,
    pub text: String,
}

/// Sorts of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// May work the next time.
    Passing,
    /// Another producer of the same transactional id took over, or the broker gave this one's transaction up.
    Fenced,
    /// Another member of the same name took over.
    Replaced,
    /// The group goes on without this member.
    Outside,
    /// Will not work until somebody changes something.
    Lasting,
}

impl Reason {
    pub fn passing(text: impl Into<String>) -> Self {
        Self { sort: Sort::Passing, text: text.into() }
    }

    pub fn outside(text: impl Into<String>) -> Self {
        Self { sort: Sort::Outside, text: text.into() }
    }

    /// The reason behind an error of `call`.
    pub fn of(call: &str, error: &KafkaError) -> Self {
        let code = error.rdkafka_error_code();
        Self { sort: code.map_or(Sort::Passing, sort_of), text: format!("{call}: {error}") }
    }
}

/// Sorts a code. Whatever is not known to last is tried again: the log says so each time.
pub fn sort_of(code: Code) -> Sort {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Sort::Fenced,
        Code::FencedInstanceId => Sort::Replaced,
        Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress | Code::AssignmentLost => {
            Sort::Outside
        }
        Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::InvalidCommitOffsetSize
        | Code::InvalidTransactionTimeout
        | Code::MessageSizeTooLarge
        | Code::OffsetMetadataTooLarge
        | Code::TopicAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::UnknownPartition
        | Code::UnknownTopic
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion => Sort::Lasting,
        _ => Sort::Passing,
    }
}

/// Whether the broker, or the way to it, is what failed.
pub fn is_away(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::Authentication
            | Code::BrokerNotAvailable
            | Code::BrokerTransportFailure
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            // A question to a broker that the cluster has just forgotten: the next one goes to another.
            | Code::DestroyBroker
            | Code::LeaderNotAvailable
            | Code::NetworkException
            | Code::NotCoordinator
            | Code::NotLeaderForPartition
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::Resolve
            | Code::SSL
            | Code::TimedOutQueue
            | Code::UnstableOffsetCommit
            | Code::WaitingForCoordinator
    )
}
