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
//! The script stands in that text as it is, below one line that comes before it: errors name the user's own lines when
//! one is taken off. A script with a `return` outside of functions would leave the text around it as well: it runs in
//! Rhai's `eval`, where `return` ends the script alone. `eval` takes no definitions of functions: they are taken out of
//! the script first and put beside it, and both parts keep their lines and columns.

mod scan;
mod wrap;

use rhai::{Engine, OptimizationLevel};
use thiserror::Error;

use scan::definitions;
use wrap::CALLED;

/// A user's script that compiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    script: Script,
    /// Which arities of `exit` it defines on its own.
    own_exits: Vec<usize>,
}

/// How a script stands in what nodes are given.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Script {
    /// As it is.
    Whole(String),
    /// In `eval`, since it may return.
    Apart {
        /// The statements; what is not one is blank.
        main: String,
        /// The definitions of functions; what is not one is blank.
        functions: String,
    },
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
    /// It defines what the text around it calls.
    #[error("The function defines `{0}`, which Miroir calls beside it: give it another name.")]
    Taken(String),
    /// Nothing can be put around it.
    #[error(
        "The function has a closure (`|…| …`) and a `return` outside of functions, or ends in a comment that is not \
         closed: it cannot be run on several shards. Do without one of them."
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
        if let Some(taken) = whole.iter_functions().find(|function| CALLED.contains(&function.name)) {
            return Err(FunctionError::Taken(taken.name.to_owned()));
        }
        let exits = whole.iter_functions().filter(|function| function.name == "exit");
        let own_exits = exits.map(|function| function.params.len()).collect();
        let definitions = definitions(text);
        let script = if definitions.returns {
            let (main, functions) = definitions.apart(text);
            Script::Apart { main, functions }
        } else {
            Script::Whole(text.to_owned())
        };
        let function = Self { script, own_exits };
        if function.holds_together(&whole) { Ok(function) } else { Err(FunctionError::Entangled) }
    }

    /// Whether what is put around the script is around it, and all of the script is there.
    fn holds_together(&self, whole: &rhai::AST) -> bool {
        let count = |ast: &rhai::AST| ast.iter_functions().count();
        let around = match &self.script {
            Script::Whole(_) => true,
            Script::Apart { main, functions } => {
                let none = compile(main).is_ok_and(|statements| count(&statements) == 0);
                none && compile(functions).is_ok_and(|beside| count(&beside) == count(whole))
            }
        };
        let closed = |ast: rhai::AST| ast.iter_functions().any(|function| function.name == wrap::LAST);
        around && compile(&self.trial("id", true)).is_ok_and(closed)
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
