//! How the process keeps its memory.

/// Has all threads allocate from one heap, where glibc would give each its own.
///
/// Rows are parsed on one thread, kept by another and let go by a third: with a heap for each, what one lets
/// go cannot be used by the next. With 100,000 instances that is a sixth of all memory, and one heap costs no
/// measurable time (`benches/run`, the rows about the whole dashboard). glibc's own settings, `MALLOC_ARENA_MAX`
/// and `GLIBC_TUNABLES`, win. Does nothing with another C library.
///
/// To be called before the first thread starts: a heap that is there stays.
pub fn one_heap() {
    #[cfg(target_env = "gnu")]
    if ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"].iter().all(|name| std::env::var_os(name).is_none()) {
        #[expect(unsafe_code, reason = "no crate wraps mallopt")]
        // SAFETY: mallopt(3) takes two numbers and no pointer, is safe to call at any time, and refuses what it
        // does not know by returning 0, which changes nothing and harms nobody.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}
