//! The tonic code generated from proto/ and its conversions.
