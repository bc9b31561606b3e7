//! Payload formats, primary keys, validation, ids, slots and the stamping of raw JSON.
