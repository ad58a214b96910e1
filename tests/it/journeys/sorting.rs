//! Sorting by every column, and where the cursor is then.

use super::*;

/// Steps through every column of a pane, and holds the rows on screen against the column's own order.
fn sorts(table: &'static Table<Store>) {
    let mut stage = Stage::new(table.name, (139, 60), facts::cloud());
    let columns = table.columns.iter().filter(|column| column.width.1 > 0);
    for column in columns {
        stage.press("s");
        assert!(stage.text().contains(&format!("sorted by {}", column.name)), "{}", stage.text());
        assert_eq!(shown(&stage), sorted(&stage, table, column, false), "{}", column.name);
        stage.press("I");
        assert!(stage.text().contains(&format!("sorted by {} reversed", column.name)), "{}", stage.text());
        assert_eq!(shown(&stage), sorted(&stage, table, column, true), "{} reversed", column.name);
    }
    // Behind the last column it goes by trouble again, and back from there to the last.
    stage.press("s");
    assert!(stage.text().contains("sorted by trouble"), "{}", stage.text());
}

/// The first words of the rows on screen: what they are called.
fn shown(stage: &Stage) -> Vec<String> {
    let text = stage.text();
    let rows = text.lines().skip(4).take_while(|line| !line.is_empty());
    rows.map(|line| line.chars().skip(3).take(9).collect::<String>().trim().to_owned()).collect()
}

/// The same from the store, by a sort of its own: the column, then the name, then the id.
fn sorted(
    stage: &Stage,
    table: &'static Table<Store>,
    column: &'static Column<Store>,
    reversed: bool,
) -> Vec<String> {
    let store = stage.app.store();
    let rows = (table.slots)(store);
    let mut slots = rows.live();
    let by = |column: &Column<Store>, a, b| (column.value)(store, a).order(&(column.value)(store, b));
    slots.sort_by(|&a, &b| {
        let order = by(column, a, b);
        let order = if reversed { order.reverse() } else { order };
        order.then_with(|| by(&table.columns[0], a, b)).then_with(|| rows.key(a).cmp(&rows.key(b)))
    });
    let name = |slot| {
        let value = (table.columns[0].value)(store, slot);
        let text = stackwatch::ui::format::value(&value, stage.now()).into_owned();
        let clean = stackwatch::ui::text::sanitise(&text).into_owned();
        clean.chars().take(9).collect::<String>().trim().to_owned()
    };
    slots.into_iter().map(name).collect()
}

#[test]
fn hypervisors_sort_by_every_column_both_ways() {
    sorts(&hypervisors::TABLE);
}

#[test]
fn instances_sort_by_every_column_both_ways() {
    sorts(&instances::TABLE);
}

#[test]
fn the_cursor_stays_on_its_row_when_the_order_changes() {
    check(
        "hypervisors",
        &[
            Press("jj"),
            Cursor("cmp06"),
            Press("s"),
            Order(&["cmp01", "cmp02", "cmp06"]),
            Cursor("cmp06"),
            Press("I"),
            Order(&["cmp12", "cmp11", "cmp06"]),
            Cursor("cmp06"),
            Press("S"),
            Sees("sorted by trouble"),
            Cursor("cmp06"),
        ],
    );
}

#[test]
fn of_what_failed_the_last_stands_first() {
    check(
        "instances",
        &[
            Order(&["web-17", "web-01"]),
            // By its name it would stand below.
            Hear(|at| becomes_error("前端-01", at)),
            Order(&["前端-01", "web-17", "web-01"]),
        ],
    );
}
