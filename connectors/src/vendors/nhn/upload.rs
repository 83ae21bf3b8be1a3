//! Uploads of images for MMS: 첨부 파일 업로드 of the SMS API.

use crate::vendors::Uploaded;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

/// Behind the product's address.
pub const PATH: &str = "/attachfile/binaryUpload";
/// What it calls a file that is none.
pub const NO_JPEG: &str = "-2003";
/// Longest name of a file.
const NAME_CHARS: usize = 45;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'f> {
    file_name: &'f str,
    file_body: String,
    create_user: &'static str,
}

/// What an upload is answered with.
#[derive(Deserialize)]
pub struct Answer {
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Body {
    data: Option<Given>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    file_id: i64,
}

/// An image as a request. The error says what is wrong with the file's name.
pub fn body(file_name: &str, image: &[u8]) -> Result<Vec<u8>, String> {
    let ends = file_name.ends_with(".jpg") || file_name.ends_with(".jpeg");
    if !ends || file_name.chars().count() > NAME_CHARS {
        return Err(format!("name the file ….jpg or ….jpeg, in at most {NAME_CHARS} characters"));
    }
    let file = File { file_name, file_body: BASE64_STANDARD.encode(image), create_user: "ims" };
    // Structs of strings always become JSON.
    Ok(serde_json::to_vec(&file).unwrap_or_default())
}

/// What came of it.
pub fn uploaded(answer: Answer) -> Result<Uploaded, String> {
    let given = answer.body.and_then(|body| body.data).ok_or("an answer without a file id")?;
    Ok(Uploaded { key: given.file_id.to_string(), expires_at: None })
}
