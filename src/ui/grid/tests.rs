use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::model::Named;
use crate::store::Rows;
use crate::table::{Slots, Value, column};

/// Rows of a name and a number in the name.
struct World {
    rows: Rows<Named>,
}

impl World {
    fn name(&self, slot: Slot) -> Value<'_> {
        self.rows.get(slot).map_or(Value::Unknown, |row| Value::text(&*row.name))
    }

    fn id(&self, slot: Slot) -> Value<'_> {
        self.rows.get(slot).map_or(Value::Unknown, |row| Value::text(&*row.id))
    }
}

static TABLE: Table<World> = Table {
    name: "things",
    columns: &[
        column!("name", "NAME", "", "test", Left, (4, 20), 0, World::name),
        column!("id", "ID", "", "test", Right, (4, 6), 1, World::id),
    ],
    slots: |world| &world.rows,
    sort: ("name", false),
    words: |_, _, _, _| None,
};

/// The same things, all of them equal in the column that they are sorted by.
static SAME: Table<World> = Table {
    name: "things",
    columns: &[
        column!("name", "NAME", "", "test", Left, (4, 20), 0, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| Value::text(&*row.name))
        }),
        column!("born", "AGE", "", "test", Right, (4, 6), 1, |_: &World, _| Value::Time(NOW)),
    ],
    slots: |world| &world.rows,
    sort: ("born", false),
    words: |_, _, _, _| None,
};

fn world(rows: &[(&str, &str)]) -> World {
    let mut world = World { rows: Rows::default() };
    for (id, name) in rows {
        put(&mut world, id, name);
    }
    world
}

fn put(world: &mut World, id: &str, name: &str) {
    world.rows.upsert(Named { id: id.into(), name: name.into(), domain_id: None, enabled: None });
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn names(grid: &Grid<World>, world: &World) -> Vec<String> {
    grid.slots().iter().filter_map(|s| world.rows.get(*s)).map(|row| row.name.to_string()).collect()
}

fn selected(grid: &Grid<World>, world: &World) -> String {
    grid.selected().and_then(|slot| world.rows.get(slot)).map(|row| row.name.to_string()).unwrap_or_default()
}

#[test]
fn the_cursor_stays_on_its_row() {
    let mut world = world(&[("1", "b"), ("2", "d"), ("3", "f")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    grid.on(Action::Down, &world, NOW);
    put(&mut world, "4", "a");
    put(&mut world, "5", "c");
    grid.sync(&world, NOW);
    assert_eq!(names(&grid, &world), ["a", "b", "c", "d", "f"]);
    assert_eq!(grid.selected().and_then(|s| world.rows.get(s)).map(|r| &*r.name), Some("d"));
    // Gone: the cursor stays at its place.
    world.rows.remove("2");
    grid.sync(&world, NOW);
    assert_eq!(grid.selected().and_then(|s| world.rows.get(s)).map(|r| &*r.name), Some("f"));
}

#[test]
fn until_it_is_moved_the_cursor_stays_on_top() {
    let mut world = world(&[("1", "m")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    put(&mut world, "2", "a");
    grid.sync(&world, NOW);
    assert_eq!(selected(&grid, &world), "a");
}

/// A full screen of rows, the cursor moved down by two.
fn scrolled(rows: &[&str], height: u16) -> (World, Grid<World>) {
    let rows: Vec<(String, &str)> = rows.iter().enumerate().map(|(i, n)| (i.to_string(), *n)).collect();
    let world = world(&rows.iter().map(|(id, name)| (id.as_str(), *name)).collect::<Vec<_>>());
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    draw(&mut grid, &world, 30, height);
    grid.on(Action::Down, &world, NOW);
    grid.on(Action::Down, &world, NOW);
    (world, grid)
}

#[test]
fn what_comes_on_top_is_seen_while_the_cursor_keeps_its_row() {
    let (mut world, mut grid) = scrolled(&["k", "l", "m", "n", "o", "p", "q", "r", "s"], 9);
    for (id, name) in [("20", "a"), ("21", "b"), ("22", "c")] {
        put(&mut world, id, name);
        grid.sync(&world, NOW);
    }
    let screen = draw(&mut grid, &world, 30, 9);
    assert_eq!(selected(&grid, &world), "m");
    assert!(screen.lines().nth(1).unwrap().contains(" a "), "{screen}");
}

#[test]
fn a_row_that_a_filter_hid_gets_the_cursor_back() {
    let (world, mut grid) = scrolled(&["ab", "ac", "bc", "bd"], 9);
    assert_eq!(selected(&grid, &world), "bc");
    for (filter, on) in [("a", "ab"), ("ac", "ac"), ("a", "ab"), ("", "bc")] {
        grid.set_filter(Filter::parse(filter, &["name", "id"]).unwrap(), &world, NOW);
        assert_eq!(selected(&grid, &world), on, "{filter:?}");
    }
    // Moved meanwhile: that is where it stays.
    grid.set_filter(Filter::parse("a", &["name", "id"]).unwrap(), &world, NOW);
    grid.on(Action::Down, &world, NOW);
    grid.set_filter(Filter::default(), &world, NOW);
    assert_eq!(selected(&grid, &world), "ac");
}

#[test]
fn rows_that_are_equal_in_the_sorted_column_stand_by_name() {
    let world = world(&[("9", "a"), ("1", "c"), ("5", "b")]);
    let mut grid = Grid::new(&SAME);
    grid.sync(&world, NOW);
    assert_eq!(names(&grid, &world), ["a", "b", "c"]);
    // The name's own order does not turn around with the column's.
    grid.on(Action::SortReverse, &world, NOW);
    assert_eq!(names(&grid, &world), ["a", "b", "c"]);
}

#[test]
fn a_row_grows_out_of_a_filter_over_ages() {
    let world = world(&[("1", "a")]);
    let mut grid = Grid::new(&SAME);
    let at = |seconds| NOW + jiff::SignedDuration::from_secs(seconds);
    grid.set_filter(Filter::parse("born<1m", &["born"]).unwrap(), &world, at(50));
    assert_eq!(grid.shown(), 1);
    grid.sync(&world, at(70));
    assert_eq!(grid.shown(), 0);
}

#[test]
fn a_grid_without_rows_says_so() {
    let mut grid = Grid::new(&TABLE);
    let mut world = world(&[]);
    grid.sync(&world, NOW);
    assert!(draw(&mut grid, &world, 40, 5).contains("there are no things"));
    put(&mut world, "1", "a");
    grid.set_filter(Filter::parse("x", &["name"]).unwrap(), &world, NOW);
    assert!(draw(&mut grid, &world, 40, 5).contains("none of the 1 things matches"));
}

#[test]
fn what_is_more_than_its_value_gets_the_room_that_it_needs() {
    let world = world(&[("1", "up")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    let cell = |_, column: &str, _| (column == "name").then(|| Line::from("forced down 10m"));
    let screen = draw_with(&mut grid, &world, 40, 4, &cell, false);
    assert!(screen.0.contains("forced down 10m"), "{}", screen.0);
    // Where even that does not fit, a figure that lost its unit is not shown as a whole one.
    assert!(draw_with(&mut grid, &world, 16, 4, &cell, false).0.contains("forced down…"));
}

#[test]
fn old_rows_are_grey_whatever_colours_they_wore() {
    let world = world(&[("1", "a")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    let red =
        |_, _: &str, _| Some(Line::from(Span::styled("x", Style::default().fg(ratatui::style::Color::Red))));
    let (_, styles) = draw_with(&mut grid, &world, 30, 4, &red, true);
    let theme = Theme::shipped("dark").unwrap().unwrap();
    assert!(styles.iter().all(|style| style.fg == theme.style(Role::Stale).fg), "{styles:?}");
}

#[test]
fn sorting_and_filtering() {
    let world = world(&[("3", "b"), ("1", "ab"), ("2", "c")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    grid.on(Action::SortNext, &world, NOW);
    assert_eq!(names(&grid, &world), ["ab", "c", "b"]);
    assert_eq!(grid.sorted_words(), "sorted by id");
    grid.on(Action::SortReverse, &world, NOW);
    assert_eq!(names(&grid, &world), ["b", "c", "ab"]);
    grid.set_filter(Filter::parse("b", &["name", "id"]).unwrap(), &world, NOW);
    assert_eq!((grid.shown(), grid.total()), (2, 3));
}

#[test]
fn only_visible_rows_are_built() {
    let rows: Vec<(String, String)> = (0..10_000).map(|i| (i.to_string(), format!("n{i:05}"))).collect();
    let pairs: Vec<(&str, &str)> = rows.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let world = world(&pairs);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    let screen = draw(&mut grid, &world, 40, 20);
    assert_eq!(grid.rows_built(), 19);
    assert!(screen.contains("n00000") && screen.contains("n00018"), "{screen}");
    grid.on(Action::Bottom, &world, NOW);
    assert!(draw(&mut grid, &world, 40, 20).contains("n09999"));
    assert_eq!(grid.rows_built(), 38);
}

#[test]
fn the_least_useful_column_goes_first() {
    let world = world(&[("1", "a-long-name-for-this")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    assert!(draw(&mut grid, &world, 40, 4).contains("ID"));
    assert!(!draw(&mut grid, &world, 10, 4).contains("ID"));
}

#[test]
fn wide_names_keep_the_columns_aligned() {
    let world = world(&[("1", "前端-01"), ("2", "web")]);
    let mut grid = Grid::new(&TABLE);
    grid.sync(&world, NOW);
    let screen = draw(&mut grid, &world, 30, 4);
    let columns: Vec<usize> = screen
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| text::width(line.trim_end()))
        .collect();
    assert_eq!(columns.len(), 2);
    assert_eq!(columns[0], columns[1], "{screen}");
}

fn draw(grid: &mut Grid<World>, world: &World, width: u16, height: u16) -> String {
    draw_with(grid, world, width, height, &|_, _, _| None, false).0
}

type CellOf<'a> = &'a dyn Fn(Slot, &str, u16) -> Option<Line<'static>>;

/// The frame's characters, and the styles of the first row that are no blanks.
fn draw_with(
    grid: &mut Grid<World>,
    world: &World,
    width: u16,
    height: u16,
    cell: CellOf,
    faded: bool,
) -> (String, Vec<Style>) {
    use ratatui::backend::TestBackend;
    let mut terminal = ratatui::Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::shipped(if faded { "dark" } else { "mono" }).unwrap().unwrap();
    let look = Look::new(false, 1);
    let role = if faded { Role::Stale } else { Role::Ok };
    let row = |_| RowLook { sign: Sign::Ok, role, faded };
    let drawn = terminal
        .draw(|frame| {
            let area = frame.area();
            let looks = Looks { theme: &theme, look: &look, now: NOW, row: &row, cell };
            grid.draw(frame, area, world, &looks);
        })
        .unwrap();
    let first = (0..width).map(|x| &drawn.buffer[(x, 1)]);
    let styles = first.filter(|cell| cell.symbol() != " ").map(|cell| cell.style()).collect();
    (super::super::ansi::plain(drawn.buffer), styles)
}

/// Things with a column of each kind, made from their name and id.
static KINDS: Table<World> = Table {
    name: "things",
    columns: &[
        column!("name", "NAME", "", "test", Left, (4, 20), 0, World::name),
        column!("id", "ID", "", "test", Right, (4, 6), 1, World::id),
        column!("length", "", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| match row.name.len() {
                0 => Value::Unknown,
                length => Value::Int(length as i64),
            })
        }),
        column!("born", "", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| match row.id.parse::<i64>() {
                Ok(n) if n % 3 > 0 => Value::Time(NOW - jiff::SignedDuration::from_secs(n % 7 * 60)),
                _ => Value::Absent,
            })
        }),
        column!("letters", "", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| {
                Value::List(row.name.split_inclusive('b').map(Into::into).collect())
            })
        }),
        column!("odd", "", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| Value::Bool(row.id.ends_with(['1', '3', '5'])))
        }),
        column!("half", "", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| Value::Float(row.name.len() as f64 / 2.0))
        }),
    ],
    slots: |world| &world.rows,
    sort: ("length", true),
    words: |_, _, _, _| None,
};

/// All rows asked anew and sorted by comparing: what a grid must show in the end.
fn naive(world: &World, filter: &Filter, column: &str, descending: bool) -> Vec<Slot> {
    let value = |column: &'static Column<World>, slot| (column.value)(world, slot);
    let (column, name) = (KINDS.column(column).unwrap(), &KINDS.columns[0]);
    let mut slots = filter.sieve(KINDS.columns, world, NOW).keep(&world.rows.live());
    slots.sort_by(|&a, &b| {
        let order = value(column, a).order(&value(column, b));
        let order = if descending { order.reverse() } else { order };
        order
            .then_with(|| value(name, a).order(&value(name, b)))
            .then_with(|| world.rows.key(a).cmp(&world.rows.key(b)))
    });
    slots
}

const FILTERS: &[&str] = &[
    "",
    "a",
    "ab",
    "b",
    "!a",
    "1",
    "name=*b",
    "length>1",
    "born<3m",
    "born<3m a",
    "letters=ab",
    "odd=yes 1",
    "~b$",
    "nothing",
];

/// What may happen to a grid.
#[derive(Clone, Debug)]
enum Step {
    Put(u16, String),
    Remove(u16),
    Sort(usize, bool),
    Filter(usize),
    Sync,
    More,
}

fn step(rows: u16) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..rows, "[abc]{0,3}").prop_map(|(id, name)| Step::Put(id, name)),
        3 => (0..rows).prop_map(Step::Remove),
        2 => (0..KINDS.columns.len(), any::<bool>()).prop_map(|(column, down)| Step::Sort(column, down)),
        2 => (0..FILTERS.len()).prop_map(Step::Filter),
        2 => Just(Step::Sync),
        1 => Just(Step::More),
    ]
}

/// Takes the steps; after each the cursor is on a shown row and no row is shown twice, and in the end the
/// grid shows what the naive model does.
fn take(world: &mut World, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut grid = Grid::new(&KINDS);
    let names: Vec<&str> = KINDS.columns.iter().map(|column| column.name).collect();
    let (mut filter, mut column, mut descending) = (Filter::default(), "length", true);
    grid.sync(world, NOW);
    for step in steps.iter().chain([&Step::Sync]) {
        match step {
            Step::Put(id, name) => put(world, &id.to_string(), name),
            Step::Remove(id) => drop(world.rows.remove(&id.to_string())),
            Step::Sort(by, down) => {
                (column, descending) = (KINDS.columns[*by].name, *down);
                grid.sort(&KINDS.columns[*by], *down, world, NOW);
            }
            Step::Filter(at) => {
                filter = Filter::parse(FILTERS[*at], &names).unwrap();
                grid.set_filter(filter.clone(), world, NOW);
            }
            Step::Sync => grid.sync(world, NOW),
            Step::More => grid.more(world, NOW),
        }
        if matches!(step, Step::Put(..) | Step::Remove(_)) {
            continue;
        }
        let shown = naive(world, &filter, column, descending);
        if grid.is_behind() {
            // Not all yet, but nothing that does not belong there, and in the right order.
            let mut rest = shown.iter();
            prop_assert!(grid.slots().iter().all(|slot| rest.any(|other| other == slot)), "{step:?}");
        } else {
            prop_assert_eq!(grid.slots(), shown, "{:?}", step);
        }
        prop_assert_eq!(grid.selected().is_none(), grid.slots().is_empty());
    }
    while grid.is_behind() {
        grid.more(world, NOW);
    }
    prop_assert_eq!(grid.slots(), naive(world, &filter, column, descending));
    Ok(())
}

/// Of so many rows orders are kept, a filter takes steps, and a view can be too far behind the change log.
#[test]
fn many_rows_show_what_a_naive_grid_would() {
    const ROWS: u16 = 18_000;
    let mut world = World { rows: Rows::default() };
    for id in 0..ROWS {
        put(&mut world, &id.to_string(), &format!("{}{}", "abc".repeat(id as usize % 4), id % 1_000));
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tree = proptest::collection::vec(step(ROWS), 90).new_tree(&mut runner).unwrap();
    let mut steps = tree.current();
    // Kept orders and answers that are overtaken by more changes than are remembered.
    let flood = (0..9_000).map(|id| Step::Put(id * 2, "bca".to_owned()));
    steps.splice(40..40, flood);
    take(&mut world, &steps).unwrap();
}

#[test]
fn rows_come_in_steps_and_the_cursor_with_them() {
    const ROWS: usize = 60_000;
    let mut world = World { rows: Rows::default() };
    for id in 0..ROWS {
        put(&mut world, &format!("{id:05}"), if id == 55_000 { "here" } else { "there" });
    }
    let mut grid = Grid::new(&KINDS);
    let names: Vec<&str> = KINDS.columns.iter().map(|column| column.name).collect();
    let filter = |text| Filter::parse(text, &names).unwrap();
    grid.sync(&world, NOW);
    grid.select_key("55001", &world);
    grid.set_filter(filter("!55000"), &world, NOW);
    let asked = grid.asked().unwrap();
    assert!(grid.is_behind() && asked > 0 && asked < ROWS, "{asked}");
    assert_eq!(grid.shown(), asked, "the uppermost rows are there at once");
    assert_ne!(grid.selected().and_then(|slot| world.rows.key(slot)).unwrap().as_ref(), "55001");
    grid.set_filter(filter("!55000 zzz"), &world, NOW);
    assert!(draw_with(&mut grid, &world, 60, 5, &|_, _, _| None, false).0.contains("none of the first"));
    grid.set_filter(filter("!55000"), &world, NOW);
    let mut steps = 0;
    while grid.is_behind() {
        grid.more(&world, NOW);
        steps += 1;
    }
    assert!(steps > 1);
    assert_eq!((grid.asked(), grid.shown(), grid.total()), (None, ROWS - 1, ROWS));
    assert_eq!(grid.selected().and_then(|slot| world.rows.key(slot)).unwrap().as_ref(), "55001");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_a_grid_shows_what_a_naive_one_would(
        steps in proptest::collection::vec(step(40), 1..60),
    ) {
        let mut world = World { rows: Rows::default() };
        take(&mut world, &steps)?;
    }
}

proptest! {
    /// Kept by changes, the order is what a full sort makes.
    #[test]
    fn a_kept_order_equals_a_fresh_one(
        batches in proptest::collection::vec(
            proptest::collection::vec((0u16..300, proptest::option::of("[a-c]{0,3}")), 0..20),
            1..12,
        ),
        word in proptest::option::of("[a-c]"),
    ) {
        let mut world = World { rows: Rows::default() };
        for i in 0..300 {
            put(&mut world, &i.to_string(), "seed");
        }
        let mut grid = Grid::new(&TABLE);
        let filter = Filter::parse(&word.unwrap_or_default(), &["name", "id"]).unwrap();
        grid.set_filter(filter.clone(), &world, NOW);
        for batch in batches {
            for (id, name) in batch {
                match name {
                    Some(name) => put(&mut world, &id.to_string(), &name),
                    None => drop(world.rows.remove(&id.to_string())),
                }
            }
            grid.sync(&world, NOW);
            let mut fresh = Grid::new(&TABLE);
            fresh.set_filter(filter.clone(), &world, NOW);
            prop_assert_eq!(grid.slots(), fresh.slots());
            let distinct: BTreeMap<_, _> = grid.slots().iter().map(|s| (*s, ())).collect();
            prop_assert_eq!(distinct.len(), grid.shown());
        }
    }
}
