//! Task life cycle, filters, paging and the folding of node results into task details.
