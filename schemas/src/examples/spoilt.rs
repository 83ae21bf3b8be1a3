//! Bytes that are nearly right.

/// What is put in: what ends, opens and escapes things somewhere, and bytes that are no text.
const PUT_IN: &[u8] = b"\0\t\r\n \"#$%&'()*+,-./:;<=>?@[\\]^{|}~0A\x7f\x80\xc2\xff";

/// Many of what is nearly one of these: bytes exchanged, put in, taken out, doubled, cut off. They are the same each
/// time; 2,000 of them, or 1,000,000 with `IMS_TEST_FULL`. Everything that reads bytes of others is held against them.
pub fn spoilt(good: &[&[u8]]) -> impl Iterator<Item = Vec<u8>> {
    let many = if std::env::var_os("IMS_TEST_FULL").is_some() { 1_000_000 } else { 2_000 };
    (0..many).map(move |n| one(good[n % good.len()], n as u64))
}

fn one(good: &[u8], n: u64) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let mut state = n;
    // SplitMix64: the same everywhere, and without a crate.
    let mut draw = |below: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    };
    for _ in 0..=draw(3) {
        let at = draw(bytes.len() + 1);
        match draw(6) {
            0 if at < bytes.len() => bytes[at] = draw(256) as u8,
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            3 => {
                let part = bytes[at..].to_vec();
                bytes.extend(part);
            }
            4 => drop(bytes.splice(at..at, std::iter::repeat_n(PUT_IN[draw(PUT_IN.len())], 1 + draw(40)))),
            _ => bytes.insert(at, PUT_IN[draw(PUT_IN.len())]),
        }
    }
    bytes
}
