//! Statistics in the words of SPEC §5.

use super::Group;
use schemas::{Channel, MessageType};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Messages of a type that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Counts {
    /// Success, fail, and those that the customer cancelled.
    pub total: i64,
    /// Delivered.
    pub success: i64,
    /// Failed, expired and uncertain ones.
    pub fail: i64,
}

/// By type: AT, SMS, …, PUSH, EMAIL.
pub type Types = BTreeMap<&'static str, Counts>;

/// All channels; null where nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = Statistics)]
pub struct Whole {
    /// Email.
    #[schema(value_type = Option<BTreeMap<String, Counts>>, required = true)]
    pub email: Option<Types>,
    /// 알림톡, 친구톡, 브랜드톡.
    #[schema(value_type = Option<BTreeMap<String, Counts>>, required = true)]
    pub kakao: Option<Types>,
    /// Text messages.
    #[schema(value_type = Option<BTreeMap<String, Counts>>, required = true)]
    pub mt: Option<Types>,
    /// App push.
    #[schema(value_type = Option<BTreeMap<String, Counts>>, required = true)]
    pub push: Option<Types>,
}

impl Whole {
    /// Adds what ended on a day. RCS has no place here.
    pub fn add(&mut self, channel: Channel, message_type: MessageType, counts: Counts) {
        let types = match Group::with(channel) {
            None => return,
            Some(Group::Email) => &mut self.email,
            Some(Group::Kakao) => &mut self.kakao,
            Some(Group::Mt) => &mut self.mt,
            Some(Group::Push) => &mut self.push,
        };
        let sum = types.get_or_insert_default().entry(Group::name(message_type)).or_default();
        sum.total += counts.total;
        sum.success += counts.success;
        sum.fail += counts.fail;
    }

    /// One group, all types or one; empty when nothing was sent.
    pub fn group(self, group: Group, only: Option<MessageType>) -> Types {
        let types = match group {
            Group::Email => self.email,
            Group::Kakao => self.kakao,
            Group::Mt => self.mt,
            Group::Push => self.push,
        };
        let mut types = types.unwrap_or_default();
        if let Some(only) = only {
            types.retain(|name, _| *name == Group::name(only));
        }
        types
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    fn whole() -> Whole {
        let mut whole = Whole::default();
        let counts = Counts { total: 100, success: 98, fail: 1 };
        whole.add(Channel::At, MessageType::At, counts);
        whole.add(Channel::At, MessageType::At, counts);
        whole.add(Channel::Ft, MessageType::Fw, counts);
        whole.add(Channel::Em, MessageType::Em, counts);
        whole.add(Channel::Rc, MessageType::Rcssms, counts);
        whole
    }

    #[test]
    fn channels_without_messages_are_null() {
        let one = json!({"total": 100, "success": 98, "fail": 1});
        assert_eq!(
            to_value(whole()).unwrap(),
            json!({
                "email": {"EMAIL": one},
                "kakao": {"AT": {"total": 200, "success": 196, "fail": 2}, "FW": one},
                "mt": null,
                "push": null,
            })
        );
    }

    #[test]
    fn a_group_has_its_types_or_the_one_that_was_asked_for() {
        let names = |group, only| whole().group(group, only).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Group::Kakao, None), ["AT", "FW"]);
        assert_eq!(names(Group::Kakao, Some(MessageType::Fw)), ["FW"]);
        assert_eq!(names(Group::Kakao, Some(MessageType::Ai)), [""; 0]);
        assert_eq!(names(Group::Mt, None), [""; 0]);
    }
}
