//! Signals held back until they are asked for with `SigSet::wait`.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, sigaction};

/// Blocks `signals` and sees to it that none of them is ignored, so that each one sent from now on
/// waits to be taken. Gives the mask from before, which children should have; what exec does to
/// handlers gives them the default actions.
pub fn hold(signals: &SigSet) -> nix::Result<SigSet> {
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let action = SigAction::new(SigHandler::Handler(do_nothing), SaFlags::SA_RESTART, SigSet::empty());
    for signal in signals {
        // SAFETY: the handler touches nothing, so it may run at any time and in any thread.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(before)
}

extern "C" fn do_nothing(_: libc::c_int) {}
