//! What an operator does, in keys, and what is seen then; what the cloud does meanwhile.

mod filters;
mod inside;
mod logs;
mod meanwhile;
mod moving;
mod neighbours;
mod palette;
mod quotas;
mod rows;
mod sorting;
mod trace;
mod tree;

use jiff::Timestamp;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use stackwatch::action::Action;
use stackwatch::app::Request;
use stackwatch::filter::Filter;
use stackwatch::model::{Instance, Named, NamedKind, ServiceState};
use stackwatch::report::{Delta, Outcome, Report, Topic};
use stackwatch::store::Store;
use stackwatch::table::{Column, Table};
use stackwatch::tables::{hypervisors, instances};
use stackwatch::theme::{Depth, Look, Role, Sign, Theme};
use stackwatch::ui::grid::{Grid, Looks, RowLook};

use crate::support::facts;
use crate::support::stage::{Stage, looks};

/// One step of a journey.
enum Step {
    /// Keys, as `--keys` takes them.
    Press(&'static str),
    /// The cloud says something, at the journey's time.
    Hear(fn(Timestamp) -> Vec<Report>),
    /// Seconds go by.
    Wait(i64),
    Sees(&'static str),
    Lacks(&'static str),
    /// The line under the cursor holds this.
    Cursor(&'static str),
    /// These stand below each other in this order, whatever lies between.
    Order(&'static [&'static str]),
    /// The last keys made the app ask for this.
    Asks(Request),
    /// The last keys made the app ask for nothing outside.
    AsksNothing,
}

use Step::{Asks, AsksNothing, Cursor, Hear, Lacks, Order, Press, Sees, Wait};

/// A journey over the facts, which begins at this pane.
fn check(pane: &str, steps: &[Step]) {
    walk(&mut Stage::new(pane, (120, 40), facts::cloud()), steps);
}

fn walk(stage: &mut Stage, steps: &[Step]) {
    let mut done = String::new();
    let mut asked = Vec::new();
    for step in steps {
        let text = stage.text();
        let context = || format!("after {done}\n{text}");
        match step {
            Press(keys) => {
                asked = stage.press(keys);
                done.push_str(keys);
                done.push(' ');
            }
            Hear(says) => {
                let reports = says(stage.now());
                stage.hear(reports);
                done.push_str("(the cloud changes) ");
            }
            Wait(seconds) => {
                stage.wait(*seconds);
                done.push_str("(time goes by) ");
            }
            Sees(words) => assert!(text.contains(words), "{words:?} is missing {}", context()),
            Lacks(words) => assert!(!text.contains(words), "{words:?} is there {}", context()),
            Cursor(words) => {
                let line = stage.cursor_line().unwrap_or_default();
                assert!(line.contains(words), "the cursor is on {line:?}, not {words:?} {}", context());
            }
            Order(words) => {
                let mut rest = text.as_str();
                for word in *words {
                    let Some((_, behind)) = rest.split_once(word) else {
                        panic!("{word:?} is missing, or not below the others of {words:?} {}", context());
                    };
                    rest = behind;
                }
            }
            Asks(request) => {
                assert!(asked.contains(request), "asked {asked:?}, not {request:?} {}", context())
            }
            AsksNothing => assert!(asked.is_empty(), "asked {asked:?} {}", context()),
        }
    }
}

fn part(at: Timestamp, delta: Delta) -> Vec<Report> {
    vec![facts::report(at, Outcome::Part(delta))]
}

fn becomes_error(name: &str, at: Timestamp) -> Vec<Report> {
    let row = facts::changed(name, at, |row| {
        row.status = "ERROR".into();
        row.vm_state = Some("error".into());
    });
    part(at, Delta::Instances(vec![row]))
}

fn is_deleted(name: &str, at: Timestamp) -> Vec<Report> {
    part(at, Delta::Remove(Topic::Instances, vec![facts::instance(name).id]))
}

fn goes_down(host: &str, at: Timestamp) -> Vec<Report> {
    let mut row = facts::service(host);
    row.state = ServiceState::Down;
    part(at, Delta::Services(vec![row]))
}

fn all_sources_fail(at: Timestamp) -> Vec<Report> {
    facts::outages(at)
}
