//! What workers read into.

use std::ops::{Deref, DerefMut};

/// Of a page, in bytes.
const PAGE: usize = 4096;
/// So much is not taken from the heap, where it would be filled with zeros, but comes from the system page by
/// page as it is used.
const MAPPED: usize = 1024 * 1024;

/// Memory that begins in the middle of a page. What is in pipes and in files begins with a page, and some
/// processors copy at a third of their speed to an address that is, within its page, a few bytes behind the one
/// they copy from.
#[derive(Default)]
pub struct Buffer {
    memory: Box<[u8]>,
    begin: usize,
    len: usize,
}

impl Buffer {
    /// So many bytes.
    pub fn new(len: usize) -> Self {
        let memory = vec![0; MAPPED.max(len) + PAGE].into_boxed_slice();
        let begin = (PAGE + PAGE / 2 - memory.as_ptr().addr() % PAGE) % PAGE;
        Self { memory, begin, len }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.begin..][..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.begin..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_in_the_middle_of_a_page() {
        for len in [1, 128 * 1024, 2 * MAPPED] {
            let mut buffer = Buffer::new(len);
            assert_eq!((buffer.len(), buffer.as_ptr().addr() % PAGE), (len, PAGE / 2));
            buffer.fill(7);
        }
        assert!(Buffer::default().is_empty());
    }
}
