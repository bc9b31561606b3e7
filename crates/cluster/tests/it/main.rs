//! What the replicated state promises, on histories that no one has thought of.

mod generate;
mod lane;
mod model;
mod names;
mod world;

mod attempts;
mod copies;
mod delivery;
mod edits;
mod golden;
mod histories;
mod nodes;
mod passing;
mod place;
mod reads;
mod renames;
mod settings;
mod verdicts;
