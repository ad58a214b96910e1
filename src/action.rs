//! What an operator can wish for. Keys map to these by `keymaps/*.toml`; panes and the app carry them out.
//!
//! A variant's doc comment is its help text: the `?` overlay and the README's table show it. Its label is the
//! one word that stands in the footer.

macro_rules! actions {
    ($( #[doc = $help:literal] $variant:ident = $name:literal $label:literal ),+ $(,)?) => {
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

            /// What it does, in one word.
            pub fn label(self) -> &'static str {
                match self { $( Action::$variant => $label ),+ }
            }

            pub fn from_name(name: &str) -> Option<Action> {
                match name { $( $name => Some(Action::$variant), )+ _ => None }
            }
        }
    };
}

actions! {
    /// leave this view; leave the program from the outermost one
    Quit = "quit" "quit",
    /// leave the program at once
    Exit = "exit" "exit",
    /// leave the program at once, as interrupted
    Interrupt = "interrupt" "interrupt",
    /// back to where you came from
    Back = "back" "back",
    /// go into what the cursor is on
    Enter = "enter" "open",
    /// all that is known of this
    Details = "details" "details",
    /// up one row
    Up = "up" "up",
    /// down one row
    Down = "down" "down",
    /// scroll or collapse to the left
    Left = "left" "left",
    /// scroll or expand to the right
    Right = "right" "right",
    /// half a page up
    HalfPageUp = "half_page_up" "½ up",
    /// half a page down
    HalfPageDown = "half_page_down" "½ down",
    /// a page up
    PageUp = "page_up" "page up",
    /// a page down
    PageDown = "page_down" "page down",
    /// to the first row
    Top = "top" "top",
    /// to the last row
    Bottom = "bottom" "bottom",
    /// next pane
    NextPane = "next_pane" "next pane",
    /// previous pane
    PreviousPane = "previous_pane" "previous pane",
    /// the overview
    Pane1 = "pane_1" "overview",
    /// the hypervisors
    Pane2 = "pane_2" "hypervisors",
    /// the instances
    Pane3 = "pane_3" "instances",
    /// the quotas
    Pane4 = "pane_4" "quotas",
    /// RabbitMQ
    Pane5 = "pane_5" "RabbitMQ",
    /// the logs
    Pane6 = "pane_6" "logs",
    /// the services
    Pane7 = "pane_7" "services",
    /// the network
    Pane8 = "pane_8" "network",
    /// the volumes
    Pane9 = "pane_9" "volumes",
    /// filter the rows
    Filter = "filter" "filter",
    /// the command palette
    Command = "command" "command",
    /// the keys of this pane
    Help = "help" "keys",
    /// sort by the next column
    SortNext = "sort_next" "sort",
    /// sort by the previous column
    SortPrevious = "sort_previous" "sort back",
    /// reverse the order
    SortReverse = "sort_reverse" "reverse",
    /// read everything on this pane again, now
    Refresh = "refresh" "refresh",
    /// copy the id under the cursor to the clipboard
    Copy = "copy" "copy",
    /// table or tree
    ToggleTree = "toggle_tree" "tree",
    /// open or close a branch
    ToggleNode = "toggle_node" "fold",
    /// the instances of this
    Instances = "instances" "instances",
    /// the hypervisor behind this
    Host = "host" "host",
    /// the queue by which nova talks to this hypervisor
    Queue = "queue" "queue",
    /// the brokers with their nodes, connections and churn
    Cluster = "cluster" "cluster",
    /// only this project's instances
    Project = "project" "project",
    /// what this project may have and has
    Quotas = "quotas" "quotas",
    /// the console log's tail
    Console = "console" "console",
    /// what was done to this instance, and what services said over the bus
    Events = "events" "events",
    /// what was done to it, through the logs of every service
    Trace = "trace" "trace",
    /// mark this trace, to compare the next one with it; side by side, or not
    Compare = "compare" "compare",
    /// the logs of this, as they grow
    Logs = "logs" "logs",
    /// follow what comes, or stand still
    Follow = "follow" "follow",
    /// search: to what matches, while all else stays
    Search = "search" "search",
    /// to the next match; the next error where nothing is searched
    NextMatch = "next_match" "next match",
    /// to the match before; the error before where nothing is searched
    PreviousMatch = "previous_match" "match before",
    /// mark this, or take the mark away
    Mark = "mark" "mark",
    /// to the next mark
    NextMark = "next_mark" "next mark",
    /// to the mark before
    PreviousMark = "previous_mark" "mark before",
    /// to the next error
    NextError = "next_error" "next error",
    /// to the error before
    PreviousError = "previous_error" "error before",
    /// warnings and errors by kind: the same message counted once
    Kinds = "kinds" "kinds",
    /// requests to the APIs: how many, how they ended, how long they took
    Traffic = "traffic" "API traffic",
    /// long lines whole, or cut
    Wrap = "wrap" "wrap",
    /// where every number comes from, how old it is, what it costs
    Sources = "sources" "sources",
    /// times in UTC, or in the terminal's zone
    ToggleUtc = "toggle_utc" "UTC",
    /// mouse on or off, so that the terminal can select text
    ToggleMouse = "toggle_mouse" "mouse",
    /// draw the whole screen anew
    Redraw = "redraw" "redraw",
    /// stop to the shell; `fg` comes back
    Suspend = "suspend" "suspend",
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
