//! Credit codes, telephone numbers and mail addresses of customers and contacts, for who may not read them in full. One place for
//! everything that leaves the house: what is masked is told by its form, so that no view can be forgotten.

use fulcrum_domain::access::{Actor, Permission};
use serde_json::Value;

/// Whether what the actor gets is masked.
pub fn is_masked(actor: &Actor) -> bool {
    !actor.may(Permission::SensitiveRead)
}

/// Masks every customer, contact and event of one in a value, wherever it stands.
pub fn mask(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Object(fields) => {
            let is = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
            let customer = is(&["credit_code", "phone", "email", "lifecycle_stage"]);
            let contact = is(&["phones", "emails", "decision_role"]);
            let event = is(&["subject_type", "changes"])
                && matches!(fields["subject_type"].as_str(), Some("customer" | "contact"));
            if customer || contact {
                fields.iter_mut().for_each(|(name, field)| mask_field(name, field));
            }
            if event && let Some(changes) = fields.get_mut("changes").and_then(Value::as_object_mut) {
                for (name, change) in changes {
                    for side in change.as_object_mut().into_iter().flatten().map(|(_, side)| side) {
                        mask_field(name, side);
                    }
                }
            }
            fields.values_mut().for_each(mask);
        }
        _ => {}
    }
}

fn mask_field(name: &str, value: &mut Value) {
    let masked: fn(&str) -> String = match name {
        "credit_code" | "phone" => covered,
        "email" => covered_address,
        "phones" | "emails" => {
            for entry in value.as_array_mut().into_iter().flatten() {
                for (member, how) in [("number", covered as fn(&str) -> String), ("address", covered_address)]
                {
                    if let Some(Value::String(text)) = entry.get_mut(member) {
                        *text = how(text);
                    }
                }
            }
            return;
        }
        _ => return,
    };
    if let Value::String(text) = value {
        *text = masked(text);
    }
}

/// The last four letters stay, and of what is before them the first half: `+86138****8000`.
fn covered(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let end = letters.len().saturating_sub(4);
    let start = end.saturating_sub(4).max(end / 2).min(end);
    letters
        .iter()
        .enumerate()
        .map(|(place, letter)| if (start..end).contains(&place) { '*' } else { *letter })
        .collect()
}

/// The first letter and the domain stay: `l***@kechuang.example`.
fn covered_address(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((local, domain)) => format!("{}***@{domain}", local.chars().next().unwrap_or('*')),
        None => covered(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{covered, mask};

    #[test]
    fn what_is_masked_can_be_told_apart_and_not_dialled() {
        assert_eq!(covered("+8613800138000"), "+86138****8000");
        assert_eq!(covered("91330100799655058B"), "9133010079****058B");
        assert_eq!(covered("12345"), "*2345");
        assert_eq!(covered(""), "");
    }

    #[test]
    fn customers_contacts_and_their_events_are_masked_wherever_they_stand() {
        let customer = json!({
            "credit_code": null, "phone": "+8613800138000", "email": "info@a.example", "lifecycle_stage": "acquisition",
            "owner": { "email": "boss@demo.test" },
            "contacts": [{ "phones": [{ "number": "+8613800138000" }], "emails": [{ "address": "li@a.example" }], "decision_role": null }],
        });
        let event = json!({ "subject_type": "contact", "changes": { "phones": { "from": [], "to": [{ "number": "+8613800138000" }] }, "name": { "from": "a", "to": "b" } } });
        let mut answer = json!({ "data": [customer, event], "email": "me@demo.test" });
        mask(&mut answer);
        let text = answer.to_string();
        assert!(!text.contains("13800138000") && !text.contains("info@") && !text.contains("li@"), "{text}");
        assert!(
            text.contains("boss@demo.test") && text.contains("me@demo.test"),
            "colleagues are no secret: {text}"
        );
        assert_eq!(answer["data"][1]["changes"]["name"]["to"], "b");
    }
}
