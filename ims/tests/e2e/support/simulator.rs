//! How the vendors of a test behave: sections of ims.toml.

/// What each vendor says when it delivers.
const SUCCESS: [(&str, &str); 10] = [
    ("talk-one", "0000"),
    ("talk-two", "0000"),
    ("text-one", "1000"),
    ("text-two", "1000"),
    ("rcs-one", "0"),
    ("rcs-two", "0"),
    ("fcm", "200"),
    ("apns", "200"),
    ("smtp", "2.0.0"),
    ("smtp-spare", "2.0.0"),
];

/// Vendors that take about so long, and answer and report as on any day, failures and fallbacks among it. Silence is
/// left out: it costs a test the vendor's whole time-out, or the day until a receipt is given up.
pub fn any_day(latency_ms: u32) -> String {
    format!("[simulator.every_vendor]\n{}", behaviour(latency_ms, ""))
}

/// Vendors that deliver everything.
pub fn everything_arrives(latency_ms: u32) -> String {
    with_kakao_saying("0000", latency_ms)
}

/// KakaoTalk answers every request with this code; all else arrives.
pub fn with_kakao_saying(code: &str, latency_ms: u32) -> String {
    with_kakao_drawing(&[(code, 1.0)], latency_ms)
}

/// KakaoTalk answers with these codes, each with its weight; all else arrives.
pub fn with_kakao_drawing(codes: &[(&str, f64)], latency_ms: u32) -> String {
    let drawn = codes.iter().map(|(code, weight)| format!("\"{code}\" = {weight:?}")).collect::<Vec<_>>().join(", ");
    let section = |(name, success): (&str, &str)| {
        let says = if name.starts_with("talk") { drawn.clone() } else { format!("\"{success}\" = 1.0") };
        let codes = format!("{{ {says} }}");
        let reported = format!(", codes = {codes}");
        format!("[simulator.vendors.{name}]\ncodes = {codes}\n{}", behaviour(latency_ms, &reported))
    };
    SUCCESS.map(section).concat()
}

/// `reported`: what is more to say about delivery reports.
fn behaviour(latency_ms: u32, reported: &str) -> String {
    format!(
        "latency_ms = {{ median = {latency_ms}.0, p99 = {}.0 }}\n\
         no_answer_share = 0.0\n\
         throttled_share = 0.0\n\
         receipts = {{ delay_ms = {{ median = 20.0, p99 = 200.0 }}, never_share = 0.0{reported} }}\n",
        latency_ms * 2
    )
}
