//! Views as JSON. `admin-cli/JSON.md` describes it; what is there stays.

use serde::Serialize;
use serde_json::{Map, Value};

use super::time;

/// The view, with an RFC 3339 `x` beside every time `x_ms`.
pub(crate) fn value(view: &impl Serialize) -> Value {
    // Views are structures of text and numbers, which always serialise.
    let mut value = serde_json::to_value(view).unwrap_or(Value::Null);
    add_times(&mut value);
    value
}

fn add_times(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(add_times),
        Value::Object(map) => {
            map.values_mut().for_each(add_times);
            let times = times_of(map);
            map.extend(times);
        }
        _ => {}
    }
}

fn times_of(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter()
        .filter_map(|(key, value)| Some((key.strip_suffix("_ms")?, value)))
        .map(|(name, ms)| {
            let text = ms.as_u64().and_then(time::rfc3339);
            (name.to_owned(), text.into())
        })
        .collect()
}
