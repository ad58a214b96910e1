//! `/sim/…` beside keystone: what tests and the curious need and no cloud has. Not part of any OpenStack API.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal, Reply, ok};
use super::{Ask, Front, Service};
use crate::sim::dump;
use crate::sim::scenario::Beat;
use crate::sim::time::Time;

pub(super) fn answer(front: &Front, ask: &Ask) -> Answer {
    reply(front, ask)
        .unwrap_or_else(|refusal| Answer::json(refusal.status(), &json!({"error": refusal.message()})))
}

fn reply(front: &Front, ask: &Ask) -> Reply {
    match (ask.method.as_str(), ask.parts().as_slice()) {
        ("GET", ["sim", "dump"]) => ok(&dump::cloud(&front.read(), front.clock.now())),
        ("GET", ["sim", "broker"]) => {
            let world = front.read();
            ok(&front.broker.dump(&world.cloud, front.clock.now()))
        }
        ("GET", ["sim", "events"]) => {
            let after = ask.query.get("after").and_then(|after| after.parse().ok()).unwrap_or(0);
            ok(&dump::events(&front.read(), after))
        }
        // How often each service was asked since the cloud opened, and how often about quotas.
        ("GET", ["sim", "requests"]) => {
            let of = |service: Service| (service.name().to_owned(), json!(front.asked(service)));
            let quotas = front.asked_quotas();
            let counts = Service::ALL.into_iter().map(of).chain([("quotas".to_owned(), json!(quotas))]);
            ok(&Value::Object(counts.collect()))
        }
        ("GET", ["sim", "clock"]) => ok(&clock(front)),
        // `{"rate": 0}` stands still, `{"now": "2026-11-23T18:50:10Z"}` jumps forward.
        ("POST", ["sim", "clock"]) => {
            let body = ask.json()?;
            if let Some(rate) = body.get("rate").and_then(Value::as_f64) {
                if !(0.0..=10_000.0).contains(&rate) {
                    return Err(Refusal::BadRequest("a rate lies between 0 and 10000".to_owned()));
                }
                front.clock.set_rate(rate);
            }
            if let Some(now) = body.get("now").and_then(Value::as_str) {
                let now =
                    Time::parse(now).ok_or_else(|| Refusal::BadRequest(format!("`{now}` is no time")))?;
                front.clock.set(now);
            }
            drop(front.write());
            ok(&clock(front))
        }
        // A beat, as scenarios have it: `{"at": "0s", "do": "silence", "host": "3"}`.
        ("POST", ["sim", "beat"]) => {
            let beat = beat(&ask.json()?).map_err(Refusal::BadRequest)?;
            front.write().perform(&beat);
            Ok(Answer::empty(204))
        }
        ("POST", ["sim", "revoke"]) => {
            front.tokens.revoke_all();
            Ok(Answer::empty(204))
        }
        _ => Err(super::answer::no_route()),
    }
}

fn clock(front: &Front) -> Value {
    json!({"now": front.clock.now().zulu(), "rate": front.clock.rate()})
}

/// Through TOML, so that a beat is read in one way alone.
fn beat(body: &Value) -> Result<Beat, String> {
    let mut text = String::from("at = \"0s\"\n");
    for (key, value) in body.as_object().into_iter().flatten().filter(|(key, _)| *key != "at") {
        text.push_str(&format!("{key} = {value}\n"));
    }
    toml::from_str(&text).map_err(|error| crate::words::toml("beat", &text, &error))
}
