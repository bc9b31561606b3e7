//! User settings to node settings and back, by version.
