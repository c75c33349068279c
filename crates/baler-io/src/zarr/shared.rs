//! What a Zarr store tells of its arrays, in what formats have in common, and back.

use super::describe::Description;
use super::text;
use baler_data::dataset::{DType, Values};
use baler_data::metadata::{About, Attribute, Axis, Group, Metadata, Role, Value as Common};
use baler_data::with_values;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// All that nodes tell.
pub fn of_nodes(nodes: &[Value], arrays: &HashMap<&str, &Description>) -> Metadata {
    let mut shared = Metadata::default();
    for node in nodes {
        let path = node["path"].as_str().unwrap_or_default();
        let attributes = node["attributes"].as_object();
        let name = if path.is_empty() { "data" } else { path };
        let description = arrays.get(name).filter(|_| node.get("array").is_some());
        let Some(description) = description else {
            let attributes = attributes.into_iter().flatten().map(|(name, value)| attribute(name, value));
            shared.groups.push(Group { path: path.to_string(), attributes: attributes.collect() });
            continue;
        };
        let mut about = About::new(name);
        let of = |(name, value): (&String, &Value)| match name.as_str() {
            "_FillValue" | "missing_value" => of_dtype(name, value, description.dtype),
            _ => attribute(name, value),
        };
        about.attributes = attributes.into_iter().flatten().map(of).collect();
        about.axes = axes(path, &node["dimension_names"]);
        if let [axis] = &about.axes[..]
            && axis.name == path
            && !path.is_empty()
        {
            about.role = Role::Coordinate;
        }
        about.packing = description.packing(&node["array"]["fill_value"]);
        // xarray takes the fill value of version 2 for what marks missing values.
        let is_old = node["array"]["zarr_format"] == 2;
        if let Some(fill) = about.packing.fill.clone().filter(|_| is_old && !about.axes.is_empty())
            && about.attribute("_FillValue").is_none()
            && let Ok(values) = Values::from_bytes(description.dtype, &fill, false)
        {
            about.attributes.push(Attribute { name: "_FillValue".into(), value: Common::number(values) });
        }
        shared.variables.push(about);
    }
    shared
}

/// Names of axes as paths: they belong to the group of the array.
fn axes(path: &str, names: &Value) -> Vec<Axis> {
    let group = path.rsplit_once('/').map(|(group, _)| format!("{group}/")).unwrap_or_default();
    let of = |name: &Value| match name.as_str() {
        Some(name) if !name.is_empty() => Axis { name: format!("{group}{name}"), grows: false },
        _ => Axis::default(),
    };
    let axes: Vec<Axis> = names.as_array().into_iter().flatten().map(of).collect();
    if axes.iter().all(|axis| axis.name.is_empty()) { Vec::new() } else { axes }
}

fn attribute(name: &str, value: &Value) -> Attribute {
    Attribute { name: name.to_string(), value: common(value) }
}

/// Numbers and texts, and lists of either; the rest stays JSON.
fn common(value: &Value) -> Common {
    let json = || Common::Json(value.to_string());
    match value {
        Value::String(word) if word.starts_with('\0') => match text::number(value) {
            Some(number) => Common::number(Values::F64(vec![number])),
            None => Common::Text(word.clone()),
        },
        Value::String(text) => Common::Text(text.clone()),
        Value::Number(_) | Value::Bool(_) => {
            numbers(std::slice::from_ref(value)).map_or_else(json, Common::number)
        }
        Value::Array(list) if list.is_empty() => json(),
        Value::Array(list) => match numbers(list) {
            Some(values) => Common::Numbers { shape: vec![list.len()], values },
            None => {
                let texts = list.iter().map(|text| text.as_str().map(str::to_string)).collect();
                Option::map_or_else(texts, json, Common::Texts)
            }
        },
        Value::Object(_) | Value::Null => json(),
    }
}

/// Whole numbers as int64, others as float64.
fn numbers(list: &[Value]) -> Option<Values> {
    if let Some(truths) = list.iter().map(|v| v.as_bool().map(u8::from)).collect() {
        return Some(Values::Bool(truths));
    }
    if let Some(whole) = list.iter().map(Value::as_i64).collect() {
        return Some(Values::I64(whole));
    }
    if let Some(whole) = list.iter().map(Value::as_u64).collect() {
        return Some(Values::U64(whole));
    }
    list.iter().map(text::number).collect::<Option<Vec<f64>>>().map(Values::F64)
}

/// What marks missing values is of the array's dtype; xarray writes floats as base64 of a float64.
fn of_dtype(name: &str, value: &Value, dtype: DType) -> Attribute {
    let number = match value.as_str() {
        Some(word) if !word.starts_with('\0') && dtype.is_float() => {
            from_base64(word).and_then(|b| Some(f64::from_le_bytes(b.try_into().ok()?))).map(text::of_number)
        }
        _ => Some(value.clone()),
    };
    let told = match number {
        Some(number) if dtype.is_float() => text::number(&number).map(text::of_number).map(|n| match n {
            Value::String(word) => Value::String(word.trim_start_matches('\0').to_string()),
            number => number,
        }),
        other => other.filter(|value| value.is_number() || value.is_boolean()),
    };
    let bytes = told.and_then(|told| super::describe::fill_bytes(&told, dtype).ok());
    match bytes.and_then(|bytes| Values::from_bytes(dtype, &bytes, false).ok()) {
        Some(values) => Attribute { name: name.to_string(), value: Common::number(values) },
        None => attribute(name, value),
    }
}

/// Attributes as JSON; what marks missing values as xarray reads it.
pub fn attributes(attributes: &[Attribute], is_array: bool) -> Value {
    let mut map = Map::new();
    for Attribute { name, value } in attributes {
        let value = match value {
            Common::Text(text) => json!(text),
            Common::Texts(texts) => json!(texts),
            Common::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            Common::Numbers { shape, values } => {
                let list = json_numbers(values);
                match (shape.is_empty(), list.first()) {
                    (true, Some(number)) if is_array && name == "_FillValue" && values.dtype().is_float() => {
                        let number = text::number(number).unwrap_or_default();
                        json!(to_base64(&number.to_le_bytes()))
                    }
                    (true, Some(number)) => number.clone(),
                    _ => nested(&list, shape),
                }
            }
        };
        map.insert(name.clone(), value);
    }
    Value::Object(map)
}

fn json_numbers(values: &Values) -> Vec<Value> {
    match values {
        Values::Bool(v) => v.iter().map(|&x| json!(x != 0)).collect(),
        Values::I64(v) => v.iter().map(|&x| json!(x)).collect(),
        Values::U64(v) => v.iter().map(|&x| json!(x)).collect(),
        _ => {
            use baler_data::element::Element;
            let whole = !values.dtype().is_float();
            let one = |x: f64| if whole { json!(x as i64) } else { text::of_number(x) };
            with_values!(values, v => v.iter().map(|x| one(x.to_f64())).collect())
        }
    }
}

/// A list of lists of the given extents.
fn nested(list: &[Value], shape: &[usize]) -> Value {
    match shape {
        [] | [_] => Value::Array(list.to_vec()),
        [_, inner @ ..] => {
            let n: usize = inner.iter().product();
            Value::Array(list.chunks(n.max(1)).map(|part| nested(part, inner)).collect())
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Three bytes are four digits; `=` fills up.
fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, &b| bits << 8 | u32::from(b)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let shown = digit <= three.len();
            out.push(if shown { DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char } else { '=' });
        }
    }
    out
}

/// Inverse of [`to_base64`].
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let (mut bits, mut n_bits, mut out) = (0u32, 0, Vec::new());
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|&d| d == digit)?;
        bits = bits << 6 | value as u32;
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
            bits &= (1 << n_bits) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_are_those_that_xarray_writes() {
        // xarray: base64 of struct.pack("<d", 1e20)
        assert_eq!(to_base64(&1e20f64.to_le_bytes()), "QIy1eB2vFUQ=");
        assert_eq!(from_base64("QIy1eB2vFUQ=").unwrap(), 1e20f64.to_le_bytes());
        let fill = of_dtype("_FillValue", &json!("QIy1eB2vFUQ="), DType::F32);
        assert_eq!(fill.value, Common::number(Values::F32(vec![1e20])));
        let fill = of_dtype("_FillValue", &json!(-9), DType::I16);
        assert_eq!(fill.value, Common::number(Values::I16(vec![-9])));
        assert_eq!(attributes(&[fill], true), json!({"_FillValue": -9}));
    }

    #[test]
    fn attributes_come_back() {
        let told =
            json!({"a": 1, "b": [1.5, 2.0], "c": "x", "d": ["x", "y"], "e": {"f": null}, "g": true, "h": []});
        let list: Vec<Attribute> =
            told.as_object().unwrap().iter().map(|(name, value)| attribute(name, value)).collect();
        assert_eq!(attributes(&list, false), told);
    }
}
