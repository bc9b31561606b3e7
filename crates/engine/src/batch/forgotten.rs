//! What milli forgets to give back.

use milli::ThreadPoolNoAbort;
use milli::update::new::indexer::document_changes::DocumentChanges;
use rayon::iter::ParallelIterator;

/// Documents that one thread goes through at once.
const CHUNK: usize = 1 << 12;

/// Frees what `changes` owns: milli keeps each document's list of operations in an arena that drops nothing
/// (`into_bump_slice` in `update/new/indexer/document_operation.rs`), so each document written would cost its 24 bytes for
/// the life of the process.
///
/// # Safety
/// `changes` are those of a [`DocumentOperation`](milli::update::new::indexer::DocumentOperation) of milli-core 1.15,
/// whose items nobody drops. Of a type that owns its items this is a double free.
#[allow(unsafe_code)]
pub(super) unsafe fn free<'pl, C: DocumentChanges<'pl>>(changes: C, pool: &ThreadPoolNoAbort) {
    let freed = pool.install(|| {
        changes.iter(CHUNK).for_each(|chunk| {
            for item in chunk.as_ref() {
                // SAFETY: the arena never drops the item, and nobody reads it again: `changes` ends here.
                drop(unsafe { std::ptr::read(item) });
            }
        });
    });
    if freed.is_err() {
        tracing::error!("the lists of a batch's operations could not be freed");
    }
}
