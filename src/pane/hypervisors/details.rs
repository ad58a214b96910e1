//! Everything known about one host, in sections.

use crate::model::{Hypervisor, Labels, Provider, ResourceClass, Wish};
use crate::pane::{Cx, parts};
use crate::series::{self, chart};
use crate::tables::hypervisors as table;
use crate::ui::details::Section;
use crate::ui::{format, spark};

/// What the Operations Guide names as the usual overcommit (architecture, compute nodes).
const GUIDE: [(ResourceClass, f64); 2] = [(ResourceClass::Vcpu, 16.0), (ResourceClass::MemoryMb, 1.5)];

pub(super) fn sections(cx: &Cx, row: &Hypervisor) -> Vec<Section> {
    let mut sections = vec![service(cx, row), resources(cx, row), host(cx, row)];
    sections.extend(trend(cx, row));
    sections.push(instances(cx, row));
    sections
}

/// Days that the trend goes back, and cells that it takes.
const DAYS: u32 = 30;
const CELLS: usize = 60;

/// What became of the instances on a host: asked when it is gone into.
pub(super) fn wish(row: &Hypervisor) -> Wish {
    let labels = Some(Labels::from_iter([row.hypervisor_hostname.clone()]));
    Wish { series: "instances.host".into(), labels, over: DAYS * 86_400 }
}

/// None where nothing was recorded, or none is kept.
fn trend(cx: &Cx, row: &Hypervisor) -> Option<Section> {
    let wish = wish(row);
    let (asked, courses) = cx.store.courses(&wish)?;
    let course = courses.first()?;
    let rollup = series::by_name(&wish.series)?.series.rollup;
    let until = asked.as_second();
    let cells = chart::cells(course, rollup, until - i64::from(wish.over), until, CELLS);
    let values = || course.points.iter().map(|point| point.value);
    let (least, most) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let mut section = Section::new(format!("instances over {DAYS} days"));
    section.add("recorded", spark::with_gaps(&cells));
    section.add("range", format!("{least:.0} to {most:.0}, last {:.0}", course.points.last()?.value));
    Some(section)
}

fn service(cx: &Cx, row: &Hypervisor) -> Section {
    let mut section = Section::new("nova-compute");
    section.add("state", table::state_words(cx.store, row, cx.now));
    section.add("status", table::status(cx.store, row).as_str());
    if let Some(reason) = crate::health::hypervisor::disabled_reason(cx.store, row) {
        section.add("disabled because", reason);
    }
    match cx.store.compute_service(&row.host) {
        Some(service) => {
            section.add("last seen", parts::moment(cx, service.updated_at));
            section.add("zone", service.zone.as_deref().unwrap_or("–"));
            if service.forced_down {
                section.add("forced down", "yes: unset it after the evacuation");
            }
        }
        None => section.add("last seen", "? the service list was not read"),
    }
    let aggregates = cx.store.aggregates_of(&row.host);
    section.add("aggregates", if aggregates.is_empty() { "–".to_owned() } else { aggregates.join(", ") });
    for note in crate::health::hypervisor::notes(cx.store, row) {
        section.add(note.verdict.as_str(), note.words);
    }
    section
}

fn resources(cx: &Cx, row: &Hypervisor) -> Section {
    let mut section = Section::new("resources");
    let Some(provider) = cx.store.provider_of(row) else {
        section.add("placement", "? no provider is known for this host");
        plain(&mut section, row);
        return section;
    };
    for (label, column, class, unit) in [
        ("vCPU", "vcpus_used", ResourceClass::Vcpu, ""),
        ("RAM", "memory_mb_used", ResourceClass::MemoryMb, " GiB"),
        ("disk", "local_gb_used", ResourceClass::DiskGb, " GiB"),
    ] {
        section.add(label, use_words(cx, row, provider, column, class, unit));
    }
    section.add(
        "placement read",
        match &provider.usages {
            Some((at, _)) => parts::moment(cx, Some(*at)),
            None => "? not yet".to_owned(),
        },
    );
    section
}

/// nova's figures alone: the limit is unknown, not assumed.
fn plain(section: &mut Section, row: &Hypervisor) {
    section.add(
        "vCPU",
        format!("{} of {} threads in use", format::maybe(row.vcpus_used), format::maybe(row.vcpus)),
    );
    section.add(
        "RAM",
        format!("{} of {} MiB in use", format::maybe(row.memory_mb_used), format::maybe(row.memory_mb)),
    );
}

/// What is in use of what the scheduler may give, and how that limit comes about.
fn use_words(
    cx: &Cx,
    row: &Hypervisor,
    provider: &Provider,
    column: &str,
    class: ResourceClass,
    unit: &str,
) -> String {
    let Some(of) = table::Use::of(cx.store, row, column) else { return "?".to_owned() };
    let (used, limit) = of.figures();
    let Some(inventory) = provider.inventory(class) else {
        return format!("{used} of ?{unit} in use (Placement not read)");
    };
    let physical = inventory.total
        + provider
            .inventory(ResourceClass::Pcpu)
            .filter(|_| class == ResourceClass::Vcpu)
            .map_or(0, |p| p.total);
    let share = of.counted().map(|n| n / physical.max(1) as f64);
    let effective = share.map_or_else(|| "?".to_owned(), |share| format!("{share:.2}"));
    let guide = GUIDE.iter().find(|(c, ratio)| *c == class && *ratio != inventory.allocation_ratio);
    let guide = guide.map(|(_, ratio)| format!("; the Operations Guide's default is {ratio}:1"));
    let pinned = provider.inventory(ResourceClass::Pcpu).filter(|_| class == ResourceClass::Vcpu);
    let pinned = pinned.map(|pinned| format!(" and {} for pinned ones", pinned.total)).unwrap_or_default();
    format!(
        "{used} of {limit}{unit} in use: {} physical{pinned}, {} reserved, {}:1 allowed, {effective}:1 in effect; \
         Placement counts {}{}",
        of.in_unit(inventory.total as f64),
        of.in_unit(inventory.reserved as f64),
        inventory.allocation_ratio,
        provider.in_use(class).map_or_else(|| "?".to_owned(), |n| of.in_unit(n as f64)),
        guide.unwrap_or_default(),
    )
}

fn host(_: &Cx, row: &Hypervisor) -> Section {
    let mut section = Section::new("host");
    section.add("hypervisor", row.hypervisor_hostname.to_string());
    section.add("id", row.id.to_string());
    section.add("address", row.host_ip.as_deref().unwrap_or("–"));
    let version = row.hypervisor_version.map(|v| format!(" {v}")).unwrap_or_default();
    section.add("type", format!("{}{version}", row.hypervisor_type));
    section.add("CPU", row.cpu_model.as_deref().unwrap_or("?"));
    section
}

fn instances(cx: &Cx, row: &Hypervisor) -> Section {
    let slots = cx.store.instances_on(row);
    let mut section = Section::new(format!("instances ({})", slots.len()));
    // Every line costs; beyond this many the instances pane is the place (`i`).
    const MOST: usize = 200;
    for instance in slots.iter().take(MOST).filter_map(|slot| cx.store.instances.get(*slot)) {
        let project = cx.store.projects.by_id(&instance.project_id).map_or(&instance.project_id, |p| &p.name);
        let task = instance.task_state.as_deref().map(|t| format!(" {t}")).unwrap_or_default();
        section.add(
            instance.id.get(..8).unwrap_or(&instance.id).to_owned(),
            format!("{}{task}  {}  ({project})", instance.status, instance.name),
        );
    }
    if slots.len() > MOST {
        section.add("…", format!("{} more: `i` lists all", slots.len() - MOST));
    }
    section
}
