//! The contract on the official Meilisearch that `MIROIR_MEILISEARCH` names.

use async_trait::async_trait;
use miroir_node::conformance::{self, Crash, Target};
use miroir_node::fixtures;
use miroir_testkit::processes::{Alone, MASTER_KEY};

/// An official server, ended with the test.
pub(crate) struct Official(Alone);

impl Official {
    /// Start one; `None`, and a line that says so, when there is no program.
    pub(crate) async fn start() -> Option<Self> {
        Alone::official(&[]).await.map(Self)
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target { url: self.0.url.clone(), master_key: MASTER_KEY.to_owned(), crash: Some(self) }
    }
}

#[async_trait]
impl Crash for Official {
    async fn crash_and_restart(&self) -> Result<(), String> {
        self.0.kill();
        self.0.start_again().await;
        Ok(())
    }
}

/// `MIROIR_CHECK` runs those checks only whose name contains it.
#[tokio::test(flavor = "multi_thread")]
async fn official_meilisearch_keeps_the_contract() {
    let Some(official) = Official::start().await else { return };
    let target = official.target();
    let filter = std::env::var("MIROIR_CHECK").unwrap_or_default();
    let report = conformance::run(&target, &filter).await.unwrap();
    println!("{report}");
    assert!(report.is_ok(), "{report}");
    assert!(report.skipped.is_empty() && !report.passed.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn official_meilisearch_gives_the_recorded_answers() {
    let Some(official) = Official::start().await else { return };
    let differences = fixtures::check(&official.target()).await.unwrap();
    assert!(differences.is_empty(), "{differences:#?}");
}
