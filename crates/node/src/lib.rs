//! The contract with one node: client, credentials and conformance suite.
