//! What the replicated state promises, on histories that no one has thought of.

mod dice;
mod generate;
mod lane;
mod model;
mod world;

mod attempts;
mod copies;
mod delivery;
mod golden;
mod histories;
mod names;
mod place;
mod reads;
mod settings;
