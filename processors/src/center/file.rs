//! Files that go with messages: what they are is told by their content, and their name has to fit it.
//!
//! Images of MMS: spec/mt.md §1, the sizes that every vendor takes. Nothing is ever unpacked or drawn: an image is judged
//! by its head, an archive is bytes.

use crate::{
    refusal::{Code, Refusal},
    rules::{
        field::{Field, top},
        text,
    },
};
use schemas::Channel;

/// Largest image of an MMS, bytes: 300 KB.
pub const IMAGE_BYTES: usize = 300 * 1024;
/// Its longest sides, pixels.
const PIXELS: usize = 1000;
/// Longest name, characters; of an image the shortest that a vendor takes.
const NAME: usize = 100;
const IMAGE_NAME: usize = 40;

/// Letters of a key: Crockford's, which nobody takes for others.
pub const KEY_LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a key that is made here: 130 random bits.
pub const KEY_LENGTH: usize = 26;

/// Whether a key is one that is made here, by its form: vendors have other ones.
pub fn is_own(key: &str) -> bool {
    key.len() == KEY_LENGTH && key.bytes().all(|letter| KEY_LETTERS.contains(&letter))
}

/// Whether a file that was uploaded for one channel goes with another: an image of an MMS is small enough for a mail.
pub fn goes_with(uploaded_for: Channel, channel: Channel) -> bool {
    uploaded_for == channel || channel == Channel::Em
}

/// What programs are by their content.
const PROGRAMS: [&str; 8] = [
    "application/vnd.microsoft.portable-executable",
    "application/x-executable",
    "application/java",
    "application/x-llvm",
    "application/x-mach-binary",
    "application/vnd.android.dex",
    "application/vnd.android.dey",
    "application/wasm",
];
/// What programs are by their name: mail servers refuse these, in archives too (support.google.com/mail/answer/6590).
const PROGRAM_ENDINGS: [&str; 39] = [
    "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe", "hta", "ins", "iso",
    "isp", "jar", "js", "jse", "lib", "lnk", "mde", "msc", "msi", "msix", "msp", "mst", "nsh", "pif", "ps1", "scr",
    "sct", "shb", "sys", "vb", "vbe", "vbs", "wsf",
];
/// Endings that promise a content which its first bytes tell.
const SURE: [&str; 7] = ["pdf", "png", "jpg", "gif", "zip", "7z", "rar"];

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// By its content, or for texts by its name.
    pub content_type: String,
    /// Width and height of an image of an MMS.
    pub pixels: Option<(u32, u32)>,
}

/// Looks at a file that is to go with messages of a channel, MT or EM.
pub fn look(channel: Channel, name: &str, bytes: &[u8]) -> Result<Look, Refusal> {
    let at = top("name");
    let longest = if channel == Channel::Mt { IMAGE_NAME } else { NAME };
    if text::is_blank(name) {
        return Err(Refusal::missing(&at, "a file"));
    }
    text::at_most(Code::BadRequest, &at, name, longest)?;
    text::one_line(&at, name)?;
    if name.contains(['/', '\\']) || name.trim_matches('.').is_empty() {
        return Err(Refusal::bad(&at, "allowed is a name without / and \\"));
    }
    if bytes.is_empty() {
        return Err(Refusal::bad(&top("file"), "got 0 bytes"));
    }
    if channel == Channel::Mt { image(bytes) } else { attachment(&at, name, bytes) }
}

/// An image of an MMS.
fn image(bytes: &[u8]) -> Result<Look, Refusal> {
    let at = top("file");
    if bytes.len() > IMAGE_BYTES {
        let got = bytes.len();
        return Err(Refusal::bad(&at, format_args!("got {got} bytes, an image of an MMS has at most {IMAGE_BYTES}")));
    }
    if !infer::image::is_jpeg(bytes) {
        return Err(Refusal::bad(&at, "an image of an MMS is a JPEG, by its content"));
    }
    let size = imagesize::blob_size(bytes).map_err(|_| Refusal::bad(&at, "its head is no JPEG's"))?;
    match (u32::try_from(size.width), u32::try_from(size.height)) {
        (Ok(width @ 1..), Ok(height @ 1..)) if size.width <= PIXELS && size.height <= PIXELS => {
            Ok(Look { content_type: "image/jpeg".into(), pixels: Some((width, height)) })
        }
        _ => {
            let reason = format_args!("got {} x {} pixels, at most {PIXELS} x {PIXELS}", size.width, size.height);
            Err(Refusal::bad(&at, reason))
        }
    }
}

/// What goes with a mail.
fn attachment(at: &Field<'_>, name: &str, bytes: &[u8]) -> Result<Look, Refusal> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.trim().to_lowercase()).unwrap_or_default();
    let ending = if ending == "jpeg" { "jpg" } else { &ending };
    if PROGRAM_ENDINGS.contains(&ending) {
        return Err(Refusal::bad(at, "programs are not taken: mail servers refuse them"));
    }
    if SURE.contains(&ending) && !infer::is(bytes, ending) {
        return Err(Refusal::bad(at, format_args!("its ending is that of {ending}, its content is not")));
    }
    if is_text(bytes) {
        return Ok(Look { content_type: of_text(ending).into(), pixels: None });
    }
    if matches!(ending, "html" | "htm") {
        return Err(Refusal::bad(&top("file"), "HTML is text in UTF-8"));
    }
    let content_type = infer::get(bytes).map_or("application/octet-stream", |kind| kind.mime_type());
    if PROGRAMS.contains(&content_type) {
        return Err(Refusal::bad(&top("file"), "it is a program: mail servers refuse them"));
    }
    Ok(Look { content_type: content_type.into(), pixels: None })
}

/// Whether it is text in UTF-8, by its content.
fn is_text(bytes: &[u8]) -> bool {
    let plain = |character: char| !character.is_control() || matches!(character, '\t' | '\r' | '\n' | '\u{c}');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

fn of_text(ending: &str) -> &'static str {
    match ending {
        "html" | "htm" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "ics" => "text/calendar; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The head of a JPEG of this size: start, a frame of 8 bits and 3 components, end.
    fn jpeg(width: u16, height: u16) -> Vec<u8> {
        let app0 = [&[0xff, 0xd8, 0xff, 0xe0, 0, 16][..], b"JFIF\0", &[1, 1, 0, 0, 1, 0, 1, 0, 0]].concat();
        let frame = [&[0xff, 0xc0, 0, 17, 8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[3; 10]].concat();
        [app0, frame, vec![0xff, 0xd9]].concat()
    }

    fn told(channel: Channel, name: &str, bytes: &[u8]) -> Result<String, String> {
        look(channel, name, bytes).map(|look| look.content_type).map_err(|refusal| refusal.message)
    }

    fn mms(bytes: &[u8]) -> Result<String, String> {
        told(Channel::Mt, "event.jpg", bytes)
    }

    #[test]
    fn an_image_of_an_mms_is_a_small_jpeg_by_its_content() {
        let look = look(Channel::Mt, "event.png", &jpeg(1000, 640)).unwrap();
        assert_eq!((look.pixels, &*look.content_type), (Some((1000, 640)), "image/jpeg"), "whatever its name says");
        let padded = |bytes: usize| [jpeg(10, 10), vec![0; bytes - jpeg(10, 10).len()]].concat();
        assert!(mms(&padded(IMAGE_BYTES)).is_ok());
        assert!(mms(&padded(IMAGE_BYTES + 1)).unwrap_err().starts_with("file: got 307201 bytes"));
        assert_eq!(mms(&jpeg(1001, 10)).unwrap_err(), "file: got 1001 x 10 pixels, at most 1000 x 1000");
        // A picture that would fill gigabytes once it is drawn.
        assert!(mms(&jpeg(65_535, 65_535)).unwrap_err().contains("pixels"));
        assert!(mms(&jpeg(0, 10)).is_err());
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x0a\0\0\0\x0a";
        for other in [&png[..], b"GIF89a", b"<html>", b"\xff\xd8", b"%PDF-1.7"] {
            assert!(mms(other).unwrap_err().contains("is a JPEG"), "{other:?}");
        }
        assert!(mms(b"\xff\xd8\xff").is_err() && mms(&jpeg(10, 10)[..24]).is_err(), "cut");
    }

    fn mail(name: &str, bytes: &[u8]) -> Result<String, String> {
        told(Channel::Em, name, bytes)
    }

    #[test]
    fn an_attachment_is_what_its_content_is() {
        for (name, bytes, content_type) in [
            ("a.pdf", &b"%PDF-1.7\n\xff"[..], "application/pdf"),
            ("a.PNG", b"\x89PNG\r\n\x1a\n\0", "image/png"),
            ("a.jpeg", &jpeg(9000, 9000), "image/jpeg"),
            ("a", b"PK\x03\x04\0\0", "application/zip"),
            ("a.html", "<p>안녕</p>".as_bytes(), "text/html; charset=utf-8"),
            ("표.csv", "MZ세대,10\r\n".as_bytes(), "text/csv; charset=utf-8"),
            ("a.txt", b"x", "text/plain; charset=utf-8"),
            ("a.csv", b"\xb0\xa1,\x00", "application/octet-stream"),
        ] {
            assert_eq!(mail(name, bytes).as_deref(), Ok(content_type), "{name}");
        }
    }

    #[test]
    fn a_name_that_promises_something_else_is_refused() {
        for name in ["a.pdf", "a.png", "a.jpg", "a.JPEG", "a.gif", "a.zip"] {
            assert!(mail(name, b"<script>").unwrap_err().contains("its content is not"), "{name}");
        }
        assert!(mail("a.html", b"\xff\xfe<").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn programs_are_refused_by_name_and_by_content() {
        for name in ["a.exe", "a.pdf.js", "a.SCR", "a.vbs ", "a.lnk"] {
            assert!(mail(name, b"x").unwrap_err().contains("programs"), "{name}");
        }
        let elf = [&b"\x7fELF"[..], &[0xff; 60]].concat();
        for program in [&b"MZ\x90\0\xff"[..], &elf, b"\0asm\x01\0\0\0\xff"] {
            assert!(mail("report", program).unwrap_err().contains("program"), "{program:?}");
        }
    }

    #[test]
    fn names_lead_nowhere() {
        for name in ["", " ", ".", "..", "../a.txt", "a/b.txt", "a\\b.txt", "a\0.txt", "a\r\nb.txt", &"가".repeat(101)]
        {
            assert!(mail(name, b"x").unwrap_err().starts_with("name: "), "{name:?}");
        }
        assert!(mail(&format!("{}.txt", "가".repeat(96)), b"x").is_ok());
        assert!(told(Channel::Mt, &"a".repeat(41), &jpeg(1, 1)).unwrap_err().starts_with("name: "));
        assert!(mail("a.txt", b"").unwrap_err().contains("0 bytes"));
    }

    proptest! {
        #[test]
        fn no_content_panics(name in "\\PC{0,12}", mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = look(Channel::Em, &name, &bytes);
            let _ = look(Channel::Mt, &name, &bytes);
            bytes.splice(0..0, [0xff, 0xd8, 0xff]);
            if let Ok(Look { pixels, .. }) = look(Channel::Mt, "a.jpg", &bytes) {
                let (width, height) = pixels.unwrap();
                prop_assert!((1..=1000).contains(&width) && (1..=1000).contains(&height));
            }
        }
    }
}
