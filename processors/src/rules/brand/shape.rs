//! The table of types: one row says what a type must and may have.

use schemas::MessageType;

/// Whether a text is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The type has no such text.
    None,
    /// May be there, with at most so many characters.
    Allowed(usize),
    /// Must be there, with at most so many characters.
    Needed(usize),
}

/// What a type is built around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Text alone.
    Text,
    /// An image.
    Image,
    /// A list of rows with images.
    WideItems,
    /// Products in a grid.
    Catalog,
    /// A video.
    Video,
    /// One product.
    Commerce,
    /// Cards of text.
    Feed,
    /// Cards of products.
    CommerceCards,
}

/// One row of the table. Lengths in characters.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub message: Presence,
    pub header: Presence,
    pub additional_content: Presence,
    pub body: Body,
    /// Parts of the attachment that it takes.
    pub parts: &'static [&'static str],
    /// Buttons, least and most; of a carousel, those of each card are in `card_buttons`.
    pub buttons: (usize, usize),
    pub buttons_beside_coupon: usize,
    pub card_buttons: (usize, usize),
    pub button_name: usize,
    pub coupon_description: usize,
    pub add_channel_first: bool,
}

const TEXT: Shape = Shape {
    message: Presence::Needed(1300),
    header: Presence::None,
    additional_content: Presence::None,
    body: Body::Text,
    parts: &["button", "coupon"],
    buttons: (0, 5),
    buttons_beside_coupon: 4,
    card_buttons: (0, 0),
    button_name: 14,
    coupon_description: 12,
    add_channel_first: true,
};

const IMAGE: Shape = Shape { body: Body::Image, parts: &["button", "coupon", "image"], ..TEXT };

const WIDE: Shape = Shape {
    message: Presence::Needed(76),
    buttons: (0, 2),
    buttons_beside_coupon: 2,
    button_name: 8,
    coupon_description: 18,
    add_channel_first: false,
    ..IMAGE
};

const WIDE_ITEM_LIST: Shape = Shape {
    message: Presence::None,
    header: Presence::Needed(20),
    body: Body::WideItems,
    parts: &["button", "coupon", "item"],
    ..WIDE
};

const PREMIUM_VIDEO: Shape = Shape {
    message: Presence::Allowed(76),
    header: Presence::Allowed(20),
    body: Body::Video,
    parts: &["button", "coupon", "video"],
    buttons: (0, 1),
    buttons_beside_coupon: 1,
    ..WIDE
};

const COMMERCE: Shape = Shape {
    message: Presence::None,
    additional_content: Presence::Allowed(34),
    body: Body::Commerce,
    parts: &["button", "coupon", "image", "commerce"],
    buttons: (1, 2),
    coupon_description: 12,
    ..WIDE
};

const CAROUSEL_FEED: Shape = Shape {
    message: Presence::None,
    body: Body::Feed,
    parts: &["carousel"],
    buttons: (0, 0),
    card_buttons: (1, 2),
    coupon_description: 12,
    ..WIDE
};

impl Shape {
    /// The row of a type. Types of other channels have none; TEXT's stands in for them.
    pub const fn of(message_type: MessageType) -> Self {
        match message_type {
            // The old 친구톡 kept its own length of text (SPEC §3).
            MessageType::Ft => Self { message: Presence::Needed(1000), ..TEXT },
            MessageType::Fi => Self { message: Presence::Needed(1000), ..IMAGE },
            MessageType::Image => IMAGE,
            MessageType::Fw | MessageType::Wide => WIDE,
            MessageType::WideItemList => WIDE_ITEM_LIST,
            MessageType::Catalog => Self { body: Body::Catalog, coupon_description: 12, ..WIDE_ITEM_LIST },
            MessageType::PremiumVideo => PREMIUM_VIDEO,
            MessageType::Commerce => COMMERCE,
            MessageType::CarouselFeed => CAROUSEL_FEED,
            MessageType::CarouselCommerce => Self { body: Body::CommerceCards, ..CAROUSEL_FEED },
            _ => TEXT,
        }
    }
}
