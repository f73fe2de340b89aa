//! Runs the real executables.
