//! Templates as customers register them: held against the rules of their channel before anybody sends one.

use super::variables;
use crate::{
    reference::{Approval, Customer, Reference, Template},
    refusal::{Code, Refusal},
    rules::{
        alimtalk, brand,
        field::{Field, top},
        fill,
        link::TEMPLATE_LINK,
        mail, push,
        room::Room,
        text, text_message,
        variables::Values,
    },
};
use schemas::{Channel, Content, Family, MessageType};
use std::collections::BTreeMap;

/// Longest code, characters (SPEC §3).
const LONGEST_CODE: usize = 30;

/// Whether somebody outside inspects templates of this channel before they may be sent.
pub const fn is_inspected(channel: Channel) -> bool {
    matches!(channel, Channel::At | Channel::Ft | Channel::Bt | Channel::Rc)
}

/// The state of a template that its customer registers, or changes: Kakao keeps what it has approved as it is, what it
/// has not is inspected again; of other channels nobody inspects, and what an operator has stopped stays so.
pub fn state(before: Option<&Template>, channel: Channel) -> Result<Approval, Refusal> {
    let before = before.map(|template| template.state);
    match (is_inspected(channel), before) {
        (true, None | Some(Approval::Requested | Approval::Rejected)) => Ok(Approval::Requested),
        (true, Some(state)) => {
            let word = super::inspection::word(state);
            let reason = format_args!("{word}: what was inspected stays as it is; register another template_code");
            Err(Refusal::new(Code::WrongState, &top("state"), reason))
        }
        (false, Some(Approval::Stopped)) => Ok(Approval::Stopped),
        (false, _) => Ok(Approval::Approved),
    }
}

/// Whether its customer may take it out: not what an operator has stopped. It would be in force again when it is registered
/// under the same code: at once, or because Kakao has approved the same.
pub fn may_go(template: &Template) -> Result<(), Refusal> {
    if template.state != Approval::Stopped {
        return Ok(());
    }
    Err(Refusal::new(Code::WrongState, &top("state"), "stopped: what an operator has stopped stays"))
}

/// Holds a template against everything that its channel says, its variables filled with something short, and finds these.
/// `message_type` is what it is meant for; brand messages need it, of others the plain one is taken.
pub fn check(
    template: &Template,
    message_type: Option<MessageType>,
    customer: &Customer,
    reference: &Reference,
) -> Result<Vec<String>, Refusal> {
    code(&top("template_code"), &template.code)?;
    let found = variables::of(template)?;
    let filling =
        |name: &String| (name.clone(), if found.links.contains(name) { "https://example.com" } else { "1" }.to_owned());
    let filling: BTreeMap<String, String> = found.names.iter().map(filling).collect();
    let none = BTreeMap::new();
    let room = Room::default();
    let values = Values([&filling, &none, &none], &room);
    let mut content = content(template);
    let at = Field::REQUEST;
    text::without_nul(&at, content.text_where(&text::has_nul))?;
    fill::content(&at, &mut content, &values, &values)?;
    let with_title = text::given(&content.title).is_some();
    match template.channel {
        Channel::At => alimtalk::check(&at, &content)?,
        Channel::Ft => {
            let image = content.attachment.as_ref().is_some_and(|attachment| attachment.image.is_some());
            let plain = if image { MessageType::Fi } else { MessageType::Ft };
            brand::check(&at, message_type.unwrap_or(plain), &content, TEMPLATE_LINK)?;
        }
        Channel::Bt => {
            let of = message_type.ok_or_else(|| Refusal::missing(&top("message_type"), "a template of BT"))?;
            brand::check(&at, of, &content, TEMPLATE_LINK)?;
        }
        Channel::Mt => {
            // An MMS brings its images when it is sent; its texts are an LMS's.
            let of = match message_type {
                Some(MessageType::Mms) => MessageType::Lms,
                Some(of) => of,
                None if with_title => MessageType::Lms,
                None => text_message::fitting(content.message.as_deref().unwrap_or_default()),
            };
            let title_bytes = reference.title_bytes(Family::of(Channel::Mt, message_type.unwrap_or(of)));
            text_message::check(&at, of, &mut content, false, customer.unencodable, title_bytes)?;
        }
        Channel::Pu => push::check(&at, &content)?,
        Channel::Em => mail::check(&at, &content)?,
        Channel::Rc => return Err(Refusal::bad(&top("channel"), "templates of RCS are registered at its platform")),
    }
    Ok(found.names)
}

/// Names of the variables of a template; none of one that has what looks like a variable and is none.
pub fn variables(template: &Template) -> Option<Vec<String>> {
    variables::of(template).ok().map(|found| found.names)
}

/// A code stands in paths.
pub fn code(at: &Field<'_>, code: &str) -> Result<(), Refusal> {
    if code.is_empty() {
        return Err(Refusal::missing(at, "a template"));
    }
    text::at_most(Code::BadRequest, at, code, LONGEST_CODE)?;
    match code.chars().position(|c| !c.is_ascii_alphanumeric() && !"._-".contains(c)) {
        None => Ok(()),
        Some(at_character) => Err(Refusal::bad(
            at,
            format_args!("character {}: letters, digits, '.', '_' and '-' are allowed", at_character + 1),
        )),
    }
}

/// As a message that says what the template says. What a message brings itself is something that passes.
fn content(template: &Template) -> Content {
    let Template { message, title, header, html, attachment, supplement, .. } = template.clone();
    Content {
        message: (!message.is_empty()).then_some(message),
        title,
        header,
        html,
        attachment: attachment.map(Box::new),
        supplement: supplement.map(Box::new),
        from_email: (template.channel == Channel::Em).then(|| "a@example.com".to_owned()),
        ..Content::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixtures::vendor,
        reference::{Seed, Vendor},
    };
    use schemas::{Attachment, Button, Image};

    fn template(channel: Channel) -> Template {
        Template {
            code: "order_sent-1.2".into(),
            channel,
            message: "#{이름}님의 주문 #{번호}이 발송되었습니다.".into(),
            ..Template::default()
        }
    }

    fn told(template: &Template, message_type: Option<MessageType>) -> Result<Vec<String>, (Code, String)> {
        told_with(template, message_type, Vec::new())
    }

    fn told_with(
        template: &Template,
        message_type: Option<MessageType>,
        vendors: Vec<Vendor>,
    ) -> Result<Vec<String>, (Code, String)> {
        let reference = Reference::new(Seed { vendors, ..Seed::default() }).unwrap();
        let found = check(template, message_type, &Customer::default(), &reference);
        found.map_err(|refusal| (refusal.code, refusal.message))
    }

    fn with_link(url: &str) -> Template {
        let button = Button {
            r#type: "WL".into(),
            name: Some("주문 보기".into()),
            url_mobile: Some(url.into()),
            ..Button::default()
        };
        let attachment = Attachment { button: vec![button], ..Attachment::default() };
        Template { attachment: Some(attachment), ..template(Channel::At) }
    }

    #[test]
    fn a_template_of_each_channel_passes_and_tells_its_variables() {
        let names = Ok(vec!["번호".to_owned(), "이름".to_owned()]);
        for channel in [Channel::At, Channel::Ft, Channel::Mt, Channel::Pu] {
            assert_eq!(told(&template(channel), None), names, "{channel}");
        }
        assert_eq!(told(&template(Channel::Bt), Some(MessageType::Text)), names);
        assert_eq!(told(&Template { title: Some("주문".into()), ..template(Channel::Em) }, None), names);
        for url in ["https://example.com/#{번호}", "#{주소}", "#{주소}/#{번호}"] {
            assert!(told(&with_link(url), None).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_title_that_no_vendor_would_take_is_refused_now() {
        let titled = |bytes| Template { title: Some("a".repeat(bytes)), ..template(Channel::Mt) };
        let short = || vec![Vendor { title_bytes: 40, ..vendor("short", 1) }];
        assert!(told(&titled(50), None).is_ok() && told_with(&titled(40), None, short()).is_ok());
        for of in [None, Some(MessageType::Mms)] {
            assert_eq!(told_with(&titled(41), of, short()).unwrap_err().0, Code::TooLong);
        }
    }

    #[test]
    fn what_its_channel_would_refuse_is_refused_now() {
        let long = |channel, length| Template { message: "가".repeat(length), ..template(channel) };
        assert!(told(&long(Channel::At, 1000), None).is_ok());
        assert_eq!(told(&long(Channel::At, 1001), None).unwrap_err().0, Code::TooLong);
        assert!(told(&long(Channel::Mt, 1000), None).is_ok(), "an LMS");
        assert_eq!(told(&long(Channel::Mt, 46), Some(MessageType::Sms)).unwrap_err().0, Code::TooLong);
        assert!(told(&long(Channel::Mt, 46), Some(MessageType::Mms)).is_ok());
        assert_eq!(told(&template(Channel::Em), None).unwrap_err().0, Code::Missing);
        assert_eq!(
            told(&template(Channel::Bt), None).unwrap_err().1,
            "message_type: missing, a template of BT needs it"
        );
        assert_eq!(told(&long(Channel::At, 0), None).unwrap_err().0, Code::Missing);
        assert!(told(&with_link("ftp://example.com"), None).is_err());
        let cut_short =
            Template { html: Some("<p>\0</p>".into()), title: Some("주문".into()), ..template(Channel::Em) };
        assert!(told(&cut_short, None).unwrap_err().1.starts_with("html: has the character U+0000"));
        assert!(told(&template(Channel::Rc), None).is_err());
        let image = Image { img_url: "https://example.com/a.jpg".into(), ..Image::default() };
        let picture = Attachment { image: Some(Box::new(image)), ..Attachment::default() };
        assert!(told(&Template { attachment: Some(picture), ..template(Channel::Ft) }, None).is_ok(), "an FI");
    }

    #[test]
    fn a_code_can_stand_in_a_path() {
        for wrong in ["", "가", "a/b", "a b", &"x".repeat(31)] {
            assert!(code(&top("template_code"), wrong).is_err(), "{wrong}");
        }
        assert_eq!(code(&top("template_code"), &"x".repeat(30)), Ok(()));
    }

    #[test]
    fn what_was_inspected_stays_as_it_is() {
        let of = |state| Template { state, ..Template::default() };
        let next =
            |before: Option<Approval>, channel| state(before.map(of).as_ref(), channel).map_err(|refusal| refusal.code);
        for inspected in [Channel::At, Channel::Ft, Channel::Bt] {
            for before in [None, Some(Approval::Requested), Some(Approval::Rejected)] {
                assert_eq!(next(before, inspected), Ok(Approval::Requested), "{before:?}");
            }
            for before in [Approval::Approved, Approval::Stopped, Approval::Dormant] {
                assert_eq!(next(Some(before), inspected), Err(Code::WrongState), "{before:?}");
            }
        }
        assert_eq!(next(None, Channel::Mt), Ok(Approval::Approved));
        assert_eq!(next(Some(Approval::Approved), Channel::Em), Ok(Approval::Approved));
        assert_eq!(next(Some(Approval::Stopped), Channel::Pu), Ok(Approval::Stopped));
        // Nor is it taken out and begun anew.
        let goes = |state, channel| may_go(&Template { channel, ..of(state) }).map_err(|refusal| refusal.code);
        assert_eq!(goes(Approval::Stopped, Channel::Mt), Err(Code::WrongState));
        assert_eq!(goes(Approval::Approved, Channel::Mt), Ok(()));
        assert_eq!(goes(Approval::Stopped, Channel::At), Err(Code::WrongState), "Kakao may have approved it");
        assert_eq!(goes(Approval::Rejected, Channel::At), Ok(()));
    }
}
