//! The heap, and giving back what it does not need any more.
//!
//! The allocator of glibc keeps what was freed: below the last block in use it cannot do otherwise, and
//! the size from which blocks are given back at once grows with the blocks there have been. Other
//! allocators are left to themselves.

/// Blocks from this size on are given back to the system at once.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 1024 * 1024;
/// This much may be kept free at the end of the heap: giving it back for every answer costs more.
#[cfg(target_env = "gnu")]
const SPARE: libc::c_int = 2 * 1024 * 1024;

/// Makes the heap shrink again after it was large. For the start of a program that runs for long.
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes two integers and may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE);
    }
}

/// Gives back to the system what lies free between blocks in use.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim touches only memory that nobody has.
    unsafe {
        libc::malloc_trim(0);
    }
}
