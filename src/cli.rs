//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// The terminal dashboard that OpenStack operators open first.
#[derive(Debug, Parser)]
#[command(name = "stackwatch", version, about, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,

    /// The pane to open first
    #[arg(long, value_name = "NAME")]
    pub pane: Option<String>,

    #[command(subcommand)]
    pub word: Option<Word>,
}

#[derive(Clone, Debug, Args)]
pub struct Common {
    /// A cloud of clouds.yaml; else OS_CLOUD, the OS_* variables, or the only cloud there is
    #[arg(long, global = true, value_name = "NAME")]
    pub cloud: Option<String>,

    /// The region, where the cloud has several
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,

    /// The configuration file; else ~/.config/stackwatch/config.toml, then /etc/stackwatch/config.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// How long a word waits for its data
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,

    /// No colours (NO_COLOR is honoured too)
    #[arg(long, global = true)]
    pub no_color: bool,

    /// Write what the program does, as JSON lines; secrets never stand there
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,

    /// More in the log file: -v debug, -vv trace
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// The embedded cloud that `demo` asks for
    #[arg(skip)]
    pub simulated: Option<Simulated>,

    /// The time at which `screen --clock` freezes the embedded cloud too
    #[arg(skip)]
    pub clock: Option<Timestamp>,
}

/// Which simulated cloud.
#[derive(Clone, Debug, Args)]
pub struct Simulated {
    /// How many hypervisors; the scenario's own number if absent
    #[arg(long, value_name = "N")]
    pub hypervisors: Option<usize>,

    /// How many instances; the scenario's own number if absent
    #[arg(long, value_name = "N")]
    pub instances: Option<usize>,

    /// One seed, one story
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// healthy, incident, broker-partition, quota-squeeze, noisy-neighbour, scale, or a file
    #[arg(long, value_name = "NAME", default_value = "incident")]
    pub scenario: String,
}

#[derive(Debug, Subcommand)]
pub enum Word {
    /// One table's rows, once, for scripts and pipes
    Show {
        /// hypervisors, instances, quotas, services, queues, nodes, usage, trend
        table: String,
        /// Of trend: the series; all that there are if absent
        series: Option<String>,
        /// Of trend: how far back; minutes up to 2d, hours up to 100d, days beyond [default: 7d]. Of usage: how long
        /// before --to or now: day, week, month, quarter, 30d
        #[arg(long, value_name = "SPAN", value_parser = over)]
        over: Option<Over>,
        /// Of usage: since when, a date (midnight, UTC) or an RFC 3339 time [default: four weeks ago]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<Timestamp>,
        /// Of usage: until when [default: now]
        #[arg(long, value_name = "TIME", value_parser = moment)]
        to: Option<Timestamp>,
        /// Of usage with --project: a row for each of its instances
        #[arg(long)]
        servers: bool,
        /// Only rows that match, as the dashboard's `/` has it
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
        /// Of quotas and usage: this project alone, by its name or id
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
        /// Order by this column; `-COL` for descending
        #[arg(long, value_name = "COL", allow_hyphen_values = true)]
        sort: Option<String>,
        #[arg(short = 'o', value_enum, default_value_t = Rows::Table)]
        output: Rows,
    },
    /// One frame of the dashboard, after its data is in and the keys were pressed
    Screen {
        /// hypervisors, instances, quotas, rabbitmq, logs
        pane: String,
        #[arg(long, value_name = "WxH", default_value = "120x40", value_parser = size)]
        size: (u16, u16),
        /// Keys to press first, as the keymaps write them: "/ERROR<enter>"
        #[arg(long, value_name = "KEYS", default_value = "", allow_hyphen_values = true)]
        keys: String,
        /// Freeze the clock at this time (RFC 3339), for frames that can be repeated
        #[arg(long, value_name = "TIME")]
        clock: Option<Timestamp>,
        #[arg(short = 'o', value_enum, default_value_t = Picture::Text)]
        output: Picture,
    },
    /// The same dashboard over a simulated cloud inside the program
    Demo {
        #[command(flatten)]
        simulated: Simulated,
        /// The pane to open first
        #[arg(long, value_name = "NAME")]
        pane: Option<String>,
    },
    /// Only the simulated cloud: serves on loopback until ctrl-c
    Sim {
        #[command(flatten)]
        simulated: Simulated,
        /// How fast its time runs; 0: it stands still
        #[arg(long, value_name = "X", default_value_t = 1.0)]
        speed: f64,
        /// keystone's port, the other services' and the broker's behind it; free ports if absent
        #[arg(long, value_name = "P")]
        port: Option<u16>,
        /// Where clouds.yaml, stackwatch.toml and log/ are written; a directory that goes with it if absent
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// What the logs hold of one instance, and where it failed
    Trace {
        /// A UUID, a request id (req-…), or a name
        subject: String,
        /// A file, a directory or a glob; else where packages, kolla-ansible and TripleO put the logs of this host
        #[arg(long, value_name = "PATH")]
        log: Vec<PathBuf>,
        /// Another one, to see the steps of both side by side
        #[arg(long, value_name = "UUID|NAME|req-…")]
        against: Option<String>,
        #[arg(short = 'o', value_enum, default_value_t = Traced::Timeline)]
        output: Traced,
    },
    /// Logs as they grow, all files by time, on standard output
    Tail {
        /// A file, a directory or a glob; else where packages, kolla-ansible and TripleO put the logs of this host
        #[arg(long, value_name = "PATH")]
        log: Vec<PathBuf>,
        /// Only records of this level and above
        #[arg(long, value_name = "LEVEL")]
        level: Option<String>,
        /// Only records that match, as the dashboard's `/` has it
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
        /// So many of the last records first
        #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
        lines: usize,
    },
    /// Every source: found how, reachable, credentials good, what is missing
    Doctor,
}

/// How far back something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Span(Duration),
    /// Those of the calendar, in UTC: what ends with October is October.
    Months(i64),
}

impl Over {
    /// When it begins if it ends then; `None` before all time.
    pub fn before(self, end: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Span(span) => end.checked_sub(span).ok(),
            Self::Months(n) => {
                let months = jiff::Span::new().try_months(n).ok()?;
                Some(end.to_zoned_datetime(TimeZone::UTC).checked_sub(months).ok()?.timestamp())
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rows {
    Table,
    Json,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Traced {
    /// Requests with their steps and lines
    Timeline,
    Json,
    /// The lines as they stand in the files, in the order of time
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    Text,
    Ansi,
    Svg,
}

fn seconds(word: &str) -> Result<Duration, String> {
    let number: f64 = word.parse().map_err(|_| format!("`{word}` is not a number of seconds"))?;
    if !(0.1..=86_400.0).contains(&number) {
        return Err("between 0.1 and 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

fn over(word: &str) -> Result<Over, String> {
    let day = Duration::from_secs(86_400);
    match word {
        "day" => return Ok(Over::Span(day)),
        "week" => return Ok(Over::Span(7 * day)),
        "month" => return Ok(Over::Months(1)),
        "quarter" => return Ok(Over::Months(3)),
        _ => {}
    }
    let units = [("m", 60), ("h", 3_600), ("d", 86_400), ("w", 7 * 86_400), ("y", 365 * 86_400)];
    let of =
        |(unit, seconds): &(&str, u64)| word.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*seconds);
    let seconds = units.iter().find_map(of).filter(|seconds| (60..=u64::from(u32::MAX)).contains(seconds));
    seconds.map(|seconds| Over::Span(Duration::from_secs(seconds))).ok_or_else(|| {
        format!("`{word}` is no length of time, such as day, week, month, quarter, 24h, 7d or 1y")
    })
}

/// A date is its midnight in UTC, as `openstack usage list --start` has it.
fn moment(word: &str) -> Result<Timestamp, String> {
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok();
    let date = Date::strptime("%Y-%m-%d", word).ok().and_then(midnight);
    // Before 1970 there was no cloud, and nova's dates have no sign.
    date.or_else(|| word.parse().ok()).filter(|at| *at >= Timestamp::UNIX_EPOCH).ok_or_else(|| {
        format!(
            "`{word}` is no date, such as 2026-10-01 (midnight, UTC), nor an RFC 3339 time, such as \
             2026-10-01T06:00:00Z"
        )
    })
}

fn size(word: &str) -> Result<(u16, u16), String> {
    let parsed = word.split_once(['x', 'X', '×']).and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match parsed {
        Some((w, h)) if (1..=1_000).contains(&w) && (1..=1_000).contains(&h) => Ok((w, h)),
        Some(_) => Err("between 1x1 and 1000x1000".to_owned()),
        None => Err(format!("`{word}` is not WIDTHxHEIGHT, such as 120x40")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn spans() {
        for (word, seconds) in [
            ("90m", 5_400),
            ("24h", 86_400),
            ("day", 86_400),
            ("7d", 604_800),
            ("week", 604_800),
            ("1y", 31_536_000),
        ] {
            assert_eq!(over(word), Ok(Over::Span(Duration::from_secs(seconds))), "{word}");
        }
        for word in ["", "7", "d", "0d", "-1d", "1000y", "99999999999999999999y", "months", "Day"] {
            assert!(over(word).is_err(), "{word}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        for (word, end, begin) in [
            ("month", "2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z"),
            ("month", "2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z"),
            ("quarter", "2026-01-01T00:00:00Z", "2025-10-01T00:00:00Z"),
            ("30d", "2026-11-01T00:00:00Z", "2026-10-02T00:00:00Z"),
        ] {
            assert_eq!(over(word).unwrap().before(at(end)), Some(at(begin)), "{word} before {end}");
        }
    }

    #[test]
    fn moments() {
        for (word, expected) in [
            ("2026-10-01", "2026-10-01T00:00:00Z"),
            ("2026-10-01T06:00:00Z", "2026-10-01T06:00:00Z"),
            ("2026-10-01T06:00:00+02:00", "2026-10-01T04:00:00Z"),
        ] {
            assert_eq!(moment(word), Ok(at(expected)), "{word}");
        }
        for word in
            ["", "yesterday", "2026-13-01", "2026-02-30", "2026-10-01T06:00:00", "1969-12-31", "01.10.2026"]
        {
            assert!(moment(word).is_err(), "{word}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("120x40"), Ok((120, 40)));
        assert!(size("120").is_err());
        assert!(size("0x40").is_err());
    }
}
