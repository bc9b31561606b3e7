//! Running tasks.

use miroir_node::{Details, NodeTaskStatus, TaskError, Write};
use serde_json::Value;

use super::filter::matches;
use super::{FakeIndex, Inner};

type Ended = Result<Details, (&'static str, String)>;

impl Inner {
    /// Runs the oldest task that waits, as nodes do: one at a time, over all indexes.
    pub(crate) fn process(&mut self) {
        let Some(at) = self.tasks.iter().position(|(task, _)| !task.status.is_terminal()) else { return };
        let (task, write) = self.tasks[at].clone();
        let index = task.index_uid.clone().unwrap_or_default();
        let ended = if self.dice.chance(self.plan.fault) {
            Err(("internal", "planned".to_owned()))
        } else {
            let first = self.run(at, &index, &write);
            if first.is_ok() {
                self.applied.push((index.clone(), task.mark.clone(), write.clone()));
            }
            match first {
                Ok(_) if self.dice.chance(self.plan.rerun) => {
                    self.dead = true;
                    let index = self.tasks[at].0.index_uid.clone().unwrap_or_default();
                    let again =
                        if matches!(write, Write::RenameIndex { .. }) { task.index_uid } else { Some(index) };
                    self.run(at, &again.unwrap_or_default(), &write)
                }
                first => first,
            }
        };
        let task = &mut self.tasks[at].0;
        match ended {
            Ok(details) => {
                task.status = NodeTaskStatus::Succeeded;
                if task.details.is_none() {
                    task.details = Some(details);
                }
            }
            Err((code, message)) => {
                task.status = NodeTaskStatus::Failed;
                let kind = "invalid_request".to_owned();
                task.error = Some(TaskError { code: code.to_owned(), kind, message });
            }
        }
    }

    fn fails(&self, payload: &[u8]) -> bool {
        self.adds_fail_for.is_some_and(|text| String::from_utf8_lossy(payload).contains(text))
    }

    fn run(&mut self, at: usize, index: &str, write: &Write) -> Ended {
        let exists = self.indexes.contains_key(index);
        let missing = || Err(("index_not_found", format!("Index `{index}` not found.")));
        match write {
            Write::CreateIndex { .. } if exists => Err(("index_already_exists", index.to_owned())),
            Write::CreateIndex { primary_key } => {
                let created = FakeIndex { primary_key: primary_key.clone(), ..FakeIndex::default() };
                self.indexes.insert(index.to_owned(), created);
                Ok(Details::default())
            }
            // Who has the right makes an index by writing to it.
            Write::Add(_) | Write::Settings(_) if !exists && self.mastered.contains(&(at as u32)) => {
                self.indexes.insert(index.to_owned(), FakeIndex::default());
                self.run(at, index, write)
            }
            _ if !exists => missing(),
            Write::RenameIndex { to } if self.indexes.contains_key(to) => {
                Err(("index_already_exists", to.clone()))
            }
            Write::RenameIndex { to } => {
                let moved = self.indexes.remove(index).unwrap_or_default();
                self.indexes.insert(to.clone(), moved);
                for (task, _) in &mut self.tasks[..=at] {
                    if task.index_uid.as_deref() == Some(index) {
                        task.index_uid = Some(to.clone());
                    }
                }
                Ok(Details::default())
            }
            Write::DeleteIndex => {
                let gone = self.indexes.remove(index).unwrap_or_default();
                Ok(deleted(gone.documents.len()))
            }
            Write::Settings(text) => match &self.refuses {
                Some(refused) if text.contains(refused.as_str()) => {
                    Err(("invalid_settings_synonyms", format!("Index `{index}`: refused")))
                }
                _ => {
                    self.indexes.entry(index.to_owned()).or_default().settings = Some(text.clone());
                    Ok(Details::default())
                }
            },
            Write::Add(_) if self.adds_fail.is_some() => {
                Err((self.adds_fail.unwrap_or_default(), "planned".to_owned()))
            }
            Write::Add(add) if self.fails(&add.payload) => {
                Err(("no_space_left_on_device", "planned".to_owned()))
            }
            documents => self.indexes.entry(index.to_owned()).or_default().change(index, documents),
        }
    }
}

impl FakeIndex {
    fn change(&mut self, name: &str, write: &Write) -> Ended {
        let before = self.documents.len();
        match write {
            Write::Add(add) => return self.add(name, add),
            Write::DeleteIds(ids) => ids.iter().for_each(|id| drop(self.documents.remove(id))),
            Write::DeleteMatching(filter) => self.documents.retain(|_, document| !matches(document, filter)),
            Write::DeleteAll => self.documents.clear(),
            Write::SetPrimaryKey(key) => self.primary_key = Some(key.clone()),
            Write::Edit { function, filter, .. } => return self.edit(name, function, filter.as_deref()),
            _ => {}
        }
        Ok(deleted(before - self.documents.len()))
    }

    /// All or nothing, as a node does it.
    fn edit(&mut self, name: &str, function: &str, filter: Option<&str>) -> Ended {
        let code = "edit_documents_by_function_error";
        let failed = |error: String| {
            let text = "Document edition runtime error encountered while running the function";
            (code, format!("Index `{name}`: {text}: {error}"))
        };
        let engine = rhai::Engine::new();
        let script = engine.compile(function).map_err(|error| failed(error.to_string()))?;
        let selected = |document: &Value| filter.is_none_or(|filter| matches(document, filter));
        let mut edited = self.documents.clone();
        let mut count = 0;
        for (id, document) in self.documents.iter().filter(|(_, document)| selected(document)) {
            count += 1;
            let mut scope = rhai::Scope::new();
            scope.push_dynamic("doc", serde_json::from_value(document.clone()).expect("a value"));
            engine.run_ast_with_scope(&mut scope, &script).map_err(|error| failed(error.to_string()))?;
            let after: rhai::Dynamic = scope.remove("doc").expect("it is there");
            if after.is_unit() {
                edited.remove(id);
            } else {
                edited.insert(id.clone(), serde_json::to_value(after).expect("a value"));
            }
        }
        self.documents = edited;
        Ok(deleted(count))
    }

    fn add(&mut self, name: &str, add: &miroir_node::Add) -> Ended {
        let documents = serde_json::Deserializer::from_slice(&add.payload).into_iter::<Value>();
        let documents: Vec<Value> = documents.collect::<Result<_, _>>().expect("JSON values");
        if documents.iter().any(|document| document["bad"] == true) {
            return Err(("invalid_document_geo_field", format!("Index `{name}`: bad")));
        }
        if self.primary_key.get_or_insert_with(|| "id".to_owned())
            != add.primary_key.as_deref().unwrap_or("id")
        {
            return Err(("index_primary_key_already_exists", name.to_owned()));
        }
        for document in documents {
            let id = document["id"].as_str().expect("an id").to_owned();
            let version = document["v"].as_u64().unwrap_or_default();
            self.versions.entry(id.clone()).or_default().push(version);
            let known = self.documents.entry(id).or_insert(Value::Null);
            match (add.mode, known, document) {
                (miroir_node::AddMode::Update, Value::Object(known), Value::Object(new)) => known.extend(new),
                (_, known, document) => *known = document,
            }
        }
        Ok(Details::default())
    }
}

fn deleted(documents: usize) -> Details {
    Details { deleted_documents: Some(documents as u64), ..Details::default() }
}
