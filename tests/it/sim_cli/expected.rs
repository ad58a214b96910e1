//! What the CLI must print, from what the simulator itself says that it holds: a file a service.

mod cinder;
mod neutron;
mod nova;
mod others;

use serde_json::Value as Json;

pub use cinder::*;
pub use neutron::*;
pub use nova::*;
pub use others::*;

fn rows<'a>(dump: &'a Json, kind: &str) -> &'a Vec<Json> {
    dump[kind].as_array().unwrap_or_else(|| panic!("the dump has no {kind}"))
}

fn find<'a>(dump: &'a Json, kind: &str, key: &str, value: &Json) -> &'a Json {
    let found = rows(dump, kind).iter().find(|row| row[key] == *value);
    found.unwrap_or_else(|| panic!("no {kind} with {key} {value}"))
}

fn project_id(dump: &Json, name: &Json) -> Json {
    find(dump, "projects", "name", name)["id"].clone()
}

/// `{server}` is one that is active and has a port, `{host}` the first hypervisor.
pub fn fill(words: &str, dump: &Json) -> String {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    words
        .replace("{server}", &text(&one_server(dump)["id"]))
        .replace("{host}", &text(&dump["hosts"][0]["id"]))
}

fn one_server(dump: &Json) -> &Json {
    let acted = |it: &&Json| {
        it["status"] == "ACTIVE" && it["port"].is_string() && !it["actions"].as_array().unwrap().is_empty()
    };
    rows(dump, "instances").iter().find(acted).expect("an active server that something was done to")
}

pub fn only(rows: Vec<Json>, columns: &[&str]) -> Vec<Json> {
    let cut = |row: Json| columns.iter().map(|column| ((*column).to_owned(), row[*column].clone())).collect();
    rows.into_iter().map(cut).map(Json::Object).collect()
}

pub fn instances<'a>(dump: &'a Json, takes: &dyn Fn(&Json) -> bool) -> Vec<&'a Json> {
    rows(dump, "instances").iter().filter(|it| it["status"] != "DELETED" && takes(it)).collect()
}
