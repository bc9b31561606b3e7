//! Exchanges of names and cancelations, in numbers.

use std::fmt;

use serde_json::Value;

/// What the log has of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Exchanges that succeeded, failed, and were canceled.
    pub(crate) swapped: u64,
    pub(crate) swaps_failed: u64,
    pub(crate) swaps_canceled: u64,
    pub(crate) cancelations: u64,
    /// Tasks that were canceled, and those that a cancelation named and that ran.
    pub(crate) canceled: u64,
    pub(crate) ran: u64,
}

impl Names {
    pub(crate) fn of(tasks: &[Value]) -> Self {
        let swaps = |status: &str| {
            let swap = |task: &&Value| task["type"] == "indexSwap" && task["status"] == status;
            tasks.iter().filter(swap).count() as u64
        };
        let cancelations = || tasks.iter().filter(|task| task["type"] == "taskCancelation");
        let sum = |name: &str| cancelations().filter_map(|task| task["details"][name].as_u64()).sum::<u64>();
        let canceled = sum("canceledTasks");
        Self {
            swapped: swaps("succeeded"),
            swaps_failed: swaps("failed"),
            swaps_canceled: swaps("canceled"),
            cancelations: cancelations().count() as u64,
            canceled,
            ran: sum("matchedTasks").saturating_sub(canceled),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} names exchanged ({} failed, {} canceled), {} cancelations ({} tasks canceled, {} named and ran)",
            self.swapped, self.swaps_failed, self.swaps_canceled, self.cancelations, self.canceled, self.ran
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_named_and_not_canceled_ran() {
        let cancelation = |matched: u64, canceled: u64| {
            let details = json!({"matchedTasks": matched, "canceledTasks": canceled});
            json!({"type": "taskCancelation", "status": "succeeded", "details": details})
        };
        let swap = |status: &str| json!({"type": "indexSwap", "status": status});
        let tasks =
            [cancelation(5, 2), swap("succeeded"), swap("canceled"), cancelation(3, 3), swap("failed")];
        let names =
            Names { swapped: 1, swaps_failed: 1, swaps_canceled: 1, cancelations: 2, canceled: 5, ran: 3 };
        assert_eq!(Names::of(&tasks), names);
    }
}
