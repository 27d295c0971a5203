//! `JSON.md` names every key that the cases print.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| keys(value, into)),
        Value::Object(map) => {
            into.extend(map.keys().cloned());
            map.values().for_each(|value| keys(value, into));
        }
        _ => {}
    }
}

#[test]
fn every_key_is_documented() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = fs::read_to_string(at.join("JSON.md")).expect("the manual");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(at.join("tests/cases")).expect("cases") {
        let case = fs::read_to_string(entry.expect("an entry").path()).expect("a case");
        let lines = case
            .lines()
            .filter_map(|line| line.strip_prefix("out | ").or(line.strip_prefix("err | ")));
        for line in lines {
            if let Ok(value) = serde_json::from_str(line) {
                keys(&value, &mut found);
            }
        }
    }
    assert!(found.len() >= 40, "only {} keys", found.len());
    for key in found {
        assert!(
            manual.contains(&format!("`{key}`")),
            "{key} is not in JSON.md"
        );
    }
}
