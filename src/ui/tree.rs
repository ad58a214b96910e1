//! The one tree, over tui-tree-widget: children of opened nodes only.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use tui_tree_widget::{Tree as Widget, TreeItem, TreeState};

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
    items: Vec<TreeItem<'static, String>>,
    height: usize,
}

impl Tree {
    /// New content; opened nodes and the cursor stay.
    pub fn set(&mut self, nodes: Vec<Node>) {
        self.items = nodes.into_iter().filter_map(item).collect();
        if self.state.selected().is_empty() {
            self.state.select_first();
        }
    }

    pub fn is_open(&self, path: &[String]) -> bool {
        self.state.opened().contains(path)
    }

    pub fn open(&mut self, path: Vec<String>) {
        self.state.open(path);
    }

    /// The identifiers from the root to the node under the cursor.
    pub fn selected(&self) -> &[String] {
        self.state.selected()
    }

    pub fn on(&mut self, action: Action) -> bool {
        let page = self.height.max(1);
        match action {
            Action::Up => drop(self.state.key_up()),
            Action::Down => drop(self.state.key_down()),
            Action::Left => drop(self.state.key_left()),
            Action::Right => drop(self.state.key_right()),
            Action::ToggleNode => drop(self.state.toggle_selected()),
            Action::Top => drop(self.state.select_first()),
            Action::Bottom => drop(self.state.select_last()),
            Action::HalfPageUp => self.step(page / 2, false),
            Action::HalfPageDown => self.step(page / 2, true),
            Action::PageUp => self.step(page, false),
            Action::PageDown => self.step(page, true),
            _ => return false,
        }
        true
    }

    fn step(&mut self, by: usize, down: bool) {
        for _ in 0..by {
            if down {
                self.state.key_down();
            } else {
                self.state.key_up();
            }
        }
    }

    pub fn draw(&mut self, frame: &mut Frame, area: Rect, theme: &Theme, look: &Look) {
        self.height = area.height as usize;
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
    }
}

fn item(node: Node) -> Option<TreeItem<'static, String>> {
    let mut children: Vec<_> = node.children.into_iter().filter_map(item).collect();
    if children.is_empty() && node.has_children {
        // A stand-in draws the sign of a closed node; opening builds the real ones.
        children.push(TreeItem::new_leaf(String::from("…"), "…"));
    }
    TreeItem::new(node.id, node.line, children).ok()
}
