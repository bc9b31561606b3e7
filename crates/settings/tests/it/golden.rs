//! `golden/v1_50.json` was recorded from Meilisearch 1.50.0: each sequence is sent to one new index, each step with the
//! answer's error, or with the details and the error of its task and the answer of `GET /indexes/x/settings` after it.
//! Here the same bodies go through this crate.

use miroir_api::{ApiVersion, ResponseError};
use miroir_settings::{Features, Rules, SettingName, SettingsPatch, UpdateMethod, UserSettings};
use serde::Deserialize;
use serde_json::Value;

const RULES: Rules = Rules {
    version: ApiVersion::V1_50,
    features: Features {
        chat_completions: false,
        foreign_keys: false,
        composite_embedders: false,
        multimodal: false,
    },
};

#[derive(Deserialize)]
struct Sequence {
    name: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    method: String,
    path: String,
    #[serde(default, deserialize_with = "sent")]
    body: Option<Value>,
    error: Option<Error>,
    details: Option<Value>,
    task_error: Option<Error>,
    after: Option<Value>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Error {
    code: String,
    message: String,
}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        Self { code: error.code.as_str().to_owned(), message: error.message }
    }
}

/// A body of `null` is a body.
fn sent<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn read(step: &Step) -> Result<SettingsPatch, ResponseError> {
    let name = SettingName::ALL.into_iter().find(|name| name.path() == step.path);
    match (name, &step.body) {
        (None, None) => Ok(SettingsPatch::reset_all(RULES.version)),
        (None, Some(body)) => SettingsPatch::parse(body, RULES),
        (Some(name), None) => Ok(SettingsPatch::reset(name)),
        (Some(name), Some(body)) => {
            let method = if name.update_method() == UpdateMethod::Put { "PUT" } else { "PATCH" };
            assert_eq!(step.method, method, "{name}");
            SettingsPatch::parse_one(name, body, RULES)
        }
    }
}

/// In a task, Meilisearch's texts begin with the index: that is for whoever knows its name.
fn without_index(error: &Error) -> Error {
    let message = error.message.split_once("`: ").map_or("", |(_, text)| text);
    Error { code: error.code.clone(), message: message.to_owned() }
}

#[test]
fn every_recorded_step_has_the_same_result_here() {
    let sequences: Vec<Sequence> = serde_json::from_str(include_str!("../golden/v1_50.json")).unwrap();
    let mut steps = 0;
    for sequence in sequences {
        let mut settings = UserSettings::new(RULES.version);
        for step in sequence.steps {
            let at = format!("{}: {} {} {:?}", sequence.name, step.method, step.path, step.body);
            steps += 1;
            let patch = match (read(&step), &step.error) {
                (Err(error), Some(expected)) => {
                    assert_eq!(Error::from(error), *expected, "{at}");
                    continue;
                }
                (Ok(patch), None) => patch,
                (result, expected) => panic!("{at}: {result:?}, not {expected:?}"),
            };
            assert_eq!(patch.details(), step.details.unwrap().to_string(), "{at}");
            match (settings.apply(&patch), &step.task_error) {
                (Ok(after), None) => settings = after,
                (Err(error), Some(expected)) => {
                    assert_eq!(Error::from(error), without_index(expected), "{at}")
                }
                (result, expected) => panic!("{at}: {result:?}, not {expected:?}"),
            }
            let after = step.after.unwrap();
            assert_eq!(settings.to_json(RULES.features), after.to_string(), "{at}");
            for (name, value) in after.as_object().unwrap() {
                let name = SettingName::ALL.into_iter().find(|known| known.as_str() == name).unwrap();
                assert_eq!(settings.value_json(name), value.to_string());
            }
        }
    }
    assert!(steps > 100, "only {steps} steps were compared");
}
