//! What writers write next.

use miroir_testkit::Dice;

use crate::chaos::document::{Id, KINDS};
use crate::chaos::op::{Name, Named, Op, Uid};
use crate::chaos::stage::{FIXED, FLEETING};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    Write(Name, Op),
    /// To cancel so many of the writes that the client has just sent.
    CancelLast(usize),
}

impl Move {
    /// As a write of a client that was told of these tasks, in order. What is about no index of its own has none.
    pub(super) fn write(self, mine: &[Uid]) -> (Name, Op) {
        match self {
            Self::Write(index, op) => (index, op),
            Self::CancelLast(_) if mine.is_empty() => ("", Op::Cancel(Named::Enqueued(FIXED[0]))),
            Self::CancelLast(count) => {
                ("", Op::Cancel(Named::Uids(mine.iter().rev().take(count).copied().collect())))
            }
        }
    }
}

/// What a client does next, one after the other, without waiting for the tasks.
pub(super) fn moves(dice: &mut Dice) -> Vec<Move> {
    match dice.below(1000) {
        0..12 => vec![swap(dice)],
        12..20 => vec![Move::CancelLast(1 + dice.below(5))],
        20..28 => vec![Move::Write("", Op::Cancel(Named::Enqueued(name(dice))))],
        28..36 => load_and_swap(dice),
        36..44 => regret(dice),
        _ => vec![write(dice)],
    }
}

fn name(dice: &mut Dice) -> Name {
    let names: &[Name] = if dice.chance(80) { &FIXED } else { &FLEETING };
    names[dice.below(names.len())]
}

fn write(dice: &mut Dice) -> Move {
    let name = name(dice);
    let op = if FIXED.contains(&name) { fixed(dice) } else { fleeting(dice) };
    Move::Write(name, op)
}

fn swap(dice: &mut Dice) -> Move {
    let (mut names, mut others) = (FIXED, FLEETING);
    dice.shuffle(&mut names);
    dice.shuffle(&mut others);
    let pairs = match dice.below(100) {
        0..60 => vec![[names[0], names[1]]],
        60..80 => vec![[names[0], others[0]]],
        80..90 => vec![others],
        _ => vec![[names[0], others[0]], [others[1], names[1]]],
    };
    Move::Write("", Op::Swap(pairs))
}

/// What is loaded beside takes the place of what is in use, which is cleared away or loaded again.
fn load_and_swap(dice: &mut Dice) -> Vec<Move> {
    let (used, beside) = (*dice.pick(&FIXED), *dice.pick(&FLEETING));
    let mut moves = vec![Move::Write(beside, Op::Settings)];
    for _ in 0..3 {
        moves.push(Move::Write(beside, Op::Replace(documents(dice, 30, 120))));
    }
    moves.push(Move::Write("", Op::Swap(vec![[used, beside]])));
    moves.push(Move::Write(
        beside,
        match dice.below(3) {
            0 => Op::DeleteIndex,
            1 => Op::DeleteAll,
            _ => Op::Replace(documents(dice, 30, 120)),
        },
    ));
    moves
}

/// Some writes, and an exchange of names, that are all to be canceled.
fn regret(dice: &mut Dice) -> Vec<Move> {
    let count = 1 + dice.below(3);
    let mut moves: Vec<Move> = (0..count).map(|_| write(dice)).collect();
    moves.push(swap(dice));
    moves.push(Move::CancelLast(moves.len()));
    moves
}

fn fixed(dice: &mut Dice) -> Op {
    match dice.below(1000) {
        0..300 => Op::Replace(documents(dice, 1, 120)),
        300..330 => Op::Edit(Some(dice.below(KINDS.into()) as u8)),
        330..350 => Op::Edit(None),
        350..550 => Op::Replace(documents(dice, 30, 120)),
        550..700 => Op::Update(ids(dice, 1, 120)),
        700..770 => Op::Update(ids(dice, 20, 120)),
        770..850 => Op::DeleteIds(ids(dice, 1, 120)),
        850..900 => Op::DeleteIds(ids(dice, 10, 120)),
        900..955 => Op::DeleteFilter(dice.below(KINDS.into()) as u8),
        955..965 => Op::DeleteAll,
        _ => Op::Settings,
    }
}

fn fleeting(dice: &mut Dice) -> Op {
    match dice.below(100) {
        0..10 => Op::CreateIndex,
        10..20 => Op::DeleteIndex,
        20..55 => Op::Replace(documents(dice, 6, 24)),
        55..60 => Op::Edit(None),
        60..75 => Op::Update(ids(dice, 3, 24)),
        75..90 => Op::DeleteIds(ids(dice, 3, 24)),
        90..95 => Op::DeleteAll,
        _ => Op::Settings,
    }
}

/// Enough documents to be more than one entry of the log, when they are long.
pub(super) fn batch(dice: &mut Dice) -> Op {
    Op::Replace((0..30).map(|id| (4 * id, dice.below(KINDS.into()) as u8)).collect())
}

/// Up to so many different ids.
fn ids(dice: &mut Dice, most: usize, bound: usize) -> Vec<Id> {
    let mut ids: Vec<Id> = (0..=dice.below(most)).map(|_| dice.below(bound) as Id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn documents(dice: &mut Dice, most: usize, bound: usize) -> Vec<(Id, u8)> {
    ids(dice, most, bound).into_iter().map(|id| (id, dice.below(KINDS.into()) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_regrets_is_what_it_sent_last() {
        let named = |moves: Vec<Move>, mine: &[Uid]| match moves.last().cloned().map(|last| last.write(mine))
        {
            Some((_, Op::Cancel(Named::Uids(uids)))) => uids,
            other => unreachable!("{other:?}"),
        };
        let moves = regret(&mut Dice::from(1));
        let sent = moves.len() as Uid - 1;
        let mine: Vec<Uid> = (0..10 + sent).collect();
        assert_eq!(named(moves, &mine), (10..10 + sent).rev().collect::<Vec<_>>());
    }
}
