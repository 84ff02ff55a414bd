//! What a webhook gets: a CloudEvents 1.0 event in structured JSON (<https://github.com/cloudevents/spec>), signed as Standard
//! Webhooks says (<https://github.com/standard-webhooks/standard-webhooks>).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use fulcrum_persistence::platform::events::Event;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::Sha256;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::keys::random;
use crate::platform::events::views::EventView;

/// What secrets begin with.
const PREFIX: &str = "whsec_";
/// A message is smaller than 20 kB, so that every receiver takes it.
const LARGEST: usize = 20_000;

/// What is told.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookMessage)]
pub struct Message {
    /// The version of CloudEvents.
    #[schema(max_length = 3, example = "1.0")]
    pub specversion: String,
    /// The event's id and time, or the id of a test. Unique together with `source`.
    #[schema(max_length = 60, example = "1024-1795420800000000")]
    pub id: String,
    /// The company.
    #[schema(max_length = 60, example = "urn:uuid:0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")]
    pub source: String,
    /// What happened, such as `customer.updated`.
    #[schema(max_length = 60, example = "customer.updated")]
    pub r#type: String,
    /// Kind and id of the record.
    #[schema(max_length = 100, example = "customer/0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")]
    pub subject: String,
    /// When.
    pub time: DateTime<Utc>,
    /// The form of `data`.
    #[schema(max_length = 40, example = "application/json")]
    pub datacontenttype: String,
    /// The event, as `/v1/events` shows it. Of changes that would make the message larger than 20 kB only the names of the fields
    /// are told: `from` and `to` are left out.
    #[schema(value_type = crate::platform::events::views::EventView)]
    pub data: Value,
}

/// A message that is ready to be sent.
pub(super) struct Signed {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// The message about an event.
pub(super) fn about(tenant_id: Uuid, event: Event) -> String {
    // With the time: a database that was restored from a copy gives numbers again.
    let id = format!("{}-{}", event.seq, event.at.timestamp_micros());
    let subject = format!("{}/{}", event.subject_type, event.subject_id);
    let message = Message {
        specversion: "1.0".into(),
        id,
        source: tenant_id.urn().to_string(),
        r#type: event.type_.clone(),
        subject,
        time: event.at,
        datacontenttype: "application/json".into(),
        data: json!(EventView::from(event)),
    };
    small(message)
}

/// The message that tries out a webhook.
pub(super) fn test(tenant_id: Uuid, webhook_id: Uuid, message_id: &str, now: DateTime<Utc>) -> String {
    small(Message {
        specversion: "1.0".into(),
        id: message_id.to_owned(),
        source: tenant_id.urn().to_string(),
        r#type: TEST.into(),
        subject: format!("webhook/{webhook_id}"),
        time: now,
        datacontenttype: "application/json".into(),
        data: json!({
            "id": "0", "at": now.to_rfc3339_opts(SecondsFormat::AutoSi, true), "type": TEST, "subject_type": "webhook",
            "subject_id": webhook_id, "customer_id": null, "actor_type": "system", "actor_id": null,
            "request_id": null, "version": null, "changes": {},
        }),
    })
}

/// The type of a message that tries out a webhook.
pub(super) const TEST: &str = "webhook.tested";

fn small(mut message: Message) -> String {
    let text = json!(message).to_string();
    if text.len() < LARGEST {
        return text;
    }
    let changes = message.data["changes"].as_object().into_iter().flatten();
    message.data["changes"] = changes.map(|(name, _)| (name.clone(), json!({}))).collect::<Value>();
    json!(message).to_string()
}

/// A new secret, as its owner gets it.
pub(super) fn new_secret() -> String {
    format!("{PREFIX}{}", BASE64_STANDARD.encode(random::<32>()))
}

/// Signs a body with each of the secrets.
pub(super) fn signed(id: &str, now: DateTime<Utc>, body: String, secrets: &[String]) -> Signed {
    let time = now.timestamp();
    let signatures: Vec<String> = secrets
        .iter()
        .filter_map(|secret| BASE64_STANDARD.decode(secret.strip_prefix(PREFIX)?).ok())
        .filter_map(|key| {
            let mut code = Hmac::<Sha256>::new_from_slice(&key).ok()?;
            code.update(format!("{id}.{time}.{body}").as_bytes());
            Some(format!("v1,{}", BASE64_STANDARD.encode(code.finalize().into_bytes())))
        })
        .collect();
    let headers = vec![
        ("content-type", "application/cloudevents+json; charset=utf-8".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ];
    Signed { headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    #[test]
    fn signs_as_the_reference_does() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let at = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let body = r#"{"test": 2432232314}"#.to_owned();
        let signed = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body, &[secret]);
        assert!(
            signed.headers.contains(&(
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()
            )),
            "{:?}",
            signed.headers
        );
    }

    #[test]
    fn what_is_too_large_tells_the_names_of_the_fields() {
        let long = "长".repeat(9000);
        let event = Event {
            seq: 7,
            at: DateTime::from_timestamp(1_614_265_330, 0).unwrap(),
            type_: "customer.updated".into(),
            subject_type: "customer".into(),
            subject_id: Uuid::nil(),
            customer_id: None,
            actor_type: "user".into(),
            actor_id: None,
            request_id: None,
            version: Some(2),
            changes: json!({ "notes": { "from": null, "to": long }, "grade": { "from": "A", "to": "B" } }),
        };
        let text = about(Uuid::nil(), event);
        assert!(text.len() < LARGEST, "{}", text.len());
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message["data"]["changes"], json!({ "notes": {}, "grade": {} }));
        assert_eq!(
            (&message["id"], &message["subject"]),
            (&json!("7-1614265330000000"), &json!(format!("customer/{}", Uuid::nil())))
        );
    }
}
