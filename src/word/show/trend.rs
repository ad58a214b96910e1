//! `show trend [SERIES]`: what the dashboard has recorded. Nothing is asked of the cloud.

use jiff::Timestamp;

use super::super::{Failure, history, one_cloud, settings};
use super::{About, TREND_OVER, Wish, print_still};
use crate::cli::Common;
use crate::exit::Exit;
use crate::history::History;
use crate::model::{self, Trouble};
use crate::series;
use crate::tables::trend::{LINES, Line, POINTS, Still};

/// Prints the points of a series over the last so long, or all lines that there are.
pub fn run(common: &Common, wish: &Wish) -> Result<Exit, Failure> {
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
    let about = About { cloud: Some(cloud.name), region: cloud.region };
    let now = Timestamp::now();
    let Some(name) = &wish.series else {
        let entries = history.entries();
        let (entries, trouble) = or_trouble(entries);
        let lines = entries.into_iter().map(|entry| Line {
            series: entry.series,
            labels: entry.labels,
            unit: entry.unit,
        });
        let rows = Still::new(lines.collect());
        return print_still(wish, (&LINES, &rows), &about, Vec::new(), trouble.as_slice(), now);
    };
    let begin = wish.over.unwrap_or(TREND_OVER).before(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let over = now.duration_since(begin);
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
    print_still(wish, (&POINTS, &Still::of(&courses)), &about, Vec::new(), trouble.as_slice(), now)
}

fn or_trouble<T: Default>(read: Result<T, Trouble>) -> (T, Option<Trouble>) {
    match read {
        Ok(read) => (read, None),
        Err(trouble) => (T::default(), Some(trouble)),
    }
}
