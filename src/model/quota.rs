use std::sync::Arc;

use jiff::Timestamp;

use super::{Identified, Text, Trouble};

/// The services that have limits for each project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaService {
    Nova,
    Cinder,
    Neutron,
    /// Only as unified limits, which stand in keystone.
    Glance,
}

impl QuotaService {
    pub const ALL: [Self; 4] = [Self::Nova, Self::Cinder, Self::Neutron, Self::Glance];

    pub fn name(self) -> &'static str {
        match self {
            Self::Nova => "nova",
            Self::Cinder => "cinder",
            Self::Neutron => "neutron",
            Self::Glance => "glance",
        }
    }
}

/// How much of a resource a project may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// -1 in every service's answer: never full.
    Unlimited,
    /// In the resource's own unit: `ram` in MiB, `gigabytes` in GiB.
    Of(u64),
}

impl Limit {
    /// As services write it.
    pub fn from_number(n: i64) -> Self {
        u64::try_from(n).map_or(Self::Unlimited, Self::Of)
    }

    pub fn to_number(self) -> i64 {
        match self {
            Self::Unlimited => -1,
            Self::Of(n) => i64::try_from(n).unwrap_or(i64::MAX),
        }
    }
}

/// What a service says of one resource of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    /// As the service calls it: `cores`, `gigabytes_ssd`, `floatingip`.
    pub resource: Text,
    pub limit: Limit,
    /// Below zero after failed deletes, where a service keeps books. `None`: the service tells the limit alone.
    pub in_use: Option<i64>,
    /// Promised to requests under way; it counts against the limit.
    pub reserved: i64,
}

impl Allowance {
    /// A limit of which no use is told.
    pub fn limit(resource: Text, limit: i64) -> Self {
        Self { resource, limit: Limit::from_number(limit), in_use: None, reserved: 0 }
    }
}

/// All that one service allows one project, in the order of the resources' names.
pub type Allowances = Arc<[Allowance]>;

/// What has been answered to one question about one project.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered<T> {
    /// The last answer, and when it came.
    pub told: Option<(Timestamp, T)>,
    /// Why there was none the last time: what was told before is old then.
    pub trouble: Option<Trouble>,
}

impl<T> Default for Answered<T> {
    fn default() -> Self {
        Self { told: None, trouble: None }
    }
}

impl<T> Answered<T> {
    /// The next answer, or why there is none.
    pub fn hear(&mut self, answer: Result<T, Trouble>, at: Timestamp) {
        match answer {
            Ok(told) => (self.told, self.trouble) = (Some((at, told)), None),
            Err(trouble) => self.trouble = Some(trouble),
        }
    }
}

/// The quotas of one project, under its id. Each service is asked by itself, and may fail by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quotas {
    pub id: Text,
    answers: [Answered<Allowances>; QuotaService::ALL.len()],
}

impl Quotas {
    pub fn new(id: Text) -> Self {
        Self { id, ..Self::default() }
    }

    pub fn of(&self, service: QuotaService) -> &Answered<Allowances> {
        &self.answers[service as usize]
    }

    pub fn of_mut(&mut self, service: QuotaService) -> &mut Answered<Allowances> {
        &mut self.answers[service as usize]
    }

    /// What a service says of one resource, if it was heard.
    pub fn find(&self, service: QuotaService, resource: &str) -> Option<&Allowance> {
        let (_, allowances) = self.of(service).told.as_ref()?;
        find(allowances, resource)
    }

    /// Everything that was told, service by service.
    pub fn all(&self) -> impl Iterator<Item = (QuotaService, &Allowance)> {
        QuotaService::ALL.into_iter().flat_map(|service| {
            let told = self.of(service).told.iter().flat_map(|(_, allowances)| allowances.iter());
            told.map(move |allowance| (service, allowance))
        })
    }
}

impl Identified for Quotas {
    fn id(&self) -> &Text {
        &self.id
    }
}

/// One resource among those of a service.
pub fn find<'a>(allowances: &'a [Allowance], resource: &str) -> Option<&'a Allowance> {
    let at = allowances.binary_search_by(|allowance| (*allowance.resource).cmp(resource)).ok()?;
    allowances.get(at)
}
