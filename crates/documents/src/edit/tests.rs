use miroir_model::{RESERVED_MEMBER, Slot, TaskUid, reserved};
use rhai::{Dynamic, Engine, Scope};
use serde_json::{Value, json};

use super::*;

const TASK: TaskUid = TaskUid(77);

/// Runs a script on a document with the limits of a node. A deletion is null.
fn run(script: &str, doc: &Value) -> Result<Value, String> {
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::Full);
    engine.set_max_operations(1_000_000);
    engine.set_max_functions(30);
    engine.set_max_expr_depths(100, 1000);
    engine.set_max_array_size(10_000);
    engine.set_max_map_size(10_000);
    let ast = engine.compile(script).map_err(|error| error.to_string())?;
    let mut scope = Scope::new();
    scope.push_constant_dynamic("context", serde_json::from_value(json!({"by": 3})).unwrap());
    scope.push_dynamic("doc", serde_json::from_value(doc.clone()).unwrap());
    engine.run_ast_with_scope(&mut scope, &ast).map_err(|error| error.to_string())?;
    let after: Dynamic = scope.remove("doc").unwrap();
    if after.is_unit() {
        return Ok(Value::Null);
    }
    if after.is_map() { Ok(serde_json::to_value(after).unwrap()) } else { Err("no object".to_owned()) }
}

fn stamped(doc: &Value) -> Value {
    let mut doc = doc.clone();
    let slot = Slot::try_from(5000).unwrap();
    doc[RESERVED_MEMBER] = json!(reserved::values(slot));
    doc
}

/// The document without the reserved member, and whether it bears the task's mark.
fn bare(mut doc: Value) -> (Value, bool) {
    let Some(object) = doc.as_object_mut() else { return (doc, false) };
    let member = object.remove(RESERVED_MEMBER).unwrap();
    let slot = Slot::try_from(5000).unwrap();
    assert_eq!(member.as_array().unwrap()[..3], reserved::values(slot));
    let marked = member.get(3) == Some(&json!(reserved::mark(TASK)));
    (doc, marked)
}

/// Scripts of every shape that matters to the text around them.
const SCRIPTS: &[&str] = &[
    "",
    "doc.n += 1",
    "doc.n += 1;",
    "doc.n += context.by // the last line is a comment",
    "\n   doc.n += 1;\n",
    "if doc.n > 3 { return; } doc.n = 100;",
    "if doc.n > 3 { return } doc.n = 100; return doc.n;",
    "doc = #{id: doc.id};",
    "doc = ()",
    "if doc.n == 5 { doc = () }",
    "doc.n = doc.n",
    "doc.n = doc.n * 1.0",
    "let doc = #{id: doc.id, other: 1};",
    "fn more(x) { return x + 1; } doc.n = more(doc.n);",
    "doc.n = more(doc.n); if doc.n > 3 { return; } doc.n = 0; fn more(x) { if x > 4 { return x * 2; } x + 1 }",
    "fn a(x) { b(x) } private fn b(x) { let f = |y| y + 1; f.call(x) } doc.n = a(doc.n)",
    "// fn no() {}\n/* fn /* no */ () { */ doc.t = \"fn no() { \\\" }\"; fn yes() { '}' } doc.u = yes().to_string();",
    "doc.t = `a ${ if doc.n > 3 { \"}\" } else { `x ${doc.n} {` } } fn () {`; fn f() { 1 }",
    "doc.n = 7; doc.t = `a ${ if doc.id == 1 { return; } 1 } b`;",
    "doc.n = 7; doc.t = `a ${ `b ${ return }` }`; doc.n = 8;",
    "fn f(x) { `a ${ return x; }` } doc.n = f(9);",
    "doc.t = #\"fn x() { \"quoted\" }\"#; fn f() { `}` } doc.u = f();",
    "doc.keys_seen = doc.keys().len();",
    "for key in doc.keys() { if key != \"id\" { doc.remove(key); } }",
    "doc.n = eval(\"doc.n + 1\");",
    "doc.id = \"1\";",
    "let context = 5; doc.n = context;",
    "let add = |x| { doc.n += x; }; add.call(2);",
    "let list = []; let push = |x| list.push(x); push.call(doc.n); doc.list = list;",
    "switch doc.n { 5 => { doc.n = 6; } _ => doc.n = 7 }",
];

/// Scripts that fail, and where they say so.
const FAILING: &[&str] = &[
    "if doc.n > 3 { return missing; }\n doc.n = missing;",
    "fn f(x) {\n x + missing }\n if doc.n > 100 { return; } doc.n = f(1);",
    "doc.n = missing;",
    "\n\n   doc.n = missing;",
    "   doc.n = missing;",
    "fn f(x) { x + missing } doc.n = 1;\n  doc.n = f(1);",
    "doc.n = 1;\nfn f(x) {\n  throw \"no\"; }\n f(1);",
    "throw #{code: 3};",
    "doc.n.a.b = 3;",
    "loop { doc.n += 1; }",
];

fn documents() -> Vec<Value> {
    vec![json!({"id": 1, "n": 5}), json!({"id": 1, "n": 2, "t": "x", "list": [1, {"a": null}], "f": 1.5})]
}

#[test]
fn an_edit_does_what_the_script_does_and_a_second_run_nothing() {
    for script in SCRIPTS {
        let function = Function::parse(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        let marking = function.marking(TASK, "id");
        for doc in documents() {
            let wanted = run(script, &doc).unwrap();
            let first = run(&marking, &stamped(&doc)).unwrap_or_else(|error| panic!("{script}: {error}"));
            let (edited, marked) = bare(first.clone());
            assert_eq!(edited, wanted, "{script}");
            assert_eq!(marked, wanted != doc && !wanted.is_null(), "{script}");
            if marked {
                assert_eq!(run(&marking, &first).unwrap(), first, "{script}");
                // Another task's mark does not stop this one.
                let other = function.marking(TaskUid(78), "id");
                let twice = run(script, &wanted).unwrap();
                let mut again = run(&other, &first).unwrap();
                again.as_object_mut().map(|object| object.remove(RESERVED_MEMBER));
                assert_eq!(again, twice, "{script}");
            }
        }
    }
}

#[test]
fn a_trial_changes_nothing() {
    for script in SCRIPTS {
        let trial = Function::parse(script).unwrap().trial("id", true);
        for doc in documents() {
            assert_eq!(run(&trial, &stamped(&doc)).as_ref(), Ok(&stamped(&doc)), "{script}");
        }
    }
}

#[test]
fn a_failure_is_told_as_the_scripts_own() {
    for script in FAILING {
        let function = Function::parse(script).unwrap();
        for doc in documents() {
            let wanted = run(script, &doc).unwrap_err();
            for text in [function.trial("id", false), function.marking(TASK, "id")] {
                let told = function.in_users_words(&run(&text, &stamped(&doc)).unwrap_err());
                // What counts operations stops one elsewhere in the loop.
                let cut = |text: &str| text.split(" (line").next().unwrap_or_default().to_owned();
                if wanted.contains("operations") {
                    assert_eq!(cut(&told), cut(&wanted), "{script}");
                } else {
                    assert_eq!(told, wanted, "{script}");
                }
            }
        }
    }
}

/// A document that is none, or has another id, is left as it is: the node refuses it, in its own words.
#[test]
fn what_a_node_refuses_it_is_given() {
    for (script, left) in [("doc.id = 2", json!({"id": 2, "n": 5})), ("doc.remove(\"id\")", json!({"n": 5}))]
    {
        let function = Function::parse(script).unwrap();
        for text in [function.trial("id", false), function.marking(TASK, "id")] {
            assert_eq!(run(&text, &stamped(&documents()[0])), Ok(left.clone()), "{script}");
        }
    }
    let text = Function::parse("doc = 5").unwrap().trial("id", false);
    assert_eq!(run(&text, &stamped(&documents()[0])), Err("no object".to_owned()));
}

#[test]
fn nested_keys_are_looked_up_as_the_node_does() {
    for doc in [json!({"a": {"id": 1}, "n": 1}), json!({"a.id": 1, "n": 1})] {
        let trial = Function::parse("doc.n += 1").unwrap().trial("a.id", false);
        assert_eq!(run(&trial, &stamped(&doc)), Ok(stamped(&doc)));
        let gone = Function::parse("doc = #{n: 1}").unwrap().trial("a.id", false);
        assert_eq!(run(&gone, &stamped(&doc)), Ok(json!({"n": 1})));
    }
}

#[test]
fn what_cannot_be_indexed_fails_the_trial() {
    let tried = |script: &str, geo| {
        let text = Function::parse(script).unwrap().trial("id", geo);
        run(&text, &stamped(&documents()[0]))
    };
    for script in [
        "doc._geo = 5",
        "doc._geo = #{lat: 1}",
        "doc._geo = #{lat: 1, lng: ()}",
        "doc._geo = #{lat: 1, lng: 2, alt: 3}",
        "doc._geo = #{lat: true, lng: 2}",
        "doc._geo = #{lat: \"north\", lng: 2}",
        "doc._geo = #{lat: 0.0 / 0.0, lng: 2}",
    ] {
        assert!(tried(script, true).is_err(), "{script}");
        assert!(tried(script, false).is_ok(), "{script}");
    }
    for script in ["doc._geo = #{lat: 1.5, lng: \"-2.25\"}", "doc._geo = ()", "doc._vectors = #{a: [1.0]}"] {
        assert!(tried(script, true).is_ok(), "{script}: {:?}", tried(script, true));
    }
    assert!(tried("doc._vectors = [1.0]", false).is_err());
}

/// It would leave a document without the reserved member.
#[test]
fn exit_is_a_failure() {
    for script in ["exit();", "exit(5)", "fn f() { exit() } f();", "Fn(\"ex\" + \"it\").call();"] {
        let text = Function::parse(script).unwrap().marking(TASK, "id");
        let error = run(&text, &stamped(&documents()[0])).unwrap_err();
        assert!(error.contains("`exit` is not supported"), "{script}: {error}");
    }
    let own = "fn exit() { 5 } doc.n = exit();";
    let text = Function::parse(own).unwrap().marking(TASK, "id");
    assert_eq!(run(&text, &stamped(&documents()[0])).map(bare), Ok((json!({"id": 1, "n": 5}), false)));
}

#[test]
fn what_cannot_be_used_is_refused() {
    let compile = Function::parse("doc.n = ;").unwrap_err();
    assert!(
        matches!(&compile, FunctionError::Compile(text) if text.contains("(line 1, position")),
        "{compile}"
    );
    assert_eq!(Function::parse("doc._miroir = 1"), Err(FunctionError::Reserved));
    for entangled in ["let f = |x| x + 1; if f.call(1) == 2 { return; } doc.n = 1;", "doc.n = 1; /* open"] {
        assert!(run(entangled, &documents()[0]).is_ok(), "it runs where nothing is around it: {entangled}");
        assert_eq!(Function::parse(entangled), Err(FunctionError::Entangled), "{entangled}");
    }
    let taken = Function::parse("fn to_json(map) { 5 } doc.n = 1;");
    assert_eq!(taken, Err(FunctionError::Taken("to_json".to_owned())));
}
