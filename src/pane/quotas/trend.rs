//! What became of a project's use over the last 30 days, and when it will meet its limit by that.

use jiff::{SignedDuration, Timestamp};

use crate::health::quota::{self as health, Use};
use crate::model::{Course, Labels, Limit, Quotas, Wish};
use crate::pane::Cx;
use crate::series::{self, chart, line};
use crate::ui::spark;

/// Days that it goes back: a cell each.
const DAYS: u32 = 30;
/// What comes no sooner is no news in the words at the bottom: there is time to raise a limit.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// All that was recorded of a project.
pub(super) fn wish(row: &Quotas) -> Wish {
    let labels = Some(Labels::from_iter([row.id.clone()]));
    Wish { series: series::QUOTA_USED.into(), labels, over: DAYS * 86_400 }
}

/// What was recorded of one project, as it was asked last.
pub(super) struct Trend<'a> {
    asked: Timestamp,
    courses: &'a [Course],
}

impl<'a> Trend<'a> {
    /// None where it was not asked for yet, or none is kept.
    pub fn of(cx: &Cx<'a>, row: &Quotas) -> Option<Self> {
        let (asked, courses) = cx.store.courses(&wish(row))?;
        Some(Self { asked, courses })
    }

    /// Of what has no limit nothing is recorded any more.
    fn course(&self, of: &Use) -> Option<&'a Course> {
        let label = series::quota_label(of.service, of.resource);
        let is_its = |course: &&Course| course.labels.get(1) == Some(&label);
        self.courses.iter().find(is_its).filter(|_| of.limit != Limit::Unlimited)
    }

    /// `; full in about 9 days`, and the bars below that, as far as there is any of it.
    pub fn words(&self, of: &Use, now: Timestamp) -> impl Iterator<Item = String> {
        let full = self.full_in(of, now).map(|left| format!("; {}", line::words(left)));
        full.into_iter().chain(self.bars(of).map(|bars| format!("\n{bars} {DAYS}d")))
    }

    /// A bar for each day, a blank where nothing was recorded. One bar alone is no course.
    fn bars(&self, of: &Use) -> Option<String> {
        let rollup = series::by_name(series::QUOTA_USED)?.series.rollup;
        let until = self.asked.as_second();
        let since = until - i64::from(DAYS) * 86_400;
        let cells = chart::cells(self.course(of)?, rollup, since, until, DAYS as usize);
        (cells.iter().flatten().count() > 1).then(|| spark::with_gaps(&cells))
    }

    /// How long until the limit that is in force is met, where a straight line says so.
    fn full_in(&self, of: &Use, now: Timestamp) -> Option<SignedDuration> {
        let Limit::Of(limit) = of.limit else { return None };
        // What is in use now may be less than what was recorded last.
        let grows = of.in_use > 0 && (of.in_use as f64) < limit as f64;
        line::full_in(&self.course(of)?.points, limit as f64, now.as_second()).filter(|_| grows)
    }
}

/// `vCPU full in about 9 days`: the first limit that a project will meet, where that is soon.
pub(super) fn soon(cx: &Cx, row: &Quotas) -> Option<String> {
    let trend = Trend::of(cx, row)?;
    // The limit that a service told before it failed may be another by now.
    let uses = health::uses(cx.store, row).filter(|of| row.of(of.service).trouble.is_none());
    let first = uses.filter_map(|of| Some((trend.full_in(&of, cx.now)?, of))).min_by_key(|(left, _)| *left);
    let (left, of) = first.filter(|(left, _)| *left <= SOON)?;
    Some(format!("{} {}", health::label(of.service, of.resource), line::words(left)))
}
