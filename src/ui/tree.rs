//! The one tree, over tui-tree-widget: children of opened nodes only.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use tui_tree_widget::{Tree as Widget, TreeItem, TreeState};

use super::text;
use crate::action::Action;
use crate::theme::{Look, Role, Theme};

/// A node: an identifier that is unique among its siblings, its line, its children.
///
/// Children of a closed node need not be built: `has_children` alone draws its sign.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    pub line: Line<'static>,
    pub children: Vec<Node>,
    pub has_children: bool,
}

/// The state of a tree and its built items.
#[derive(Debug, Default)]
pub struct Tree {
    state: TreeState<String>,
    nodes: Vec<Node>,
    items: Vec<TreeItem<'static, String>>,
    /// The area that the items were built for: lines are cut to it. `None`: to be built.
    area: Option<Rect>,
    /// Cells of the last frame.
    width: u16,
    /// What the whole tree shows is old.
    faded: bool,
}

/// Cells left of the roots, and right of the longest line.
const MARGIN: u16 = 1;
/// Cells of a level, and of a node's sign.
const INDENT: usize = 2;

impl Tree {
    /// New content; opened nodes stay, and so does the cursor: where its node is gone, on what held it.
    pub fn set(&mut self, nodes: Vec<Node>) {
        self.nodes = nodes;
        self.area = None;
        let mut path = existing(&self.nodes, self.state.selected());
        if path.is_empty() {
            path.extend(self.nodes.first().map(|node| node.id.clone()));
        }
        // Also when it has not moved: it stays in sight when others come above it.
        self.state.select(path);
    }

    pub fn is_open(&self, path: &[String]) -> bool {
        self.state.opened().contains(path)
    }

    pub fn open(&mut self, path: Vec<String>) {
        self.state.open(path);
    }

    /// Cells that a line has at this depth, the root's being 0, as wide as the last frame was.
    pub fn room(&self, depth: usize) -> usize {
        let width = if self.width == 0 { 80 } else { self.width as usize };
        width.saturating_sub(2 * MARGIN as usize + INDENT * (depth + 1))
    }

    /// Whether all of it is drawn as old.
    pub fn fade(&mut self, faded: bool) {
        self.faded = faded;
    }

    /// The identifiers from the root to the node under the cursor.
    pub fn selected(&self) -> &[String] {
        self.state.selected()
    }

    /// Puts the cursor on a node, and opens the way to it.
    pub fn select(&mut self, path: Vec<String>) {
        for end in 1..path.len() {
            self.state.open(path[..end].to_vec());
        }
        self.state.select(path);
    }

    pub fn on(&mut self, action: Action) -> bool {
        let page = self.area.map_or(1, |area| area.height.max(1)) as usize;
        match action {
            Action::Up => drop(self.state.key_up()),
            Action::Down => drop(self.state.key_down()),
            Action::Left => self.left(),
            Action::Right => drop(self.state.key_right()),
            Action::ToggleNode => drop(self.state.toggle_selected()),
            Action::Top => drop(self.state.select_first()),
            Action::Bottom => drop(self.state.select_last()),
            Action::HalfPageUp => self.step(|at| at.saturating_sub(page / 2)),
            Action::HalfPageDown => self.step(|at| at + page / 2),
            Action::PageUp => self.step(|at| at.saturating_sub(page)),
            Action::PageDown => self.step(|at| at + page),
            _ => return false,
        }
        true
    }

    /// Closes the node, or goes to what holds it; a root stays.
    fn left(&mut self) {
        if self.state.selected().len() > 1 || self.is_open(self.state.selected()) {
            self.state.key_left();
        }
    }

    fn step(&mut self, to: impl FnOnce(usize) -> usize) {
        self.state.select_relative(|at| to(at.unwrap_or(0)));
    }

    /// A click on the line `row` of the last frame: on the node under the cursor it opens or closes it.
    pub fn click(&mut self, row: u16) {
        if let Some(area) = self.area {
            self.state.click_at(Position { x: area.x, y: area.y + row });
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, theme: &Theme, look: &Look) {
        let whole = area;
        self.width = area.width;
        let area = Rect { x: area.x + MARGIN, width: area.width.saturating_sub(MARGIN), ..area };
        if self.area.is_none_or(|built| built.width != area.width) {
            self.items = self.nodes.iter().filter_map(|node| item(node, area.width as usize)).collect();
        }
        self.area = Some(area);
        // Two siblings of one name cannot be: identifiers are the cloud's own keys.
        if let Ok(widget) = Widget::new(&self.items) {
            let (open, closed) = if look.is_ascii() { ("- ", "+ ") } else { ("▾ ", "▸ ") };
            let widget = widget
                .highlight_style(theme.style(Role::Selection))
                .node_open_symbol(open)
                .node_closed_symbol(closed)
                .node_no_children_symbol("  ");
            frame.render_stateful_widget(widget, area, &mut self.state);
        }
        if self.faded {
            text::fade(frame.buffer_mut(), whole, theme);
        }
    }
}

/// As much of a path as there is in the tree. Below a closed node nothing is built, so nothing is known.
fn existing(nodes: &[Node], path: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut level = nodes;
    for id in path {
        let Some(node) = level.iter().find(|node| node.id == *id) else { break };
        found.push(id.clone());
        level = &node.children;
    }
    found
}

/// A node in so many cells. A line that is too long says so: half a figure would pass for a whole one.
fn item(node: &Node, width: usize) -> Option<TreeItem<'static, String>> {
    let line = text::cut_line(node.line.clone(), width.saturating_sub(INDENT));
    let below = width.saturating_sub(INDENT);
    let mut children: Vec<_> = node.children.iter().filter_map(|child| item(child, below)).collect();
    if children.is_empty() && node.has_children {
        // A stand-in draws the sign of a closed node; opening builds the real ones.
        children.push(TreeItem::new_leaf(String::from("…"), "…"));
    }
    TreeItem::new(node.id.clone(), line, children).ok()
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    fn leaf(id: &str) -> Node {
        Node {
            id: id.into(),
            line: Line::from(format!("{id} 12/128 GiB")),
            children: Vec::new(),
            has_children: false,
        }
    }

    fn branch(id: &str, leaves: &[&str]) -> Node {
        let children = leaves.iter().map(|id| leaf(id)).collect();
        Node { id: id.into(), line: Line::from(id.to_owned()), children, has_children: true }
    }

    fn draw(tree: &mut Tree, width: u16) -> String {
        let mut terminal = ratatui::Terminal::new(TestBackend::new(width, 6)).unwrap();
        let theme = Theme::shipped("mono").unwrap().unwrap();
        let look = Look::new(false, 1);
        let drawn = terminal.draw(|frame| tree.draw(frame, frame.area(), &theme, &look)).unwrap();
        super::super::ansi::plain(drawn.buffer)
    }

    fn opened() -> Tree {
        let mut tree = Tree::default();
        tree.open(vec!["a".into()]);
        tree.set(vec![branch("a", &["a1", "a2"]), branch("b", &[])]);
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
    fn a_cursor_whose_node_is_gone_stays_on_what_held_it() {
        let mut tree = opened();
        tree.on(Action::Bottom);
        tree.on(Action::Up);
        assert_eq!(tree.selected(), ["a", "a2"]);
        tree.set(vec![branch("a", &["a1"]), branch("b", &[])]);
        assert_eq!(tree.selected(), ["a"]);
        tree.set(vec![branch("b", &[])]);
        assert_eq!(tree.selected(), ["b"]);
        tree.set(Vec::new());
        assert!(tree.selected().is_empty());
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
