//! Moving the cursor, changing panes, going in and out, by keys and by mouse.

use super::*;

#[test]
fn the_cursor_moves_as_in_vim_and_with_arrows() {
    check(
        "hypervisors",
        &[
            Cursor("cmp07"),
            Press("j"),
            Cursor("cmp04"),
            Press("<down>"),
            Cursor("cmp06"),
            Press("k<up>"),
            Cursor("cmp07"),
            Press("k"),
            Cursor("cmp07"),
            Press("G"),
            Cursor("cmp12"),
            Press("j"),
            Cursor("cmp12"),
            Press("gg"),
            Cursor("cmp07"),
            Press("<end>"),
            Cursor("cmp12"),
            Press("<home>"),
            Cursor("cmp07"),
            Press("<ctrl-d>"),
            Cursor("cmp12"),
            Press("<ctrl-u>"),
            Cursor("cmp07"),
        ],
    );
}

#[test]
fn panes_change_by_digit_and_in_a_ring() {
    check(
        "hypervisors",
        &[
            Press("3"),
            Sees("25 of 25 shown"),
            Press("2"),
            Sees("12 of 12 shown"),
            Press("<tab>"),
            Sees("25 of 25 shown"),
            Press("<tab>"),
            Sees("6 of 6 shown"),
            Press("<tab>"),
            Sees("44 of 44 shown"),
            Press("<tab>"),
            Sees("22 records in 25 lines"),
            Press("<tab>"),
            Sees("12 of 12 shown"),
            Press("<backtab><backtab><backtab><backtab>"),
            Sees("25 of 25 shown"),
            // A pane that is not built yet says so, and changes nothing.
            Press("1"),
            Sees("the overview is not built yet"),
            Sees("25 of 25 shown"),
        ],
    );
}

#[test]
fn going_in_and_back_out() {
    check(
        "hypervisors",
        &[
            Press("<enter>"),
            Sees("Hypervisors › cmp07"),
            Sees("last seen"),
            Press("<esc>"),
            Lacks("Hypervisors ›"),
            Cursor("cmp07"),
            Press("<enter>q"),
            Cursor("cmp07"),
            AsksNothing,
            // At the outermost view `esc` is nothing, and `q` leaves.
            Press("<esc>"),
            AsksNothing,
            Press("q"),
            Asks(Request::Exit),
        ],
    );
}

#[test]
fn a_mouse_moves_the_cursor_and_changes_panes() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut stage = Stage::new("hypervisors", (120, 40), facts::cloud());
    let at = |kind, column, row| MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
    let send = |stage: &mut Stage, event| {
        let now = stage.now();
        assert!(stage.app.on_mouse(event, now).is_empty());
        stage.wait(0);
    };
    send(&mut stage, at(MouseEventKind::Down(MouseButton::Left), 10, 6));
    walk(&mut stage, &[Cursor("cmp06")]);
    send(&mut stage, at(MouseEventKind::ScrollDown, 10, 10));
    walk(&mut stage, &[Cursor("cmp01")]);
    send(&mut stage, at(MouseEventKind::ScrollUp, 10, 10));
    walk(&mut stage, &[Cursor("cmp06")]);
    send(&mut stage, at(MouseEventKind::Down(MouseButton::Left), 22, 1));
    walk(&mut stage, &[Sees("25 of 25 shown")]);
}
