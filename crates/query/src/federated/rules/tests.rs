//! The texts of `meilisearchs_own` are snapshots of its tests; the others follow its code.

use super::*;

const DEFAULT: &[&str] =
    &["words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness"];
const SORT_FIRST: &[&str] = &["sort", "words", "typo", "proximity", "attribute", "exactness"];

/// A query on an index, by its kind.
struct Query {
    position: usize,
    index: &'static str,
    rules: Vec<String>,
    sort: Option<Vec<String>>,
    matching_strategy: MatchingStrategy,
    kind: Kind,
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn lines(list: &[&str]) -> String {
    list.iter().map(|line| format!("{line}\n")).collect()
}

fn query(position: usize, kind: Kind, rules: &[&str]) -> Query {
    let matching_strategy = MatchingStrategy::Last;
    Query { position, index: "movies", rules: texts(rules), sort: None, matching_strategy, kind }
}

impl Query {
    fn sorted(self, by: &[&str]) -> Self {
        Self { sort: Some(texts(by)), ..self }
    }

    fn of(self, index: &'static str) -> Self {
        Self { index, ..self }
    }

    fn all_words(self) -> Self {
        Self { matching_strategy: MatchingStrategy::All, ..self }
    }

    fn ranked(&self) -> Ranked<'_> {
        Ranked {
            index: self.index,
            position: self.position,
            rules: &self.rules,
            sort: self.sort.as_deref(),
            matching_strategy: self.matching_strategy,
            kind: self.kind,
        }
    }
}

/// The refusal of the last of these; the others pass.
fn refused(queries: &[Query]) -> String {
    let (last, others) = queries.split_last().expect("some queries");
    let mut compatible = Compatible::default();
    for query in others {
        compatible.add(&query.ranked()).expect("comparable");
    }
    let error = compatible.add(&last.ranked()).expect_err("not comparable");
    assert_eq!(error.code, ErrorCode::InvalidMultiSearchQueryRankingRules);
    error.message
}

fn pass(queries: &[Query]) {
    let mut compatible = Compatible::default();
    for query in queries {
        compatible.add(&query.ranked()).expect("comparable");
    }
}

/// The notes of a placeholder search without `sort`, by default rules.
fn placeholder_notes(position: usize) -> String {
    let removed = |(number, at, name)| {
        format!(
            "    {number}. Removed relevancy rule `{name}` at position #{at} in ranking rules because the \
             query is a placeholder search (`q`: \"\")\n"
        )
    };
    let rules = [(1, 0, "words"), (2, 1, "typo"), (3, 2, "proximity"), (4, 3, "attributeRank")];
    let more = [(5, 5, "wordPosition"), (6, 6, "exactness")];
    let notes: String = rules.into_iter().chain(more).map(removed).collect();
    format!(
        "  - note: The ranking rules of query #{position} were modified during canonicalization:\n{notes}"
    )
}

#[test]
fn meilisearchs_own_of_keywords() {
    let sorted = |position, by| query(position, Kind::Keyword, SORT_FIRST).sorted(&[by]);
    assert_eq!(
        refused(&[sorted(0, "mother:asc").of("nested"), sorted(1, "mother:desc").of("nested")]),
        lines(&[
            "The results of queries #0 and #1 are incompatible: ",
            "  1. `queries[0].sort[0]`, `nested.rankingRules[0]`: ascending sort rule(s) on field `mother`",
            "  2. `queries[1].sort[0]`, `nested.rankingRules[0]`: descending sort rule(s) on field `mother`",
            "  - cannot compare two sort rules in opposite directions",
        ])
    );
    // Queries come index by index.
    let shared = |position| {
        query(position, Kind::Keyword, DEFAULT).sorted(&["title:desc"]).of("SHARED_SCORE_DOCUMENTS")
    };
    assert_eq!(
        refused(&[shared(0), shared(2), sorted(1, "title:desc").of("movies-[uuid]")]),
        lines(&[
            "The results of queries #2 and #1 are incompatible: ",
            "  1. `queries[2]`, `SHARED_SCORE_DOCUMENTS.rankingRules[0..=3]`: relevancy rule(s) words, \
             typo, proximity, attributeRank",
            "  2. `queries[1].sort[0]`, `movies-[uuid].rankingRules[0]`: descending sort rule(s) on field \
             `title`",
            "  - cannot compare a relevancy rule with a sort rule",
        ])
    );
}

#[test]
fn meilisearchs_own_of_placeholders() {
    let sorted = |position, by| query(position, Kind::Placeholder, SORT_FIRST).sorted(&[by]);
    assert_eq!(
        refused(&[sorted(1, "title:desc").of("batman-[uuid]"), sorted(0, "title:asc").of("movies-[uuid]")]),
        lines(&[
            "The results of queries #1 and #0 are incompatible: ",
            "  1. `queries[1].sort[0]`, `batman-[uuid].rankingRules[0]`: descending sort rule(s) on field \
             `title`",
            "  2. `queries[0].sort[0]`, `movies-[uuid].rankingRules[0]`: ascending sort rule(s) on field \
             `title`",
            "  - cannot compare two sort rules in opposite directions",
            "  - note: The ranking rules of query #1 were modified during canonicalization:",
            "    1. Removed relevancy rule `words` at position #1 in ranking rules because the query is a \
             placeholder search (`q`: \"\")",
            "    2. Removed relevancy rule `typo` at position #2 in ranking rules because the query is a \
             placeholder search (`q`: \"\")",
            "    3. Removed relevancy rule `proximity` at position #3 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
            "    4. Removed relevancy rule `attribute` at position #4 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
            "    5. Removed relevancy rule `exactness` at position #5 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
            "  - note: The ranking rules of query #0 were modified during canonicalization:",
            "    1. Removed relevancy rule `words` at position #1 in ranking rules because the query is a \
             placeholder search (`q`: \"\")",
            "    2. Removed relevancy rule `typo` at position #2 in ranking rules because the query is a \
             placeholder search (`q`: \"\")",
            "    3. Removed relevancy rule `proximity` at position #3 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
            "    4. Removed relevancy rule `attribute` at position #4 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
            "    5. Removed relevancy rule `exactness` at position #5 in ranking rules because the query \
             is a placeholder search (`q`: \"\")",
        ])
    );
}

#[test]
fn what_compares() {
    let keyword = |position| query(position, Kind::Keyword, DEFAULT);
    pass(&[keyword(0), keyword(1).sorted(&["price:asc"]), keyword(2), keyword(3).sorted(&["year:asc"])]);
    // Only relevancy comes before the end of either.
    pass(&[keyword(0), query(1, Kind::Vector, DEFAULT), query(2, Kind::Placeholder, DEFAULT)]);
    // Other fields do.
    let sorted = |position, by| query(position, Kind::Placeholder, DEFAULT).sorted(&[by]);
    pass(&[sorted(0, "price:asc"), sorted(1, "year:asc")]);
}

#[test]
fn the_query_with_more_constraints_is_remembered() {
    let sorted = |position, by| query(position, Kind::Keyword, DEFAULT).sorted(&[by]);
    let plain = |position| query(position, Kind::Keyword, DEFAULT);
    let refused = |queries: &[Query]| refused(queries).lines().next().map(str::to_owned);
    let first_line = |a, b| Some(format!("The results of queries #{a} and #{b} are incompatible: "));
    assert_eq!(refused(&[sorted(0, "a:asc"), plain(1), sorted(2, "a:desc")]), first_line(0, 2));
    assert_eq!(refused(&[sorted(0, "a:asc"), sorted(1, "b:asc"), sorted(2, "a:desc")]), first_line(1, 2));
}

#[test]
fn a_placeholder_and_a_keyword() {
    let placeholder = query(0, Kind::Placeholder, DEFAULT).sorted(&["price:asc"]);
    let expected = lines(&[
        "The results of queries #0 and #1 are incompatible: ",
        "  1. `queries[0].sort[0]`, `movies.rankingRules[0]`: ascending sort rule(s) on field `price`",
        "  2. `queries[1]`, `movies.rankingRules[0..=5]`: relevancy rule(s) words, typo, proximity, \
             attributeRank, wordPosition, exactness",
        "  - cannot compare a relevancy rule with a sort rule",
    ]);
    let sort_note = lines(&[
        "  - note: The ranking rules of query #1 were modified during canonicalization:",
        "   1. Removed rule `sort` at position #4 in ranking rules because `query.sort` is empty",
    ]);
    assert_eq!(
        refused(&[placeholder, query(1, Kind::Keyword, DEFAULT)]),
        format!("{expected}{}{sort_note}", placeholder_notes(0))
    );
}

#[test]
fn an_empty_sort_stays_among_the_rules() {
    let empty = query(0, Kind::Keyword, DEFAULT).sorted(&[]);
    let sorted = query(1, Kind::Placeholder, DEFAULT).sorted(&["_geoPoint(1, 2):desc"]);
    let expected = lines(&[
        "The results of queries #0 and #1 are incompatible: ",
        "  1. `queries[0]`, `movies.rankingRules[0..=6]`: relevancy rule(s) words, typo, proximity, \
             attributeRank, sort, wordPosition, exactness",
        "  2. `queries[1].sort[0]`, `movies.rankingRules[0]`: descending geo sort rule(s) default",
        "  - cannot compare a relevancy rule with a geosort rule",
    ]);
    assert_eq!(refused(&[empty, sorted]), format!("{expected}{}", placeholder_notes(1)));
}

#[test]
fn duplicates_go() {
    let rules = ["price:desc", "sort", "words", "words", "sort", "price:asc"];
    let by = ["price:asc", "_geoPoint(1, 2):asc", "year:asc", "_geoPoint(3, 4):desc", "year:desc"];
    let sorted = query(0, Kind::Keyword, &rules).sorted(&by);
    let other =
        query(1, Kind::Keyword, &["price:desc", "sort"]).sorted(&["_geoPoint(1, 2):asc", "year:desc"]);
    assert_eq!(
        refused(&[sorted, other]),
        lines(&[
            "The results of queries #0 and #1 are incompatible: ",
            "  1. `queries[0].sort[1]`, `movies.rankingRules[1]`: ascending sort rule(s) on field `year`",
            "  2. `queries[1].sort[1]`, `movies.rankingRules[1]`: descending sort rule(s) on field `year`",
            "  - cannot compare two sort rules in opposite directions",
            "  - note: The ranking rules of query #0 were modified during canonicalization:",
            "    1. Removed duplicate rule `price:desc` at position #0 in `query.sort` (as `sort` is #1 \
             in ranking rules) as it already appears at position #0 in ranking rules",
            "    2. Removed duplicate rule `_geo(..):asc` at position #3 in `query.sort` (as `sort` is #1 \
             in ranking rules) as it already appears at position #1 in `query.sort` (as `sort` is #1 in \
             ranking rules)",
            "    3. Removed duplicate rule `year:asc` at position #4 in `query.sort` (as `sort` is #1 in \
             ranking rules) as it already appears at position #2 in `query.sort` (as `sort` is #1 in \
             ranking rules)",
            "    4. Removed duplicate rule `words` at position #3 in ranking rules as it already appears \
             at position #2 in ranking rules",
            "    5. Removed duplicate rule `sort` at position #4 in ranking rules as it already appears \
             at position #1 in ranking rules",
            "    6. Removed duplicate rule `price:desc` at position #5 in ranking rules as it already \
             appears at position #0 in ranking rules",
        ])
    );
}

#[test]
fn words_are_prepended_or_left_out() {
    let prepended = query(0, Kind::Keyword, &["typo", "words", "price:asc"]);
    let left_out = query(1, Kind::Keyword, &["words", "typo", "price:desc"]).all_words();
    assert_eq!(
        refused(&[prepended, left_out]),
        lines(&[
            "The results of queries #0 and #1 are incompatible: ",
            "  1. `queries[0]`, `movies.rankingRules[3]`: ascending sort rule(s) price:asc",
            "  2. `queries[1]`, `movies.rankingRules[1]`: descending sort rule(s) price:desc",
            "  - cannot compare two sort rules in opposite directions",
            "  - note: The ranking rules of query #0 were modified during canonicalization:",
            "    1. Prepended rule `words` before first relevancy rule `typo` at position #0 in ranking \
             rules",
            "    2. Removed rule `words` at position #1 in ranking rules because it was previously \
             prepended",
            "  - note: The ranking rules of query #1 were modified during canonicalization:",
            "    1. Removed rule `words` at position #0 in ranking rules because `query.matchingWords` is \
             set to `all`",
        ])
    );
}

#[test]
fn vectors_rank_once() {
    let cut = query(0, Kind::Vector, &["words", "typo", "price:asc", "exactness", "year:asc"]);
    let by_distance = query(1, Kind::Vector, DEFAULT).sorted(&["_geoPoint(1, 2):asc"]);
    assert_eq!(
        refused(&[cut, by_distance]),
        lines(&[
            "The results of queries #0 and #1 are incompatible: ",
            "  1. `queries[0]`, `movies.rankingRules[1]`: ascending sort rule(s) price:asc",
            "  2. `queries[1].sort[0]`, `movies.rankingRules[1]`: ascending geo sort rule(s) default",
            "  - cannot compare a sort rule with a geosort rule",
            "  - note: The ranking rules of query #0 were modified during canonicalization:",
            "    1. Removed relevancy rule `typo` at position #1 in ranking rules because the query is a \
             vector search and `vector` was already inserted at position #0 in ranking rules",
            "    2. Truncated relevancy rule `exactness` at position #3 in ranking rules and later rules \
             because the query is a vector search and `vector` was inserted at position #0 in ranking rules",
            "  - note: The ranking rules of query #1 were modified during canonicalization:",
            "    1. Removed relevancy rule `typo` at position #1 in ranking rules because the query is a \
             vector search and `vector` was already inserted at position #0 in ranking rules",
            "    2. Removed relevancy rule `proximity` at position #2 in ranking rules because the query \
             is a vector search and `vector` was already inserted at position #0 in ranking rules",
            "    3. Removed relevancy rule `attributeRank` at position #3 in ranking rules because the \
             query is a vector search and `vector` was already inserted at position #0 in ranking rules",
            "    4. Removed relevancy rule `wordPosition` at position #5 in ranking rules because the \
             query is a vector search and `vector` was already inserted at position #0 in ranking rules",
            "    5. Removed relevancy rule `exactness` at position #6 in ranking rules because the query \
             is a vector search and `vector` was already inserted at position #0 in ranking rules",
        ])
    );
}
