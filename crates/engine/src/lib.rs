//! The embedded search node: Meilisearch's engine behind the node contract.
