//! Properties of placement, over generated indexes and clusters.

mod cover;
mod layout;
