//! A picture of every pane at three sizes, over facts that were recorded, over none, and with all sources down.
