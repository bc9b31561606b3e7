//! What an index asks of documents, checked for a whole batch.
//!
//! The aim is that no node refuses what passes: a node fails a batch as a whole, and each node sees another part of it.
//! What a node alone can know is left to it: whether a document without vectors for a user-provided embedder exists
//! already with some (then it keeps them), whether an embedder answers, how many fields the index has already, and
//! whether `_geojson` is a geometry.
//!
//! Meilisearch reads all ids of a batch before it looks at anything else, so the first bad id wins over any bad value.

mod fields;
mod geo;
mod json;
mod vectors;

use std::borrow::Cow;

use miroir_api::ErrorCode;
use miroir_model::RESERVED_MEMBER;
use serde_json::value::RawValue;

pub(crate) use json::{Name, check_strictly, hides_errors};

use crate::Refusal;
use crate::id::{Found, IdError};
use fields::Fields;
use json::{members, without_repeated_members};

/// The longest document, in bytes. A request to a node has at most 100 MiB (its default), the document's stamp in it; one
/// that is longer would be refused by nodes for ever.
const LONGEST: usize = (100 << 20) - (1 << 10);

/// What an index asks of documents.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The name that the client used; some messages show it.
    pub index_uid: &'a str,
    /// The index's primary key, if it has one.
    pub primary_key: Option<&'a str>,
    /// The primary key that the request names.
    pub requested_key: Option<&'a str>,
    /// Whether `_geo` itself is named among the filterable or sortable attributes (a pattern that matches it does not
    /// count): only then it must be a place.
    pub geo: bool,
    /// The index's embedders.
    pub embedders: &'a [Embedder],
}

/// What must be known of an embedder to check vectors for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedder {
    /// Its name.
    pub name: String,
    /// How many numbers a vector has; `None` when only nodes know (they asked the model).
    pub dimensions: Option<usize>,
}

/// Checks the documents of one batch, in order. What is wrong is kept until the end, since an error of the payload's
/// syntax further on wins over it.
pub(crate) struct Checker<'r> {
    rules: &'r Rules<'r>,
    /// The key that documents are known by: the index's, the requested one, or the first document's.
    primary_key: Option<Cow<'r, str>>,
    /// Whether the format gives the last of several members of one name, rather than all.
    last_member_wins: bool,
    fields: Fields,
    received: u64,
    /// What is wrong with ids, names and numbers of fields.
    refusal: Option<Refusal>,
    /// What is wrong with values: it counts only when there is no `refusal`.
    bad_value: Option<Refusal>,
}

/// A document that may be stored.
pub(crate) struct Accepted<'de> {
    /// Its canonical id.
    pub(crate) id: Cow<'de, str>,
    /// Its text, when it must be another than the client's.
    pub(crate) rewritten: Option<String>,
}

/// What the end of a batch gives.
pub(crate) struct Checked {
    /// How many documents there were.
    pub(crate) received: u64,
    /// The key that they are known by.
    pub(crate) primary_key: Option<String>,
    /// What is wrong with them.
    pub(crate) refusal: Option<Refusal>,
}

impl<'r> Checker<'r> {
    pub(crate) fn new(rules: &'r Rules<'r>, last_member_wins: bool) -> Self {
        Self {
            rules,
            primary_key: rules.primary_key.or(rules.requested_key).map(Cow::Borrowed),
            last_member_wins,
            fields: Fields::default(),
            received: 0,
            refusal: None,
            bad_value: None,
        }
    }

    /// Looks at the next document; nothing when the batch is refused.
    ///
    /// # Errors
    /// When the value is no object, or the name of a member cannot be read.
    pub(crate) fn look<'de>(&mut self, document: &'de RawValue) -> serde_json::Result<Option<Accepted<'de>>> {
        if self.received == 0 {
            self.settle_primary_key(document)?;
        }
        self.received += 1;
        let found = self.walk(document)?;
        if self.refusal.is_some() {
            return Ok(None);
        }
        let length = document.get().len();
        if length > LONGEST {
            let text = format!("A document has {length} bytes; it can have at most {LONGEST}.");
            self.refusal = Some(Refusal::new(ErrorCode::PayloadTooLarge, text));
            return Ok(None);
        }
        match self.accept(found, document) {
            Ok(accepted) => Ok(accepted),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Ok(None)
            }
        }
    }

    pub(crate) fn finish(self) -> Checked {
        Checked {
            received: self.received,
            primary_key: self.primary_key.map(Cow::into_owned),
            refusal: self.refusal.or(self.bad_value),
        }
    }

    /// Before the first document: which key it is.
    fn settle_primary_key(&mut self, first: &RawValue) -> serde_json::Result<()> {
        match (self.rules.primary_key, self.rules.requested_key) {
            (Some(known), Some(requested)) if known != requested => {
                let text = format!("Index already has a primary key: `{known}`.");
                self.refusal = Some(Refusal::new(ErrorCode::IndexPrimaryKeyAlreadyExists, text));
            }
            (None, None) => match infer_primary_key(first)? {
                Ok(key) => self.primary_key = Some(Cow::Owned(key)),
                Err(refusal) => self.refusal = Some(refusal),
            },
            _ => {}
        }
        Ok(())
    }

    /// Goes over the members of the document once.
    fn walk<'de>(&mut self, document: &'de RawValue) -> serde_json::Result<Members<'de>> {
        let mut found = Members::default();
        let key = self.primary_key.as_deref().unwrap_or_default();
        let mut position = 0;
        members(document, |name, value| {
            found.id.look(key, name, value);
            self.fields.see(position, name);
            position += 1;
            match name {
                "_geo" => found.geo = Some(value),
                "_vectors" => found.vectors = Some(value),
                RESERVED_MEMBER => found.reserved = true,
                _ => {}
            }
        })?;
        Ok(found)
    }

    fn accept<'de>(
        &mut self,
        found: Members<'de>,
        document: &'de RawValue,
    ) -> Result<Option<Accepted<'de>>, Refusal> {
        if found.reserved {
            return Err(Refusal::new(
                ErrorCode::MiroirReservedAttribute,
                format!("`{RESERVED_MEMBER}` is reserved: a document cannot have an attribute of this name."),
            ));
        }
        if self.fields.too_many() {
            return Err(Refusal::new(
                ErrorCode::MaxFieldsLimitExceeded,
                "A document cannot contain more than 65,535 fields.",
            ));
        }
        let Some(accepted) = self.identify(found.id, document)? else { return Ok(None) };
        if self.bad_value.is_none() {
            let checked = check_values(self.rules, &accepted.id, [found.geo, found.vectors], document);
            self.bad_value = checked.err();
        }
        Ok(self.bad_value.is_none().then_some(accepted))
    }

    /// The document's id. Of members of one name, JSON payloads give the last only; what nodes are sent gives all, so
    /// where that decides about the id, the document is written anew without the others.
    fn identify<'de>(
        &mut self,
        id: Found<'de>,
        document: &'de RawValue,
    ) -> Result<Option<Accepted<'de>>, Refusal> {
        let key = self.primary_key.as_deref().unwrap_or_default();
        let error = match id.into_id(key, document) {
            Ok(id) => return Ok(Some(Accepted { id, rewritten: None })),
            Err(error) => error,
        };
        if self.last_member_wins
            && let Some(text) = without_repeated_members(document)
            && let Ok(rewritten) = serde_json::from_str::<&RawValue>(&text)
        {
            let mut id = Found::default();
            // The members were read once already.
            _ = members(rewritten, |name, value| id.look(key, name, value));
            if let Ok(id) = id.into_id(key, rewritten) {
                let id = Cow::Owned(id.into_owned());
                return Ok(Some(Accepted { id, rewritten: Some(text) }));
            }
        }
        match error {
            IdError::Refused(refusal) => Err(refusal),
            IdError::Unreadable(error) => {
                self.bad_value.get_or_insert(unreadable(self.rules.index_uid, &error));
                Ok(None)
            }
        }
    }
}

/// What the members of a document say. Of members of one name the last one counts, but for ids.
#[derive(Default)]
struct Members<'de> {
    id: Found<'de>,
    geo: Option<&'de RawValue>,
    vectors: Option<&'de RawValue>,
    reserved: bool,
}

/// Checks the values of a document.
fn check_values(
    rules: &Rules<'_>,
    id: &str,
    [geo, vectors]: [Option<&RawValue>; 2],
    document: &RawValue,
) -> Result<(), Refusal> {
    if hides_errors(document.get()) {
        check_strictly(document).map_err(|error| unreadable(rules.index_uid, &error))?;
    }
    if let Some(geo) = geo.filter(|_| rules.geo) {
        geo::check(rules.index_uid, id, geo)?;
    }
    vectors.map_or(Ok(()), |vectors| vectors::check(rules, id, vectors))
}

/// A value that is JSON by its grammar, but that Meilisearch cannot read: a number beyond the range of doubles, half a
/// surrogate pair, nesting deeper than 127.
fn unreadable(index_uid: &str, error: &serde_json::Error) -> Refusal {
    Refusal::while_indexing(index_uid, ErrorCode::Internal, format_args!("internal: {error}."))
}

/// The only member of the document whose name ends in `id`, whatever its case.
fn infer_primary_key(first: &RawValue) -> serde_json::Result<Result<String, Refusal>> {
    let mut candidates = Vec::new();
    members(first, |name, _| {
        if name.to_lowercase().ends_with("id") {
            candidates.push(name.to_owned());
        }
    })?;
    candidates.sort_unstable();
    candidates.dedup();
    Ok(match candidates.as_slice() {
        [] => Err(Refusal::new(
            ErrorCode::IndexPrimaryKeyNoCandidateFound,
            "The primary key inference failed as the engine did not find any field ending with `id` in its name. \
             Please specify the primary key manually using the `primaryKey` query parameter.",
        )),
        [_] => Ok(candidates.remove(0)),
        [first, second, ..] => Err(Refusal::new(
            ErrorCode::IndexPrimaryKeyMultipleCandidatesFound,
            format!(
                "The primary key inference failed as the engine found {} fields ending with `id` in their names: \
                 '{first}' and '{second}'. Please specify the primary key manually using the `primaryKey` query \
                 parameter.",
                candidates.len()
            ),
        )),
    })
}
