//! `show trend [SERIES]`: what the dashboard has recorded. Nothing is asked of the cloud.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::super::{Failure, complain, error_json, history, one_cloud, settings};
use super::{Wish, order, parsed, print_csv, print_table, rows_json, select, write_json};
use crate::cli::{Common, Rows};
use crate::exit::Exit;
use crate::history::History;
use crate::model::{self, Trouble};
use crate::series;
use crate::table::Table;
use crate::tables::trend::{LINES, Line, POINTS, Still};

/// Prints the points of a series over the last so long, or all lines that there are.
pub fn run(common: &Common, wish: &Wish, over: Duration) -> Result<Exit, Failure> {
    let names: Vec<&str> = series::RECORDED.iter().map(|recorded| recorded.series.name).collect();
    let file = settings(common)?;
    let cloud = one_cloud(common, &file)?;
    let path = history(&file, &cloud).ok_or_else(|| Failure {
        next_step: Some(match file.demo {
            Some(_) => "the simulated cloud begins anew each time: name a real one by --cloud".to_owned(),
            None => "name a directory by [history] path in the settings".to_owned(),
        }),
        ..Failure::usage(format!("no history of {} is kept", cloud.title()))
    })?;
    let history = History::read(path);
    let about = (cloud.name.as_str(), cloud.region.as_deref());
    let now = Timestamp::now();
    let Some(name) = &wish.series else {
        let entries = history.entries();
        let (entries, trouble) = or_trouble(entries);
        let lines = entries.into_iter().map(|entry| Line {
            series: entry.series,
            labels: entry.labels,
            unit: entry.unit,
        });
        return print(wish, &LINES, &Still::new(lines.collect()), about, trouble, now);
    };
    let asked = model::Wish {
        series: name.as_str().into(),
        labels: None,
        over: u32::try_from(over.as_secs()).unwrap_or(u32::MAX),
    };
    let (courses, trouble) = or_trouble(history.courses(&asked, now.as_second()));
    // A name of an earlier version may still be there.
    if courses.is_empty() && trouble.is_none() && !names.contains(&name.as_str()) {
        return Err(Failure::unknown("there is no series", name, &names));
    }
    print(wish, &POINTS, &Still::of(&courses), about, trouble, now)
}

fn or_trouble<T: Default>(read: Result<T, Trouble>) -> (T, Option<Trouble>) {
    match read {
        Ok(read) => (read, None),
        Err(trouble) => (T::default(), Some(trouble)),
    }
}

fn print<T>(
    wish: &Wish,
    table: &'static Table<Still<T>>,
    rows: &Still<T>,
    (cloud, region): (&str, Option<&str>),
    trouble: Option<Trouble>,
    now: Timestamp,
) -> Result<Exit, Failure> {
    let filter = parsed(table, wish.filter.as_deref())?;
    let slots = select(table, rows, &filter, order(table, wish.sort.as_deref())?, now);
    let printed = match wish.output {
        Rows::Json => {
            let errors: Vec<serde_json::Value> = trouble.iter().map(error_json).collect();
            write_json(&json!({
                "schema": 1,
                "cloud": cloud,
                "region": region,
                "sources": [],
                "errors": errors,
                "rows": rows_json(table, rows, &slots),
            }))
        }
        Rows::Csv => print_csv(table, rows, &slots),
        Rows::Table => print_table(table, rows, &slots, now),
    };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Done),
        Err(error) => return Err(Failure::usage(format!("cannot write to standard output: {error}"))),
        Ok(()) => {}
    }
    let Some(trouble) = trouble else { return Ok(Exit::Done) };
    complain(&trouble.message, &trouble.next_step);
    Ok(Exit::Partial)
}
