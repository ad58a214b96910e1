//! What an operator can wish for. Keys map to these by `keymaps/*.toml`; panes and the app carry them out.
//!
//! A variant's doc comment is its help text: the footer, the `?` overlay and the README's table show it.

macro_rules! actions {
    ($( #[doc = $help:literal] $variant:ident = $name:literal ),+ $(,)?) => {
        /// One wish of the operator.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $( #[doc = $help] $variant ),+ }

        impl Action {
            pub const ALL: &'static [Action] = &[ $( Action::$variant ),+ ];

            /// The name that keymaps and the palette use.
            pub fn name(self) -> &'static str {
                match self { $( Action::$variant => $name ),+ }
            }

            /// What it does, in a few words.
            pub fn help(self) -> &'static str {
                match self { $( Action::$variant => $help.trim_ascii() ),+ }
            }

            pub fn from_name(name: &str) -> Option<Action> {
                match name { $( $name => Some(Action::$variant), )+ _ => None }
            }
        }
    };
}

actions! {
    /// leave this view; leave the program from the outermost one
    Quit = "quit",
    /// leave the program at once
    Exit = "exit",
    /// back to where you came from
    Back = "back",
    /// go into what the cursor is on
    Enter = "enter",
    /// up one row
    Up = "up",
    /// down one row
    Down = "down",
    /// scroll or collapse to the left
    Left = "left",
    /// scroll or expand to the right
    Right = "right",
    /// half a page up
    HalfPageUp = "half_page_up",
    /// half a page down
    HalfPageDown = "half_page_down",
    /// a page up
    PageUp = "page_up",
    /// a page down
    PageDown = "page_down",
    /// to the first row
    Top = "top",
    /// to the last row
    Bottom = "bottom",
    /// next pane
    NextPane = "next_pane",
    /// previous pane
    PreviousPane = "previous_pane",
    /// the overview
    Pane1 = "pane_1",
    /// the hypervisors
    Pane2 = "pane_2",
    /// the instances
    Pane3 = "pane_3",
    /// the quotas
    Pane4 = "pane_4",
    /// RabbitMQ
    Pane5 = "pane_5",
    /// the logs
    Pane6 = "pane_6",
    /// the services
    Pane7 = "pane_7",
    /// the network
    Pane8 = "pane_8",
    /// the volumes
    Pane9 = "pane_9",
    /// filter the rows
    Filter = "filter",
    /// the command palette
    Command = "command",
    /// the keys of this pane
    Help = "help",
    /// sort by the next column
    SortNext = "sort_next",
    /// sort by the previous column
    SortPrevious = "sort_previous",
    /// reverse the order
    SortReverse = "sort_reverse",
    /// read everything on this pane again, now
    Refresh = "refresh",
    /// copy the id under the cursor to the clipboard
    Copy = "copy",
    /// table or tree
    ToggleTree = "toggle_tree",
    /// open or close a branch
    ToggleNode = "toggle_node",
    /// the instances of this hypervisor
    Instances = "instances",
    /// the hypervisor of this instance
    Host = "host",
    /// only this project's instances
    Project = "project",
    /// the console log's tail
    Console = "console",
    /// what was done to this instance, with request ids
    Events = "events",
    /// where every number comes from, how old it is, what it costs
    Sources = "sources",
    /// times in UTC, or in the terminal's zone
    ToggleUtc = "toggle_utc",
    /// mouse on or off, so that the terminal can select text
    ToggleMouse = "toggle_mouse",
    /// draw the whole screen anew
    Redraw = "redraw",
    /// stop to the shell; `fg` comes back
    Suspend = "suspend",
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn names_lead_back_to_their_action() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(*action));
            assert!(!action.help().is_empty());
        }
    }
}
