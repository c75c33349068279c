//! JSON as Zarr's writers make it: with the words NaN, Infinity and -Infinity for numbers, which JSON does not have.
//! They are texts that begin with a zero while they are here.

use serde_json::Value;

const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Parses it.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(error) => serde_json::from_slice(&quoted(bytes)).map_err(|_| error),
    }
}

/// The words outside of texts, as texts.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut in_text = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if in_text {
            let n = if byte == b'\\' { 2 } else { 1 };
            out.extend(bytes[at..].iter().take(n));
            in_text = byte != b'"';
            at += n;
            continue;
        }
        if let Some(word) = WORDS.iter().find(|word| bytes[at..].starts_with(word.as_bytes())) {
            out.extend_from_slice(format!("\"\\u0000{word}\"").as_bytes());
            at += word.len();
            continue;
        }
        in_text = byte == b'"';
        out.push(byte);
        at += 1;
    }
    out
}

/// Writes it, the words as they were.
pub fn write(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    for word in WORDS {
        text = text.replace(&format!("\"\\u0000{word}\""), word);
    }
    text.into_bytes()
}

/// The number that a value is, also one of the words.
pub fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("\0NaN") => Some(f64::NAN),
        Some("\0Infinity") => Some(f64::INFINITY),
        Some("\0-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// A number as a value, also where it is none of JSON.
pub fn of_number(number: f64) -> Value {
    match number {
        _ if number.is_nan() => Value::from("\0NaN"),
        f64::INFINITY => Value::from("\0Infinity"),
        f64::NEG_INFINITY => Value::from("\0-Infinity"),
        _ => Value::from(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_numbers_come_back() {
        let text = r#"{"a": NaN, "b": [-Infinity, Infinity, 1.5], "c": "NaN \" Infinity"}"#;
        let value = parse(text.as_bytes()).unwrap();
        assert!(number(&value["a"]).is_some_and(f64::is_nan));
        assert_eq!(number(&value["b"][0]), Some(f64::NEG_INFINITY));
        assert_eq!(value["c"], "NaN \" Infinity");
        let again = String::from_utf8(write(&value)).unwrap();
        assert!(again.contains("\"a\": NaN") && again.contains("\"c\": \"NaN \\\" Infinity\""), "{again}");
        assert!(parse(b"{NaN").is_err());
    }
}
