//! Which kinds of event somebody wants to hear.

use super::event::EventKind;

/// A set of concrete event kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest(u32);

impl Interest {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Every kind there is, those of our own included.
    pub const ALL: Self = Self(u32::MAX);

    /// The set of all kinds that are one of `kinds` or stand below one of them. A kind that is
    /// named twice, or together with its parent, is in it once (E-094).
    pub fn in_kinds(kinds: impl IntoIterator<Item = EventKind>) -> Self {
        kinds
            .into_iter()
            .fold(Self::NONE, |set, kind| EventKind::all().filter(|k| k.is_a(kind)).fold(set, Self::with))
    }

    /// The set with one more kind.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// The set with one kind less.
    #[must_use]
    pub const fn without(self, kind: EventKind) -> Self {
        Self(self.0 & !(1 << kind as u8))
    }

    /// All of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `kind` is in it.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_stands_for_all_below_it() {
        let ticks = Interest::in_kinds([EventKind::Tick, EventKind::Tick5]);
        assert!(ticks.contains(EventKind::Tick3600) && ticks.contains(EventKind::Tick5));
        assert!(!ticks.contains(EventKind::ProcessGroupAdded));
        assert!(!Interest::in_kinds([EventKind::Event]).contains(EventKind::Notice));
        assert!(Interest::ALL.contains(EventKind::Notice));
        let most = Interest::ALL.without(EventKind::Notice);
        assert!(!most.contains(EventKind::Notice) && most.with(EventKind::Notice) == Interest::ALL);
    }
}
