//! Can a stack succeed without a module that must have succeeded?
//!
//! Every combination of results is followed, as a search over the few states that libpam's dispatch
//! keeps: where it is, what impression it has, and what impression each substack began with. So it
//! ends, however many lines there are, and misses nothing.

use std::collections::HashMap;

use super::control::{Action, IGNORE, RESULTS, SUCCESS};
use super::stack::{SUBSTACKS_MAX, Step};

/// What a module can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its success is needed: it is followed as one that fails in every way. `PAM_IGNORE` is not
    /// among them: it says that nothing is needed.
    Needed,
    /// Always succeeds.
    Succeeds,
    /// Never succeeds.
    Fails,
    /// Anything.
    Any,
}

impl Part {
    fn can_answer(self, result: usize) -> bool {
        match self {
            Self::Needed => result != SUCCESS && result != IGNORE,
            Self::Succeeds => result == SUCCESS,
            Self::Fails => result != SUCCESS && result != IGNORE,
            Self::Any => true,
        }
    }
}

/// How a step helps around the needed success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// It jumps over a needed step, or ends the stack before it.
    Skips,
    /// It is a needed step, and its failure is not held against the login.
    Ignores,
    /// It forgets that a needed step failed.
    Resets,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether the stack can succeed all the same.
    pub(crate) succeeds: bool,
    /// The steps that make it possible, by index.
    pub(crate) ways: Vec<(usize, Way)>,
}

/// What libpam thinks of the login so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Impression {
    None,
    /// Good, with `PAM_SUCCESS`.
    Good,
    /// Good, but with another result, which is what the caller gets.
    GoodWithout,
    Bad,
}

impl Impression {
    /// Whether it keeps the login out, unless it is reset.
    fn stands(self) -> bool {
        matches!(self, Self::Bad | Self::GoodWithout)
    }
}

/// All that decides how a stack goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    at: usize,
    /// The level of the step that ran before.
    before: usize,
    impression: Impression,
    /// Whether a needed step failed, and that stands.
    refused: bool,
    /// By level: the impression when it was entered.
    entered: [Impression; SUBSTACKS_MAX],
}

/// One result of one step.
struct Edge {
    from: usize,
    to: usize,
    step: usize,
    way: Option<Way>,
}

/// Follows every combination of results.
pub(crate) fn evaluate(stack: &[Step], part: impl Fn(&Step) -> Part) -> Answer {
    let start = State {
        at: 0,
        before: 0,
        impression: Impression::None,
        refused: false,
        entered: [Impression::None; SUBSTACKS_MAX],
    };
    let mut known = HashMap::from([(start, 0)]);
    let mut states = vec![start];
    let mut edges = Vec::new();
    let mut next = 0;
    while let Some(&state) = states.get(next) {
        for (to, way) in results(stack, state, &part) {
            let to = *known.entry(to).or_insert_with(|| {
                states.push(to);
                states.len() - 1
            });
            edges.push(Edge {
                from: next,
                to,
                step: state.at,
                way,
            });
        }
        next += 1;
    }
    answer(stack, &states, &edges)
}

/// Goes back from each success: what leads to none is of no interest.
fn answer(stack: &[Step], states: &[State], edges: &[Edge]) -> Answer {
    let succeeded = |state: &State| state.at >= stack.len() && state.impression == Impression::Good;
    let mut live: Vec<bool> = states.iter().map(succeeded).collect();
    // Each step leads to a later one, so the states' edges are settled from the last step on.
    let mut by_step: Vec<&Edge> = edges.iter().collect();
    by_step.sort_by_key(|edge| std::cmp::Reverse(edge.step));
    let mut ways = Vec::new();
    for edge in by_step {
        if live[edge.to] {
            live[edge.from] = true;
            ways.extend(edge.way.map(|way| (edge.step, way)));
        }
    }
    ways.sort_unstable();
    ways.dedup();
    Answer {
        succeeds: live[0],
        ways,
    }
}

/// Where each result leads that this step can give.
fn results(
    stack: &[Step],
    mut state: State,
    part: &impl Fn(&Step) -> Part,
) -> Vec<(State, Option<Way>)> {
    let Some(step) = stack.get(state.at) else {
        return Vec::new();
    };
    if step.level > state.before {
        state.entered[step.level] = state.impression;
    }
    let Some(module) = &step.module else {
        let on = State {
            at: state.at + 1,
            before: step.level,
            ..state
        };
        return vec![(on, None)];
    };
    let its_part = part(step);
    let mut seen = Vec::new();
    for result in (0..RESULTS).filter(|result| its_part.can_answer(*result)) {
        let case = (module.control.0[result], result == SUCCESS);
        if !seen.contains(&case) {
            seen.push(case);
        }
    }
    let follow = |(action, success)| {
        let mut to = apply(stack, state, step.level, action, success);
        let way = way(stack, state, to, its_part, action, part);
        to.refused = (state.refused || its_part == Part::Needed) && to.impression.stands();
        (to, way)
    };
    seen.into_iter().map(follow).collect()
}

/// As libpam's dispatch does it.
fn apply(stack: &[Step], state: State, level: usize, action: Action, success: bool) -> State {
    let mut to = State {
        at: state.at + 1,
        before: level,
        ..state
    };
    match action {
        Action::Ignore => {}
        Action::Reset => to.impression = state.entered[level],
        Action::Ok | Action::Done => {
            let takes = matches!(state.impression, Impression::None | Impression::Good);
            if takes {
                to.impression = if success {
                    Impression::Good
                } else {
                    Impression::GoodWithout
                };
            }
            if action == Action::Done && to.impression != Impression::Bad {
                to.at = end_of_level(stack, state.at, level);
            }
        }
        Action::Bad => to.impression = Impression::Bad,
        Action::Die => {
            to.impression = Impression::Bad;
            to.at = end_of_level(stack, state.at, level);
        }
        Action::Jump(lines) => match jump(stack, state.at, level, lines) {
            Some(at) => to.at = at,
            None => {
                to.impression = Impression::Bad;
                to.at = end_of_level(stack, state.at, level);
            }
        },
    }
    to
}

/// The first step behind the substack that this one is in; behind the stack, if it is in none.
fn end_of_level(stack: &[Step], at: usize, level: usize) -> usize {
    let rest = &stack[at + 1..];
    let inside = rest.iter().take_while(|step| step.level >= level).count();
    at + 1 + inside
}

/// Where a jump over so many lines of this level ends; a substack counts as one. `None` if there are
/// not so many, which libpam takes for a failure.
fn jump(stack: &[Step], at: usize, level: usize, lines: usize) -> Option<usize> {
    let mut at = at;
    for _ in 0..lines {
        let next = stack.get(at + 1).filter(|step| step.level >= level);
        next?;
        at += 1;
        while stack.get(at + 1).is_some_and(|step| step.level > level) {
            at += 1;
        }
    }
    Some(at + 1)
}

/// Whether this is how a needed success is got around.
fn way(
    stack: &[Step],
    from: State,
    to: State,
    its_part: Part,
    action: Action,
    part: &impl Fn(&Step) -> Part,
) -> Option<Way> {
    let needed = |step: &Step| step.module.is_some() && part(step) == Part::Needed;
    let passed = &stack[from.at + 1..to.at.min(stack.len())];
    if its_part == Part::Needed {
        return (!to.impression.stands()).then_some(Way::Ignores);
    }
    if from.refused && !to.impression.stands() {
        return Some(Way::Resets);
    }
    let moves = matches!(action, Action::Jump(_) | Action::Done);
    (moves && passed.iter().any(needed)).then_some(Way::Skips)
}
