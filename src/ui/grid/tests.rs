use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::Named;
use crate::store::Rows;
use crate::table::{Value, column};

/// Rows of a name and a number in the name.
struct World {
    rows: Rows<Named>,
}

static TABLE: Table<World> = Table {
    name: "things",
    columns: &[
        column!("name", "NAME", "", "test", Left, (4, 20), 0, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| Value::text(&*row.name))
        }),
        column!("id", "ID", "", "test", Right, (4, 6), 1, |w: &World, slot| {
            w.rows.get(slot).map_or(Value::Unknown, |row| Value::text(&*row.id))
        }),
    ],
    slots: |world| &world.rows,
    sort: ("name", false),
    then: "id",
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
    use ratatui::backend::TestBackend;
    let mut terminal = ratatui::Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::shipped("mono").unwrap().unwrap();
    let look = Look::new(false, 1);
    let row = |_| RowLook { sign: Sign::Ok, role: Role::Ok, faded: false };
    let cell = |_, _: &str, _| None;
    terminal
        .draw(|frame| {
            let area = frame.area();
            let looks = Looks { theme: &theme, look: &look, now: NOW, row: &row, cell: &cell };
            grid.draw(frame, area, world, &looks);
        })
        .unwrap();
    super::super::ansi::plain(terminal.backend().buffer())
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
