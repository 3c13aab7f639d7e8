//! What runs scripts, and how much of anything one may take.

use super::contest::Contender;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, FuncArgs, Scope};

/// Bytes of a script.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Writes of a contest that is no rarity, and the most that the laws are tried
/// with.
pub const USUAL_MAX: usize = 5;
/// Operations for a contest of up to [`USUAL_MAX`] writes: some hundred times
/// what a policy needs that looks at each of them.
pub const OPERATIONS_MAX: u64 = 5_000;
/// Operations for a wider contest: 400 for each of [`CONTENDERS_MAX`] writes.
pub const OPERATIONS_WIDE_MAX: u64 = 200_000;
/// Writes of a contest that a script is shown.
pub const CONTENDERS_MAX: usize = ITEMS_MAX;
/// Items of a list with those of all lists within it. It is so small because it
/// is also how deep lists can nest, and each level takes its part of the stack
/// when one is measured, copied or dropped.
pub const ITEMS_MAX: usize = 500;
/// Entries of a map, in the same way.
pub const ENTRIES_MAX: usize = 100;
/// Bytes of a text: four times what a field may hold.
pub const TEXT_BYTES_MAX: usize = 4 * cairn_model::limit::TEXT_BYTES_MAX;
/// Variables at a time.
pub const VARIABLES_MAX: usize = 64;
/// How deep functions call each other.
pub const CALLS_MAX: usize = 8;
/// How deep an expression nests.
const NESTING_MAX: usize = 32;
/// Functions of a script.
const FUNCTIONS_MAX: usize = 64;

/// Words of the language that a policy has no use for.
pub(super) const DISABLED: [&str; 3] = ["eval", "print", "debug"];

/// One for usual contests, and one for wide ones: an engine's limit of
/// operations is its own, and a program runs on both.
pub(super) struct Engines {
    pub(super) usual: Engine,
    wide: Engine,
}

impl Engines {
    pub(super) fn new() -> Engines {
        Engines {
            usual: engine(OPERATIONS_MAX),
            wide: engine(OPERATIONS_WIDE_MAX),
        }
    }

    /// The one for a contest of so many writes, and its limit.
    pub(super) fn of(&self, contenders: usize) -> (&Engine, u64) {
        match contenders <= USUAL_MAX {
            true => (&self.usual, OPERATIONS_MAX),
            false => (&self.wide, OPERATIONS_WIDE_MAX),
        }
    }
}

/// An engine that has nothing but what is put into it here. The package of the
/// language's core is left out: it can sleep.
fn engine(operations: u64) -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    for symbol in DISABLED {
        engine.disable_symbol(symbol);
    }
    engine
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        .set_max_operations(operations)
        .set_max_call_levels(CALLS_MAX)
        .set_max_expr_depths(NESTING_MAX, NESTING_MAX)
        .set_max_functions(FUNCTIONS_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_string_size(TEXT_BYTES_MAX)
        .set_max_array_size(ITEMS_MAX)
        .set_max_map_size(ENTRIES_MAX);
    Contender::register(&mut engine);
    engine
}

/// Calls a function of a program. What stands outside of functions is not run.
pub(super) fn call(
    engine: &Engine,
    program: &AST,
    function: &str,
    arguments: impl FuncArgs,
) -> Result<Dynamic, Box<EvalAltResult>> {
    let options = CallFnOptions::new().eval_ast(false).rewind_scope(false);
    engine.call_fn_with_options(options, &mut Scope::new(), program, function, arguments)
}
