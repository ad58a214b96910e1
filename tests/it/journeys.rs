//! Journeys in keys: from a set of facts through keys to what stands on the screen.
