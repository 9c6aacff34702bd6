//! Numbers in a pseudo-random order that nobody has to remember: any place of it is computed on its own.

use crate::keys::place;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ops::Range;

/// How often each half is stirred into the other. Four times hide all structure; the others are for small numbers, whose
/// halves have few values.
const ROUNDS: usize = 12;

/// The longest order: positions fit Python's and the arithmetic's integers.
const LONGEST: u64 = 1 << 62;

/// A permutation of the numbers below `len`: a Feistel network over pairs of numbers, whose product is `len` or little more.
/// What leads outside is led on until it is inside again.
#[derive(Debug)]
struct Permutation {
    len: u64,
    rows: u64,
    columns: u64,
    keys: [u64; ROUNDS],
}

impl Permutation {
    fn new(len: u64, key: &Key, tweak: u64) -> Permutation {
        let root = len.isqrt();
        let rows = if root * root < len { root + 1 } else { root }.max(1);
        let keys = std::array::from_fn(|round| key.derive(round, tweak));
        Permutation { len, rows, columns: len.div_ceil(rows).max(1), keys }
    }

    /// What stands at a place below `len`.
    fn at(&self, mut number: u64) -> u64 {
        loop {
            let (mut row, mut column) = (number / self.columns, number % self.columns);
            for [first, second] in self.keys.as_chunks().0 {
                row = (row + below(self.rows, column ^ first)) % self.rows;
                column = (column + below(self.columns, row ^ second)) % self.columns;
            }
            number = row * self.columns + column;
            if number < self.len {
                return number;
            }
        }
    }

    /// Where a number stands.
    fn place_of(&self, mut number: u64) -> u64 {
        loop {
            let (mut row, mut column) = (number / self.columns, number % self.columns);
            for [first, second] in self.keys.as_chunks().0.iter().rev() {
                let back = below(self.columns, row ^ second);
                column = (column + self.columns - back) % self.columns;
                row = (row + self.rows - below(self.rows, column ^ first)) % self.rows;
            }
            number = row * self.columns + column;
            if number < self.len {
                return number;
            }
        }
    }
}

/// A number below `limit` that depends on all bits of `bits`.
fn below(limit: u64, bits: u64) -> u64 {
    ((u128::from(mix(bits)) * u128::from(limit)) >> 64) as u64
}

/// The finaliser of SplitMix64: each bit of the argument changes each bit of the result half of the time.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// 256 bits that everything random comes from.
#[derive(Debug)]
struct Key([u64; 4]);

impl Key {
    /// The key of a round of a permutation; each `tweak` has others.
    fn derive(&self, round: usize, tweak: u64) -> u64 {
        let step = (round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let stirred = mix(self.0[round % 4].wrapping_add(step));
        mix(stirred ^ mix(self.0[(round + 1) % 4] ^ tweak.wrapping_mul(0xd134_2543_de82_ef95)))
    }
}

/// Numbers in blocks of neighbours: the blocks are shuffled, then the numbers of so many blocks at a time.
#[derive(Debug)]
struct Blocks {
    len: u64,
    block: u64,
    window: u64,
    key: Key,
    blocks: Permutation,
    /// Where the last block stands, which is shorter, and how long it is.
    short: (u64, u64),
}

/// The tweak of the permutation of blocks; windows have their numbers.
const OF_BLOCKS: u64 = u64::MAX;

impl Blocks {
    fn new(len: u64, key: Key, block: u64, window: u64) -> Blocks {
        let count = len.div_ceil(block);
        let blocks = Permutation::new(count, &key, OF_BLOCKS);
        let short = match count.checked_sub(1) {
            Some(last) => (blocks.place_of(last), len - last * block),
            None => (0, 0),
        };
        Blocks { len, block, window, key, blocks, short }
    }

    /// The position at which the block begins that stands at a place among the blocks.
    fn start(&self, place: u64) -> u64 {
        let (short, len) = self.short;
        let all_long = place.saturating_mul(self.block);
        if place > short { (all_long - (self.block - len)).min(self.len) } else { all_long }
    }

    /// The place of the block that holds a position.
    fn place_of(&self, position: u64) -> u64 {
        let (short, len) = self.short;
        let before = short * self.block;
        match position.checked_sub(before) {
            None => position / self.block,
            Some(behind) if behind < len => short,
            Some(behind) => short + 1 + (behind - len) / self.block,
        }
    }

    /// The positions of the window that holds this one.
    fn window(&self, position: u64) -> Range<u64> {
        let first = self.place_of(position) / self.window * self.window;
        self.start(first)..self.start(first.saturating_add(self.window).min(self.blocks.len))
    }

    fn at(&self, position: u64, last: &mut Option<(u64, Permutation)>) -> u64 {
        let window = self.place_of(position) / self.window;
        let Range { start, end } = self.window(position);
        if last.as_ref().is_none_or(|(of, _)| *of != window) {
            *last = Some((window, Permutation::new(end - start, &self.key, window)));
        }
        let inside = last.as_ref().map_or(0, |(_, inside)| inside.at(position - start));
        let place = self.place_of(start + inside);
        self.blocks.at(place) * self.block + (start + inside - self.start(place))
    }
}

#[derive(Debug)]
enum Shuffle {
    Global(Permutation),
    Blocks(Blocks),
}

/// The numbers below `length`, each once, in an order that depends on `key` (32 bytes) alone. It takes no memory to speak of,
/// whatever `length` is, and any place of it is computed on its own.
///
/// With `block`, the numbers are taken in blocks of so many neighbours (the last may be shorter): the blocks are shuffled,
/// and then the numbers of each `window` blocks that follow each other.
#[pyclass(frozen, module = "rangepack._rangepack", name = "Order")]
#[derive(Debug)]
pub(crate) struct Order {
    len: u64,
    shuffle: Shuffle,
}

#[pymethods]
impl Order {
    #[new]
    #[pyo3(signature = (length, key, *, block=None, window=1))]
    fn new(length: u64, key: [u8; 32], block: Option<u64>, window: u64) -> PyResult<Order> {
        let problem = |text: &str| Err(PyValueError::new_err(text.to_owned()));
        if length > LONGEST {
            return problem("an order has at most 2**62 numbers");
        }
        if block.is_some_and(|block| block == 0 || block > LONGEST) || window == 0 {
            return problem("blocks and windows have at least one element");
        }
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(key.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let key = Key(words);
        let shuffle = match block {
            None => Shuffle::Global(Permutation::new(length, &key, 0)),
            Some(block) => {
                Shuffle::Blocks(Blocks::new(length, key, block.min(length.max(1)), window))
            }
        };
        Ok(Order { len: length, shuffle })
    }

    fn __len__(&self) -> PyResult<usize> {
        usize::try_from(self.len).map_err(Into::into)
    }

    /// The number at a position.
    fn __getitem__(&self, position: i64) -> PyResult<u64> {
        Ok(self.at(place(position, self.len)?, &mut None))
    }

    /// Where the window ends that holds a position: from one end to the next the same blocks are drawn from. Without blocks
    /// everything is one window.
    fn window_end(&self, position: u64) -> u64 {
        match &self.shuffle {
            Shuffle::Global(_) => self.len,
            Shuffle::Blocks(_) if position >= self.len => self.len,
            Shuffle::Blocks(blocks) => blocks.window(position).end,
        }
    }

    /// The numbers at the positions from `start` up to, and without, `stop`, or each `step`-th of them.
    #[pyo3(signature = (start, stop, step=1))]
    fn take(&self, start: u64, stop: u64, step: usize) -> PyResult<Vec<u64>> {
        if step == 0 {
            return Err(PyValueError::new_err("a step is at least 1"));
        }
        let mut window = None;
        let positions = (start..stop.min(self.len)).step_by(step);
        Ok(positions.map(|position| self.at(position, &mut window)).collect())
    }
}

impl Order {
    fn at(&self, position: u64, window: &mut Option<(u64, Permutation)>) -> u64 {
        match &self.shuffle {
            Shuffle::Global(permutation) => permutation.at(position),
            Shuffle::Blocks(blocks) => blocks.at(position, window),
        }
    }
}
