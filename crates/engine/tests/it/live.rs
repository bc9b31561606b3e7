//! What is allocated stays so only while it is needed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::Method;

use crate::harness::{Body, Node};

/// The size of an operation in milli's list of them.
const OPERATION: usize = 24;

/// The system's allocator, and how many blocks of [`OPERATION`]'s size are in use.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system allocator's.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() == OPERATION {
            LIVE.fetch_add(1, Ordering::Relaxed);
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() == OPERATION {
            LIVE.fetch_sub(1, Ordering::Relaxed);
        }
        unsafe { System.dealloc(block, layout) }
    }
}

/// milli forgets one block of each document that is written or deleted: a node that takes a thousand documents a second
/// would grow by 100 MB an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_leaves_nothing_of_its_documents_in_memory() {
    const DOCUMENTS: i64 = 100_000;
    let node = Node::start().await;
    let lines: String = (0..DOCUMENTS).map(|id| format!("{{\"id\":{id}}}\n")).collect();
    let before = LIVE.load(Ordering::Relaxed);
    let path = "/indexes/films/documents";
    node.done(Method::POST, path, Body::Raw("application/x-ndjson", lines)).await;
    let grown = LIVE.load(Ordering::Relaxed) - before;
    // Other tests run beside it.
    assert!(grown < DOCUMENTS / 2, "{grown} more blocks of {OPERATION} bytes");
}
