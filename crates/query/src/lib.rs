//! Everything about a search that needs no I/O: grammar, plan and merge.
