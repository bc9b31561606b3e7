//! Edits by function: a user's Rhai script, and what nodes are given instead of it.
//!
//! A script changes `doc`, one document at a time. On a node that document has the reserved member, which the script must
//! neither see nor lose; a node that dies between the commit of its index and that of its task runs the script again; and
//! a script that fails for one document fails the whole task, so no node may change anything before every node knows
//! that it does not. So nodes are never given the script itself but one of two texts around it:
//!
//! - a [trial](Function::trial) runs it and puts every document back: it fails where the script does, with the same error,
//!   and changes nothing;
//! - an [edit](Function::marking) puts the reserved member back, with a mark of the task where the document was changed,
//!   and passes over documents that bear the mark: a second run does nothing.
//!
//! The script itself runs in Rhai's `eval`, where its `return` ends the script and not the text around it. `eval` takes
//! no definitions of functions: they are taken out of the script first and put beside it. Both parts keep their lines
//! and columns, so errors name the user's own.

mod scan;
mod wrap;

use rhai::{Engine, OptimizationLevel};
use thiserror::Error;

use scan::definitions;
pub use wrap::in_users_words;

/// A user's script that compiles, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The statements; what is not one is blank.
    main: String,
    /// The definitions of functions; what is not one is blank.
    functions: String,
    /// Which arities of `exit` it defines on its own.
    own_exits: Vec<usize>,
}

/// Why a script cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FunctionError {
    /// It does not compile; the text is Rhai's, as Meilisearch answers it.
    #[error("{0}")]
    Compile(String),
    /// It names what only Miroir may name.
    #[error(
        "The function contains `_miroir`, which is reserved. Names that begin with it belong to Miroir: use another one."
    )]
    Reserved,
    /// Its definitions of functions cannot be told from its statements.
    #[error(
        "The function cannot be split into its definitions and its statements. Put all definitions (`fn …`) before the \
         first statement."
    )]
    Entangled,
}

impl Function {
    /// Checks and takes apart the text of a script.
    ///
    /// # Errors
    /// When it does not compile, or cannot be put into what nodes are given.
    pub fn parse(text: &str) -> Result<Self, FunctionError> {
        let whole = compile(text)?;
        if text.contains("_miroir") {
            return Err(FunctionError::Reserved);
        }
        let defined = definitions(text);
        let part = |inside: bool| -> String {
            let mut at = 0;
            let blank = |text: &str| text.replace(|c| c != '\n', " ");
            let mut part = String::with_capacity(text.len());
            for range in &defined {
                let (before, definition) = (&text[at..range.start], &text[range.clone()]);
                at = range.end;
                if inside {
                    part += &blank(before);
                    part += definition;
                } else {
                    part += before;
                    part += &blank(definition);
                }
            }
            let rest = &text[at..];
            part += &*if inside { blank(rest) } else { rest.to_owned() };
            part
        };
        let (main, functions) = (part(false), part(true));
        let entangled = |_| FunctionError::Entangled;
        let statements = compile(&main).map_err(entangled)?;
        let beside = compile(&functions).map_err(entangled)?;
        let count = |ast: &rhai::AST| ast.iter_functions().count();
        if count(&statements) != 0 || count(&beside) != count(&whole) {
            return Err(FunctionError::Entangled);
        }
        let exits = whole.iter_functions().filter(|function| function.name == "exit");
        let own_exits = exits.map(|function| function.params.len()).collect();
        Ok(Self { main, functions, own_exits })
    }
}

/// As Meilisearch compiles it before it takes the task, but for the optimisation, which only makes it faster.
fn compile(text: &str) -> Result<rhai::AST, FunctionError> {
    let mut engine = Engine::new();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.compile(text).map_err(|error| FunctionError::Compile(error.to_string()))
}

#[cfg(test)]
mod tests;
