//! What a node can be asked to change.

use bytes::Bytes;

/// A change to one index of a node: it becomes one task of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Add documents.
    Add(Add),
    /// Delete the documents with these ids; those that are not there are passed over.
    DeleteIds(Vec<String>),
    /// Delete what a filter matches: the JSON text of a filter expression, a string or an array.
    DeleteMatching(String),
    /// Delete all documents. The index and its settings stay.
    DeleteAll,
    /// Edit documents by a function. The node must have the feature [switched on](crate::Node::enable_edits).
    Edit {
        /// The text of the function.
        function: String,
        /// The JSON text of the object that it is given as `context`.
        context: Option<String>,
        /// The JSON text of the filter that selects the documents; all of them without.
        filter: Option<String>,
    },
    /// Change settings: the JSON text of an object in Meilisearch's form.
    Settings(String),
    /// Create the index. Needs the master key.
    CreateIndex {
        /// The primary key, when it is known.
        primary_key: Option<String>,
    },
    /// Give the index another name. Its documents, settings and finished tasks follow; requests still on the way
    /// speak to a name that is gone.
    RenameIndex {
        /// That name.
        to: String,
    },
    /// Set the primary key. The index must hold no documents when it has another one.
    SetPrimaryKey(String),
    /// Delete the index with all that is in it.
    DeleteIndex,
}

/// Documents to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// What happens to a document whose id is already there.
    pub mode: AddMode,
    /// How the payload is written.
    pub format: Format,
    /// The payload.
    pub payload: Bytes,
    /// The primary key, where the index may not have one yet.
    pub primary_key: Option<String>,
    /// Leave out documents whose id is not there yet.
    pub skip_creation: bool,
}

/// What happens to a document whose id is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddMode {
    /// The new one takes its place.
    Replace,
    /// The new one's top-level fields are put over the old one's.
    Update,
}

/// How a payload of documents is written. CSV is missing on purpose: peers read it, nodes never see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON array of objects, or one object.
    Json,
    /// One JSON object per line.
    Ndjson,
}

impl Write {
    /// Whether its task bears the [mark](crate::Origin::mark) it is sent with: only tasks about documents do.
    pub fn is_marked(&self) -> bool {
        matches!(
            self,
            Self::Add(_) | Self::DeleteIds(_) | Self::DeleteMatching(_) | Self::DeleteAll | Self::Edit { .. }
        )
    }

    /// Whether the key of lanes does not suffice. It cannot create indexes on purpose; edits ask for `documents.*`
    /// itself, which no key but one for everything has: a node keeps the three rights that it stands for. An edit that
    /// comes late finds no index under its name, and creates none.
    pub fn needs_master_key(&self) -> bool {
        matches!(self, Self::CreateIndex { .. } | Self::Edit { .. })
    }

    /// The type of its task on the node.
    pub fn task_type(&self) -> &'static str {
        match self {
            Self::Add(_) => "documentAdditionOrUpdate",
            Self::DeleteIds(_) | Self::DeleteMatching(_) | Self::DeleteAll => "documentDeletion",
            Self::Edit { .. } => "documentEdition",
            Self::Settings(_) => "settingsUpdate",
            Self::CreateIndex { .. } => "indexCreation",
            Self::RenameIndex { .. } | Self::SetPrimaryKey(_) => "indexUpdate",
            Self::DeleteIndex => "indexDeletion",
        }
    }
}
