//! A list of documents as its user asks for it.

use deserr::Deserr;
use miroir_api::{ErrorCode, ResponseError};
use miroir_documents::canonical_id;
use serde_json::Value;

use crate::request::RequestError;
use crate::request::get::{List, Parsed, filter_of, sort_criteria, texts};
use crate::request::post::parse;
use crate::request::refusal::{JsonRefusal, QueryRefusal, Subject, code_of};

/// How many documents are listed where nothing is said.
const DEFAULT_LIMIT: usize = 20;

/// Documents.
struct Documents;

impl Subject for Documents {
    fn code(at: &[&str], _: Option<&str>) -> ErrorCode {
        code_of("invalid_document_", at)
    }
}

/// A list of documents. Every member is Meilisearch's of the same name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListRequest {
    /// How many documents to leave out.
    pub offset: usize,
    /// How many to give.
    pub limit: usize,
    /// What documents show; `None` for all.
    pub fields: Option<Vec<String>>,
    /// Only documents of these ids, as canonical texts.
    pub ids: Option<Vec<String>>,
    /// Only documents that pass.
    pub filter: Option<Value>,
    /// What to sort by.
    pub sort: Option<Vec<String>>,
    /// Whether documents show their vectors.
    pub retrieve_vectors: bool,
}

/// The order is Meilisearch's: its error about an unknown member lists them.
#[derive(Deserr)]
#[deserr(error = JsonRefusal<Documents>, rename_all = camelCase, deny_unknown_fields)]
struct Body {
    #[deserr(default)]
    offset: usize,
    #[deserr(default = DEFAULT_LIMIT)]
    limit: usize,
    #[deserr(default)]
    fields: Option<Vec<String>>,
    #[deserr(default)]
    retrieve_vectors: bool,
    #[deserr(default)]
    ids: Option<Vec<Value>>,
    #[deserr(default)]
    filter: Option<Value>,
    #[deserr(default)]
    sort: Option<Vec<String>>,
    #[deserr(default)]
    use_network: Option<bool>,
}

#[derive(Deserr)]
#[deserr(error = QueryRefusal<Documents>, rename_all = camelCase, deny_unknown_fields)]
struct Parameters {
    #[deserr(default)]
    offset: Parsed<usize>,
    #[deserr(default = Parsed(DEFAULT_LIMIT))]
    limit: Parsed<usize>,
    #[deserr(default)]
    fields: Option<Parsed<List>>,
    #[deserr(default)]
    retrieve_vectors: Parsed<bool>,
    #[deserr(default)]
    ids: Option<Parsed<List>>,
    #[deserr(default)]
    filter: Option<String>,
    #[deserr(default)]
    sort: Option<String>,
    #[deserr(default)]
    use_network: Option<Parsed<bool>>,
}

/// Parses the body of `POST documents/fetch`.
///
/// # Errors
/// Meilisearch's error where the body is wrong, and where it asks for what is not there yet.
pub fn list_from_json(body: &[u8]) -> Result<ListRequest, RequestError> {
    let body: Body = deserr::deserialize(parse(body)?).map_err(|error: JsonRefusal<Documents>| error.0)?;
    check_supported(body.use_network.is_some())?;
    let ids = body.ids.map(|ids| ids.iter().enumerate().map(|(at, id)| id_of(at, id)).collect());
    Ok(ListRequest {
        offset: body.offset,
        limit: body.limit,
        fields: body.fields,
        ids: ids.transpose()?,
        filter: body.filter,
        sort: body.sort,
        retrieve_vectors: body.retrieve_vectors,
    })
}

/// Parses the parameters of `GET documents`, decoded.
///
/// # Errors
/// Meilisearch's error where a parameter is wrong, and where one asks for what is not there yet.
pub fn list_from_parameters<'a>(
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<ListRequest, RequestError> {
    let parameters: Parameters =
        deserr::deserialize(texts(parameters)).map_err(|error: QueryRefusal<Documents>| error.0)?;
    let sort = parameters.sort.as_deref().map(sort_criteria);
    check_supported(parameters.use_network.is_some())?;
    let fields = parameters.fields.map(|Parsed(List(names))| names);
    let ids = parameters.ids.map(|Parsed(List(ids))| {
        ids.into_iter().enumerate().map(|(at, id)| id_of(at, &Value::String(id))).collect()
    });
    Ok(ListRequest {
        offset: parameters.offset.0,
        limit: parameters.limit.0,
        fields: fields.filter(|names| !names.iter().any(|name| name == "*")),
        ids: ids.transpose()?,
        filter: parameters
            .filter
            .map(|text| filter_of(text, ErrorCode::InvalidDocumentFilter))
            .transpose()?,
        sort,
        retrieve_vectors: parameters.retrieve_vectors.0,
    })
}

fn check_supported(network: bool) -> Result<(), RequestError> {
    if network { Err(RequestError::Unsupported("useNetwork")) } else { Ok(()) }
}

fn id_of(at: usize, id: &Value) -> Result<String, ResponseError> {
    document_id(id).map_err(|invalid| {
        ResponseError::new(ErrorCode::InvalidDocumentIds, format!("In `.ids[{at}]`: {invalid}"))
    })
}

/// The canonical text of a document's id, or what is wrong with it.
pub(crate) fn document_id(id: &Value) -> Result<String, String> {
    let text = match id {
        Value::String(text) => canonical_id(text.trim()).map(str::to_owned),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    };
    text.ok_or_else(|| {
        format!(
            "Document identifier `{id}` is invalid. A document identifier can be of type integer or \
             string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can \
             not be more than 511 bytes."
        )
    })
}
