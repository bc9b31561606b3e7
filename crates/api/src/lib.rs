//! Meilisearch's error codes and JSON shapes, by version.
