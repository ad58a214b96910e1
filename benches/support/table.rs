//! The rows of `benches/run`'s table, in Markdown.

/// Prints rows as they come, and remembers whether a limit was missed.
#[derive(Default)]
pub struct Table {
    pub missed: bool,
}

impl Table {
    /// A figure beside its limit, or a peer's figure of the same run, in the same unit.
    pub fn against(&mut self, what: &str, figure: f64, limit_words: &str, limit: f64, unit: &str) {
        let ratio = figure / limit;
        let sign = if ratio > 1.0 { " **missed**" } else { "" };
        self.missed |= ratio > 1.0;
        let own = format!("{limit:.2} {unit}");
        let limit_words = if limit_words.is_empty() { own } else { format!("{limit_words}: {own}") };
        println!("| {what} | {figure:.2} {unit} | {limit_words} | {ratio:.2}{sign} |");
    }

    /// A figure without a limit.
    pub fn plain(&self, what: &str, figure: f64, unit: &str) {
        println!("| {what} | {figure:.2} {unit} | | |");
    }
}
