//! Any number of rows: what is built of them, and in what order they stand.

use super::*;

/// A store that holds these instances, as a full read brings them: in pages.
fn stocked(rows: &[Instance]) -> Store {
    let mut store = Store::default();
    let say = |store: &mut Store, outcome| store.apply(facts::report(facts::now(), outcome));
    say(&mut store, Outcome::Begin { topic: Topic::Instances, expected: None });
    for page in rows.chunks(1_000) {
        say(&mut store, Outcome::Part(Delta::Instances(page.to_vec())));
    }
    say(&mut store, Outcome::End { topic: Topic::Instances, complete: true, limit: None });
    store
}

#[test]
fn of_a_hundred_thousand_instances_only_those_on_screen_are_built() {
    let store = stocked(&facts::many(100_000));
    let mut grid = Grid::new(&instances::TABLE);
    grid.sync(&store, facts::now());
    assert_eq!((grid.shown(), grid.total()), (100_000, 100_000));
    let theme = Theme::shipped("dark").unwrap().unwrap();
    let look = Look::new(false, 1);
    let row = |_| RowLook { sign: Sign::Ok, role: Role::Ok, faded: false };
    let cell = |_, _: &str, _| None;
    let looks = Looks { theme: &theme, look: &look, now: facts::now(), row: &row, cell: &cell };
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    let keys = [Action::Down, Action::PageDown, Action::Bottom, Action::HalfPageUp, Action::Top];
    for (frames, key) in (1..).zip(keys) {
        grid.on(key, &store, facts::now());
        terminal.draw(|frame| grid.draw(frame, frame.area(), &store, &looks)).unwrap();
        // One line is the heading.
        assert_eq!(grid.rows_built(), frames * 59, "after {key:?}");
        assert_eq!(grid.visible().len(), 59);
    }
}

/// What happens to an instance between two frames.
#[derive(Clone, Debug)]
enum Event {
    Status(&'static str),
    Host(Option<u8>),
    Renamed(String),
    Task(bool),
    Deleted,
    ProjectRenamed(String),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        prop::sample::select(vec!["ACTIVE", "ERROR", "SHUTOFF", "BUILD"]).prop_map(Event::Status),
        prop::option::of(1u8..5).prop_map(Event::Host),
        "[a-c]{0,3}".prop_map(Event::Renamed),
        any::<bool>().prop_map(Event::Task),
        Just(Event::Deleted),
        "[a-c]{1,2}".prop_map(Event::ProjectRenamed),
    ]
}

/// What the cloud says of it.
fn said(row: &Instance, event: &Event) -> Delta {
    let mut row = row.clone();
    match event {
        Event::Status(status) => row.status = (*status).into(),
        Event::Host(n) => row.host = n.map(|n| format!("cmp{n:02}").into()),
        Event::Renamed(name) => row.name = name.as_str().into(),
        Event::Task(busy) => row.task_state = busy.then(|| "rebooting".into()),
        Event::Deleted => return Delta::Remove(Topic::Instances, vec![row.id]),
        Event::ProjectRenamed(name) => {
            let project =
                Named { id: row.project_id, name: name.as_str().into(), domain_id: None, enabled: None };
            return Delta::Names(NamedKind::Project, vec![project]);
        }
    }
    Delta::Instances(vec![row])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Kept by changes alone, the order of real rows is what a fresh sort makes of them, whatever the column
    /// and the filter.
    #[test]
    fn a_kept_order_of_instances_equals_a_fresh_one(
        batches in prop::collection::vec(prop::collection::vec((0usize..300, event()), 0..20), 1..8),
        column in 0usize..12,
        descending in any::<bool>(),
        filter in prop::sample::select(vec!["", "a", "status=ERROR", "!host=cmp01", "project=a*", "verdict=busy"]),
    ) {
        let rows = facts::many(300);
        let mut store = stocked(&rows);
        let on_grid: Vec<&Column<Store>> = instances::TABLE.columns.iter().filter(|c| c.width.1 > 0).collect();
        let column = on_grid[column % on_grid.len()];
        let names: Vec<&str> = instances::TABLE.columns.iter().map(|column| column.name).collect();
        let filter = Filter::parse(filter, &names).unwrap();
        let ordered = |store: &Store| {
            let mut grid = Grid::new(&instances::TABLE);
            grid.sort(column, descending, store, facts::now());
            grid.set_filter(filter.clone(), store, facts::now());
            grid
        };
        let mut kept = ordered(&store);
        for batch in batches {
            for (n, event) in batch {
                let row = store.instances.by_id(&rows[n].id).unwrap_or(&rows[n]).clone();
                store.apply(facts::report(facts::now(), Outcome::Part(said(&row, &event))));
            }
            kept.sync(&store, facts::now());
            let fresh = ordered(&store);
            prop_assert_eq!(kept.slots(), fresh.slots());
        }
    }
}
