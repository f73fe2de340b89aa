//! One text in any number of reads.

use arbitrary::Arbitrary;

/// Output of a child, and where the reads of it end.
#[derive(Arbitrary, Debug)]
pub struct Cut<'a> {
    /// Lengths of the reads, over and over; without any, all comes at once.
    lengths: [u8; 4],
    /// All of it.
    pub whole: &'a [u8],
}

impl<'a> Cut<'a> {
    /// The reads, in their order; some may be empty.
    pub fn reads(&self) -> Vec<&'a [u8]> {
        self.of(self.whole)
    }

    /// The same of a part of it.
    pub fn of<'b>(&self, part: &'b [u8]) -> Vec<&'b [u8]> {
        let mut reads = Vec::new();
        let mut rest = part;
        for length in self.lengths.iter().cycle().map(|it| usize::from(*it)) {
            if rest.is_empty() || self.lengths == [0; 4] {
                break;
            }
            let (read, after) = rest.split_at(length.min(rest.len()));
            reads.push(read);
            rest = after;
        }
        reads.push(rest);
        reads
    }
}
