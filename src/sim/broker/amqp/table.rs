//! AMQP's tables as JSON, as the management API shows them, and a few of the server's own.

use amq_protocol::types::{AMQPValue, FieldTable};
use serde_json::{Map, Value, json};

/// Parsed tables are bounded in depth.
pub fn to_json(table: &FieldTable) -> Map<String, Value> {
    table.into_iter().map(|(name, value)| (name.as_str().to_owned(), to_value(value))).collect()
}

fn to_value(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(yes) => json!(yes),
        AMQPValue::ShortShortInt(n) => json!(n),
        AMQPValue::ShortShortUInt(n) => json!(n),
        AMQPValue::ShortInt(n) => json!(n),
        AMQPValue::ShortUInt(n) => json!(n),
        AMQPValue::LongInt(n) => json!(n),
        AMQPValue::LongUInt(n) => json!(n),
        AMQPValue::LongLongInt(n) => json!(n),
        AMQPValue::Timestamp(n) => json!(n),
        AMQPValue::Float(n) => json!(n),
        AMQPValue::Double(n) => json!(n),
        AMQPValue::DecimalValue(n) => json!(f64::from(n.value) / 10_f64.powi(i32::from(n.scale))),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::FieldArray(all) => all.as_slice().iter().map(to_value).collect(),
        AMQPValue::FieldTable(table) => Value::Object(to_json(table)),
        AMQPValue::ByteArray(_) | AMQPValue::Void => Value::Null,
    }
}

/// What the server says about itself.
pub fn server(cluster: &str) -> FieldTable {
    let mut capabilities = FieldTable::default();
    for name in [
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "consumer_priorities",
        "authentication_failure_close",
        "per_consumer_qos",
        "direct_reply_to",
    ] {
        capabilities.insert(name.into(), AMQPValue::Boolean(true));
    }
    let mut table = FieldTable::default();
    table.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    for (name, text) in [
        ("cluster_name", cluster),
        ("copyright", "Copyright (c) 2007-2022 VMware, Inc. or its affiliates."),
        ("information", "Licensed under the MPL 2.0. Website: https://rabbitmq.com"),
        ("platform", "Erlang/OTP 25.2.3"),
        ("product", "RabbitMQ"),
        ("version", "3.10.8"),
    ] {
        table.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    table
}
