//! How much memory is free: a plugin of protocol 2 whose page Toru draws.

mod json;
mod toru;

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

use json::Json;
use toru::Sender;

const METADATA: &str = r#"{"id": "memory", "name": "Memory", "version": "1.0.0", "icon": "🧠", "route": "/memory",
    "protocol": "2", "page": "tree", "description": "Shows how much memory is free."}"#;
const NO_RESTART: i32 = 78;

fn main() {
    if env::args().nth(1).as_deref() == Some("--metadata") {
        println!("{METADATA}");
        return;
    }
    let Ok(path) = env::var("TORU_PLUGIN_SOCKET") else {
        println!("This is a plugin for Toru Steering Center: copy it into the plugins folder. It knows --metadata.");
        return;
    };
    if let Err(error) = serve(&path) {
        eprintln!("The connection to Toru is of no use: {error}.");
        process::exit(1);
    }
}

/// Takes every message until Toru says that it is enough, or hangs up.
fn serve(path: &str) -> std::io::Result<()> {
    let (mut stream, sender) = toru::accept(path)?;
    loop {
        let message = match toru::read(&mut stream) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        };
        let (request_id, payload) = (message.get("request_id"), message.get("payload"));
        match (message.get("type").text(), payload.get("action").text()) {
            ("lifecycle", "init") => begin(&sender, payload)?,
            ("lifecycle", "shutdown") => return Ok(()),
            ("ping", _) => sender.send("pong", &Json::Null, Json::object([]))?,
            ("http", _) => sender.send("http", request_id, answer(payload.get("path").text()))?,
            ("page", "event") => pressed(&sender, request_id, payload.get("id").text())?,
            _ => {} // what is unknown is not for us
        }
    }
}

/// Chooses the protocol, shows the page, and has it live.
fn begin(sender: &Sender, init: &Json) -> std::io::Result<()> {
    if !init.get("protocols").items().iter().any(|one| one.text() == "2") {
        eprintln!("This plugin speaks protocol 2, and this Toru does not.");
        process::exit(NO_RESTART);
    }
    sender.send("ready", &Json::Null, Json::object([("protocol", "2".into())]))?;
    sender.send("page", &Json::Null, Json::object([("action", "show".into()), ("tree", page())]))?;
    let sender = sender.clone();
    thread::spawn(move || {
        while patch(&sender, news()).is_ok() {
            thread::sleep(Duration::from_secs(2));
        }
    });
    Ok(())
}

/// The page: a number, a chart and a button.
fn page() -> Json {
    let number = node("metric", [("id", "free".into()), ("label", "Free".into()), ("unit", "MB".into()), ("value", free().into())]);
    let series = Json::object([("name", "free".into()), ("data", Json::List(vec![]))]);
    let chart = [("id", "chart".into()), ("label", "Free memory in MB".into()), ("series", Json::List(vec![series]))];
    let button = [("id", "anew".into()), ("label", "Start anew".into())];
    let children = vec![number, node("chart", chart), node("button", button)];
    node("card", [("title", "Memory".into()), ("children", children.into())])
}

/// What has changed: the number, and a point of the chart.
fn news() -> Vec<Json> {
    let point: Json = vec![Json::from(now().as_str()), free().into()].into();
    let points = Json::object([("free", Json::List(vec![point]))]);
    vec![
        Json::object([("id", "free".into()), ("set", Json::object([("value", free().into())]))]),
        Json::object([("id", "chart".into()), ("points", points), ("keep", 300.0.into())]),
    ]
}

/// Answers whoever pressed something; there is one button, and it empties the chart.
fn pressed(sender: &Sender, request_id: &Json, id: &str) -> std::io::Result<()> {
    let (message, kind) = if id == "anew" {
        let series = Json::object([("name", "free".into()), ("data", Json::List(vec![]))]);
        let set = Json::object([("series", Json::List(vec![series]))]);
        patch(sender, vec![Json::object([("id", "chart".into()), ("set", set)])])?;
        ("The chart begins anew.", "success")
    } else {
        ("This is no longer here.", "error")
    };
    let done = [("action", "done".into()), ("message", message.into()), ("kind", kind.into())];
    sender.send("page", request_id, Json::object(done))
}

fn patch(sender: &Sender, patches: Vec<Json>) -> std::io::Result<()> {
    let payload = [("action", "patch".into()), ("patches", patches.into())];
    sender.send("page", &Json::Null, Json::object(payload))
}

fn node<const N: usize>(kind: &str, fields: [(&str, Json); N]) -> Json {
    let mut told = vec![("type".to_string(), kind.into())];
    told.extend(fields.into_iter().map(|(name, value)| (name.to_string(), value)));
    Json::Object(told)
}

fn answer(path: &str) -> Json {
    let is_known = path.split('?').next() == Some("/free");
    let body = if is_known {
        Json::object([("free_mb", free().into())])
    } else {
        Json::object([("error", "There is nothing at this address.".into())])
    };
    let headers = Json::object([("Content-Type", "application/json".into())]);
    let status = if is_known { 200.0 } else { 404.0 };
    Json::object([("status", status.into()), ("headers", headers), ("body", body.to_string().as_str().into())])
}

/// Megabytes that programs could still have.
fn free() -> f64 {
    let told = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told.lines().find(|line| line.starts_with("MemAvailable:")).unwrap_or_default();
    let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    (kibibytes * 1024.0 / 1e6).round()
}

/// The time as ISO 8601 in UTC. The days are counted as Howard Hinnant's `civil_from_days` does.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
