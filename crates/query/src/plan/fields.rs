//! What hits show: what the user asked to see, within what the settings let them see, and what the merge adds to it.
//!
//! Nodes display every attribute, and Meilisearch has no way to say "all but one", so the reserved member is cut out of
//! what they send. A list of displayed attributes is asked for by name.

use miroir_model::RESERVED_MEMBER;

use crate::path;
use crate::request::SearchRequest;
use crate::view::Shown;

/// The member with the vectors of a document.
pub(crate) const VECTORS: &str = "_vectors";

/// What nodes are asked to put in a hit, and what of it the user gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    /// What the user sees of a document; `None` for all but the reserved member.
    pub(crate) visible: Option<Vec<String>>,
    /// What nodes are asked for; `None` for all.
    pub(crate) retrieved: Option<Vec<String>>,
    /// What is highlighted: the user's attributes within the displayed ones.
    pub(crate) highlighted: Option<Vec<String>>,
    /// What is cropped, as `attribute` or `attribute:length`.
    pub(crate) cropped: Option<Vec<String>>,
    /// What the settings display; `None` for all.
    pub(crate) displayed: Option<Vec<String>>,
}

impl Fields {
    /// `needed` are the attributes that a merge reads.
    pub(crate) fn new(request: &SearchRequest, shown: &Shown, needed: &[&str]) -> Self {
        let displayed = shown.displayed.clone();
        let visible = visible(request.attributes_to_retrieve.as_deref(), displayed.as_deref());
        let retrieved = visible.clone().map(|mut names| {
            for name in needed {
                if !names.iter().any(|visible| path::covers(visible, name)) {
                    names.push((*name).to_owned());
                }
            }
            names
        });
        let within = |names: &Option<Vec<String>>, name_of: fn(&str) -> (&str, &str)| {
            names.as_ref().map(|names| within(names, displayed.as_deref(), name_of))
        };
        Self {
            highlighted: within(&request.attributes_to_highlight, |name| (name, "")),
            cropped: within(&request.attributes_to_crop, crop_target),
            visible,
            retrieved,
            displayed,
        }
    }

    /// Whether hits show their vectors to who asks for them: when all is displayed, or `_vectors` by name. (Meilisearch
    /// 1.50 has it the other way round where some document has a member `_vectors` of its own.)
    pub(crate) fn shows_vectors(&self) -> bool {
        self.displayed.as_ref().is_none_or(|names| names.iter().any(|name| name == VECTORS))
    }

    /// Whether `_formatted` shows this attribute because it is highlighted or cropped, though hits do not show it.
    pub(crate) fn is_formatted(&self, name: &str) -> bool {
        let highlighted = self.highlighted.iter().flatten().map(String::as_str);
        let cropped = self.cropped.iter().flatten().map(|crop| crop_target(crop).0);
        highlighted.chain(cropped).any(|target| target == "*" || path::related(target, name))
    }
}

fn visible(asked: Option<&[String]>, displayed: Option<&[String]>) -> Option<Vec<String>> {
    let asked = asked.filter(|names| !names.iter().any(|name| name == "*"));
    let not_reserved = |name: &&String| *name != RESERVED_MEMBER;
    let mut names: Vec<String> = match (asked, displayed) {
        (None, displayed) => displayed?.to_vec(),
        (Some(asked), None) => asked.iter().filter(not_reserved).cloned().collect(),
        (Some(asked), Some(displayed)) => {
            asked.iter().filter(|name| displayed.contains(name)).cloned().collect()
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Some(names)
}

/// The attributes of a highlight or crop that are displayed; `*` stands for all of them. With a list of displayed
/// attributes it is written out, since nodes display more.
fn within(
    names: &[String],
    displayed: Option<&[String]>,
    name_of: impl Fn(&str) -> (&str, &str),
) -> Vec<String> {
    let mut targets = Vec::new();
    for name in names.iter().filter(|name| name_of(name).0 != RESERVED_MEMBER) {
        match (name_of(name), displayed) {
            (_, None) => targets.push(name.clone()),
            (("*", length), Some(displayed)) => {
                targets.extend(displayed.iter().map(|name| format!("{name}{length}")));
            }
            ((target, _), Some(displayed)) => {
                if displayed.iter().any(|name| name == target) {
                    targets.push(name.clone());
                }
            }
        }
    }
    targets
}

/// `title:5` is the attribute `title`, and `:5`.
fn crop_target(crop: &str) -> (&str, &str) {
    match crop.rfind(':') {
        Some(colon) => crop.split_at(colon),
        None => (crop, ""),
    }
}
