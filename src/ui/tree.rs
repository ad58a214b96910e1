//! The one tree, over tui-tree-widget: children of opened nodes only, lines of visible nodes only.

use std::collections::{HashMap, HashSet};

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Text};
use tui_tree_widget::{Tree as Widget, TreeItem, TreeState};

use super::text;
use crate::action::Action;
use crate::theme::{Look, Role, Theme};

/// A node: an identifier that is unique among its siblings, and its children.
///
/// Children of a closed node need not be built: `has_children` alone draws its sign.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub children: Vec<Node>,
    pub has_children: bool,
}

/// What a node says, by the identifiers that lead to it, in so many cells.
pub type LineOf<'a> = &'a dyn Fn(&[&str], usize) -> Line<'static>;

/// The state of a tree and its built items.
#[derive(Debug, Default)]
pub struct Tree {
    names: Names,
    state: TreeState<u32>,
    items: Vec<TreeItem<'static, u32>>,
    /// Of the last frame.
    area: Rect,
    /// Grows when a node is opened or closed.
    opened: usize,
    /// What the whole tree shows is old.
    faded: bool,
    /// The last frame shows these items: the widget moves the cursor among those that it has drawn.
    is_drawn: bool,
}

/// Identifiers as numbers: the widget copies the path of every node of an opened branch at each frame.
#[derive(Debug, Default)]
struct Names {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Numbers that may be given again.
    free: Vec<u32>,
    /// How many there may be before those that the tree does not hold any more are let go.
    room: usize,
}

/// So few are never worth a look at all of them.
const ROOM: usize = 4_096;

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.free.pop().unwrap_or(self.names.len() as u32);
        match self.names.get_mut(number as usize) {
            Some(place) => name.clone_into(place),
            None => self.names.push(name.to_owned()),
        }
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// Lets go of the numbers that are not held: queues come and go by the thousand, their names with them.
    fn keep(&mut self, held: &HashSet<u32>) {
        let free = &mut self.free;
        self.numbers.retain(|_, number| {
            let stays = held.contains(number);
            if !stays {
                free.push(*number);
            }
            stays
        });
        // A look at all of them is paid for by as many new ones.
        self.room = self.numbers.len() * 2;
    }

    fn path(&mut self, path: &[String]) -> Vec<u32> {
        path.iter().map(|name| self.number(name)).collect()
    }

    fn of<'a>(&'a self, path: &[u32]) -> Vec<&'a str> {
        path.iter().filter_map(|number| self.names.get(*number as usize)).map(String::as_str).collect()
    }
}

/// Cells left of the roots, and right of the longest line.
const MARGIN: u16 = 1;
/// Cells of a level, and of a node's sign.
const INDENT: usize = 2;

impl Tree {
    /// New content; opened nodes stay, and so does the cursor: where its node is gone, on what held it.
    pub fn set(&mut self, nodes: &[Node]) {
        self.items = nodes.iter().filter_map(|node| item(node, &mut self.names)).collect();
        let mut path = existing(&self.items, self.state.selected());
        if path.is_empty() {
            path.extend(self.items.first().map(|item| *item.identifier()));
        }
        // Also when it has not moved: it stays in sight when others come above it.
        self.state.select(path);
        self.is_drawn = false;
        if self.names.numbers.len() > self.names.room.max(ROOM) {
            let mut held: HashSet<u32> = self.state.opened().iter().flatten().copied().collect();
            hold(&self.items, &mut held);
            self.names.keep(&held);
        }
    }

    pub fn is_open(&self, path: &[String]) -> bool {
        let numbers: Option<Vec<u32>> =
            path.iter().map(|name| self.names.numbers.get(name).copied()).collect();
        numbers.is_some_and(|path| self.state.opened().contains(&path))
    }

    pub fn open(&mut self, path: &[String]) {
        let path = self.names.path(path);
        self.opened += usize::from(self.state.open(path));
    }

    /// A number that is another when other nodes are open: their children must be [`set`](Self::set) then.
    pub fn opened(&self) -> usize {
        self.opened
    }

    /// Whether all of it is drawn as old.
    pub fn fade(&mut self, faded: bool) {
        self.faded = faded;
    }

    /// The identifiers from the root to the node under the cursor.
    pub fn selected(&self) -> Vec<&str> {
        self.names.of(self.state.selected())
    }

    /// Puts the cursor on a node, and opens the way to it.
    pub fn select(&mut self, path: &[String]) {
        for end in 1..path.len() {
            self.open(&path[..end]);
        }
        let path = self.names.path(path);
        self.state.select(path);
    }

    pub fn on(&mut self, action: Action) -> bool {
        let page = self.area.height.max(1) as usize;
        let before = self.state.opened().len();
        match action {
            Action::Up => self.step(|at, _| at.saturating_sub(1)),
            Action::Down => self.step(|at, _| at + 1),
            Action::Left => self.left(),
            Action::Right => drop(self.state.key_right()),
            Action::ToggleNode => drop(self.state.toggle_selected()),
            Action::Top => self.step(|_, _| 0),
            Action::Bottom => self.step(|_, last| last),
            Action::HalfPageUp => self.step(|at, _| at.saturating_sub(page / 2)),
            Action::HalfPageDown => self.step(|at, _| at + page / 2),
            Action::PageUp => self.step(|at, _| at.saturating_sub(page)),
            Action::PageDown => self.step(|at, _| at + page),
            _ => return false,
        }
        self.opened += usize::from(self.state.opened().len() != before);
        true
    }

    /// Closes the node, or goes to what holds it; a root stays.
    fn left(&mut self) {
        if self.state.selected().len() > 1 || self.state.opened().contains(self.state.selected()) {
            self.state.key_left();
        }
    }

    /// From the line of the cursor and the last one to another.
    fn step(&mut self, to: impl FnOnce(usize, usize) -> usize) {
        if self.is_drawn {
            self.state.select_relative(|at| to(at.unwrap_or(0), usize::MAX));
            return;
        }
        // Two keys before one frame: what the first has changed was never drawn.
        let lines = self.state.flatten(&self.items);
        let here = lines.iter().position(|line| line.identifier == self.state.selected()).unwrap_or(0);
        let last = lines.len().saturating_sub(1);
        let path = lines.get(to(here, last).min(last)).map(|line| line.identifier.clone());
        self.state.select(path.unwrap_or_default());
    }

    /// A click on the line `row` of the last frame: on the node under the cursor it opens or closes it.
    pub fn click(&mut self, row: u16) {
        let before = self.state.opened().len();
        self.state.click_at(Position { x: self.area.x, y: self.area.y + row });
        self.opened += usize::from(self.state.opened().len() != before);
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, theme: &Theme, look: &Look, line: LineOf) {
        let whole = area;
        let area = Rect { x: area.x + MARGIN, width: area.width.saturating_sub(MARGIN), ..area };
        if area.height != self.area.height {
            // Another height: what the cursor is on stays in sight.
            self.state.scroll_selected_into_view();
        }
        self.area = area;
        // Fewer lines than before: none is out of sight above while there is room below.
        let lines = self.state.flatten(&self.items).len();
        let end = self.state.get_offset() + area.height as usize;
        self.state.scroll_up(end.saturating_sub(lines));
        // Two siblings of one name cannot be: identifiers are the cloud's own keys.
        if let Ok(widget) = Widget::new(&self.items) {
            let (open, closed) = if look.is_ascii() { ("- ", "+ ") } else { ("▾ ", "▸ ") };
            let widget =
                widget.node_open_symbol(open).node_closed_symbol(closed).node_no_children_symbol("  ");
            frame.render_stateful_widget(widget, area, &mut self.state);
            self.is_drawn = true;
            self.lines(frame, area, theme, line);
        }
        if self.faded {
            text::fade(frame.buffer_mut(), whole, theme);
        }
    }

    /// Puts their lines beside the signs that the widget has drawn. One that is too long says so: half a figure
    /// would pass for a whole one.
    fn lines(&self, frame: &mut Frame, area: Rect, theme: &Theme, line: LineOf) {
        let mut before: &[u32] = &[];
        for y in area.top()..area.bottom() {
            let Some(path) = self.state.rendered_at(Position { x: area.x, y }) else { return };
            // Below the last node the widget names the last node.
            if path == before {
                return;
            }
            before = path;
            let room = (area.width as usize).saturating_sub(INDENT * path.len());
            let line = line(&self.names.of(path), room.saturating_sub(MARGIN as usize));
            let line = text::cut_line(line, room);
            let x = area.right() - room as u16;
            frame.render_widget(line, Rect { x, y, width: room as u16, height: 1 });
            if path == self.state.selected() {
                frame.buffer_mut().set_style(Rect { y, height: 1, ..area }, theme.style(Role::Selection));
            }
        }
    }
}

/// As much of a path as there is in the tree. Below a closed node nothing is built, so nothing is known.
fn existing(items: &[TreeItem<'static, u32>], path: &[u32]) -> Vec<u32> {
    let mut found = Vec::new();
    let mut level = items;
    for id in path {
        let Some(item) = level.iter().find(|item| item.identifier() == id) else { break };
        found.push(*id);
        level = item.children();
    }
    found
}

/// The identifiers of these nodes and of all below them.
fn hold(items: &[TreeItem<'static, u32>], held: &mut HashSet<u32>) {
    for item in items {
        held.insert(*item.identifier());
        hold(item.children(), held);
    }
}

/// A node without its line, in which the widget would only count the rows.
fn item(node: &Node, names: &mut Names) -> Option<TreeItem<'static, u32>> {
    let id = names.number(&node.id);
    let line = || Text::from(Line::default());
    if !node.has_children {
        return Some(TreeItem::new_leaf(id, line()));
    }
    let mut children: Vec<_> = node.children.iter().filter_map(|child| item(child, names)).collect();
    if children.is_empty() {
        // A stand-in draws the sign of a closed node; opening builds the real ones.
        children.push(TreeItem::new_leaf(names.number("…"), line()));
    }
    TreeItem::new(id, line(), children).ok()
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    fn leaf(id: &str) -> Node {
        Node { id: id.into(), children: Vec::new(), has_children: false }
    }

    fn line(path: &[&str], _: usize) -> Line<'static> {
        match path {
            [root] => Line::from((*root).to_owned()),
            _ => Line::from(format!("{} 12/128 GiB", path.last().unwrap())),
        }
    }

    fn branch(id: &str, leaves: &[&str]) -> Node {
        let children = leaves.iter().map(|id| leaf(id)).collect();
        Node { id: id.into(), children, has_children: true }
    }

    fn draw(tree: &mut Tree, width: u16) -> String {
        draw_with(tree, width, &line)
    }

    fn draw_with(tree: &mut Tree, width: u16, line: LineOf) -> String {
        let mut terminal = ratatui::Terminal::new(TestBackend::new(width, 6)).unwrap();
        let theme = Theme::shipped("mono").unwrap().unwrap();
        let look = Look::new(false, 1);
        let drawn = terminal.draw(|frame| tree.draw(frame, frame.area(), &theme, &look, line)).unwrap();
        super::super::ansi::plain(drawn.buffer)
    }

    fn opened() -> Tree {
        let mut tree = Tree::default();
        tree.open(&["a".into()]);
        tree.set(&[branch("a", &["a1", "a2"]), branch("b", &[])]);
        draw(&mut tree, 30);
        tree
    }

    #[test]
    fn the_first_key_moves_the_cursor_from_the_first_node() {
        let mut tree = opened();
        assert_eq!(tree.selected(), ["a"]);
        tree.on(Action::Down);
        assert_eq!(tree.selected(), ["a", "a1"]);
    }

    #[test]
    fn keys_that_come_before_a_frame_move_among_what_is_there_by_now() {
        let mut tree = opened();
        tree.set(&[leaf("c"), leaf("d"), leaf("e")]);
        for (action, cursor) in [
            (Action::Bottom, "e"),
            (Action::Up, "d"),
            (Action::Down, "e"),
            (Action::Down, "e"),
            (Action::Top, "c"),
            (Action::PageDown, "e"),
        ] {
            tree.on(action);
            assert_eq!(tree.selected(), [cursor], "{action:?}");
        }
    }

    #[test]
    fn a_cursor_whose_node_is_gone_stays_on_what_held_it() {
        let mut tree = opened();
        tree.on(Action::Bottom);
        tree.on(Action::Up);
        assert_eq!(tree.selected(), ["a", "a2"]);
        tree.set(&[branch("a", &["a1"]), branch("b", &[])]);
        assert_eq!(tree.selected(), ["a"]);
        tree.set(&[branch("b", &[])]);
        assert_eq!(tree.selected(), ["b"]);
        tree.set(&[]);
        assert!(tree.selected().is_empty());
    }

    #[test]
    fn names_that_come_and_go_are_let_go_and_the_cursor_and_open_nodes_stay() {
        let mut tree = opened();
        tree.on(Action::Down);
        for n in 0..3 * ROOM {
            tree.set(&[branch("a", &["a1", &format!("reply_{n}")]), branch("b", &[])]);
        }
        assert!(tree.names.names.len() <= ROOM + 2, "{}", tree.names.names.len());
        assert_eq!(tree.selected(), ["a", "a1"]);
        assert!(tree.is_open(&["a".into()]));
        let last = format!("reply_{}", 3 * ROOM - 1);
        assert!(draw(&mut tree, 30).contains(&last), "{last}");
    }

    #[test]
    fn left_closes_then_goes_up_and_stays_at_a_root() {
        let mut tree = opened();
        tree.on(Action::Down);
        for expected in [&["a"][..], &["a"], &["a"]] {
            tree.on(Action::Left);
            assert_eq!(tree.selected(), expected);
        }
        assert!(!tree.is_open(&["a".to_owned()]));
    }

    #[test]
    fn only_the_lines_on_screen_are_made() {
        let leaves: Vec<String> = (0..5_000).map(|n| format!("leaf{n:04}")).collect();
        let mut tree = Tree::default();
        tree.open(&["a".into()]);
        tree.set(&[branch("a", &leaves.iter().map(String::as_str).collect::<Vec<_>>())]);
        let made = std::cell::Cell::new(0);
        let counted = |path: &[&str], room| {
            made.set(made.get() + 1);
            line(path, room)
        };
        let draw = |tree: &mut Tree| draw_with(tree, 30, &counted);
        assert!(draw(&mut tree).contains("leaf0004"));
        tree.on(Action::Bottom);
        let bottom = draw(&mut tree);
        assert!(bottom.contains("leaf4999") && !bottom.contains("leaf4993"), "{bottom}");
        assert_eq!(made.get(), 12, "two frames of six lines");
    }

    #[test]
    fn below_the_last_node_nothing_stands() {
        let mut tree = Tree::default();
        tree.set(&[branch("a", &[]), branch("b", &[])]);
        assert_eq!(draw(&mut tree, 12).trim_end(), " ▸ a\n ▸ b");
    }

    #[test]
    fn a_line_that_is_too_long_says_so() {
        let mut tree = opened();
        assert!(draw(&mut tree, 30).contains("a1 12/128 GiB"));
        assert!(draw(&mut tree, 12).contains("a1 12/…"), "{}", draw(&mut tree, 12));
    }

    #[test]
    fn a_click_moves_the_cursor_and_opens_what_it_is_on() {
        let mut tree = opened();
        tree.click(3);
        assert_eq!(tree.selected(), ["b"]);
        assert!(!tree.is_open(&["b".to_owned()]));
        tree.click(3);
        assert!(tree.is_open(&["b".to_owned()]));
    }
}
