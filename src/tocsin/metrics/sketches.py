"""Sketches whose answer does not depend on how the data was batched.

A percentile is a histogram of whole counts over buckets cut from the bits of the
number itself: 64 buckets to each power of two, so the middle of a bucket is within
0.78 % of every value in it, on any machine, without a logarithm. A distinct count is
a HyperLogLog of 2^14 registers (Flajolet et al. 2007) that are merged by maximum and
read by Ertl's estimator (O. Ertl, "New cardinality estimation algorithms for
HyperLogLog sketches", 2017, algorithm 6): standard error 0.81 %.
"""

from __future__ import annotations

import polars as pl

from tocsin.model.batch import greatest
from tocsin.native.columns import Stream
from tocsin.native.made import Estimates, Registers, made

_SHIFT = 2**46
_REGISTER_BITS = 14
REGISTERS = 2**_REGISTER_BITS
_RANKS = 64 - _REGISTER_BITS
RANK_ROOM = 64
_ROOM = REGISTERS * RANK_ROOM
PACKED_REGISTERS = _ROOM
"""Registers with their ranks are numbers below this."""
BUCKETS = 2**63 // _SHIFT
"""Buckets are numbers between this and its negative."""
_ALPHA = 0.7213475204444817  # 1 / (2 ln 2)
_PARTS = pl.Series(
    [0, *(2 ** (_RANKS - rank) for rank in range(1, _RANKS + 1))]
    + [0] * (RANK_ROOM - _RANKS - 1),
    dtype=pl.UInt64,
)
"""How much a register of each rank holds: half of the rank before. Whole numbers, so that
their sum is exact in any order; that of all registers has room."""
_PADDING = pl.lit(b"\0" * 8)
_MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def bucket(value: pl.Expr) -> pl.Expr:
    """Return the bucket of a finite number: Int64, in the order of the numbers."""
    number = value.cast(pl.Float64)
    bits = number.abs().reinterpret(dtype=pl.Int64) // _SHIFT
    return pl.when(number < 0).then(-bits).otherwise(bits)


def middle(buckets: pl.Expr) -> pl.Expr:
    """Return the number that stands for a bucket: the harmonic middle of its ends."""
    size = buckets.abs()
    low = (size * _SHIFT).reinterpret(dtype=pl.Float64)
    high = ((size + 1) * _SHIFT).reinterpret(dtype=pl.Float64)
    between = 2 * low * (high / (low + high))
    return (
        pl.when(size == 0).then(0.0).when(buckets < 0).then(-between).otherwise(between)
    )


def registers(values: pl.Series) -> pl.Series:
    """Return the register and rank of each of some texts, packed in one Int64.

    Packed numbers are ordered by register, then by rank: `register * 64 + rank`.
    """
    texts = values.cast(pl.String)
    found = _compiled(texts)
    return _by_columns(texts) if found is None else found


def _compiled(texts: pl.Series) -> pl.Series | None:
    """Return the registers of texts by the library, which hashes as `_hash` does."""
    found = made(Registers(), Stream(texts))
    if found is None:
        return None
    packed = found.get_column("packed")
    return packed.set(packed < 0, None) if texts.null_count() else packed


def _by_columns(texts: pl.Series) -> pl.Series:
    hashed = _hash(texts.cast(pl.Binary))
    rest = (pl.col("h") * 2**_REGISTER_BITS).bitwise_leading_zeros().cast(pl.Int64)
    rank = pl.min_horizontal(rest, pl.lit(_RANKS, dtype=pl.Int64)) + 1
    register = (pl.col("h") // 2 ** (64 - _REGISTER_BITS)).cast(pl.Int64)
    packed = register * RANK_ROOM + rank
    return pl.DataFrame({"h": hashed}).select(x=packed).to_series()


def digest(texts: pl.Series) -> pl.Series:
    """Return a short text that stands for each text, the same on every machine."""
    return _hash(texts.cast(pl.Binary)).cast(pl.String)


def _hash(texts: pl.Series) -> pl.Series:
    """Return 64 well-mixed bits of each text, the same in every version of Polars.

    Eight bytes at a time are mixed in as a little-endian number (the finaliser of
    SplitMix64); zeros fill the last eight, and the length is mixed in first.
    """
    length = pl.col("texts").bin.size().cast(pl.UInt64)
    padded = (pl.col("texts") + _PADDING).alias("padded")
    table = texts.to_frame("texts").select(length.alias("length"), padded)
    table = table.with_columns(h=pl.col("length") * _MIX[0])
    for at in range(0, greatest(table.get_column("length")) or 0, 8):
        word = pl.col("padded").bin.slice(at, 8)
        word = word.bin.reinterpret(dtype=pl.UInt64, endianness="little")
        mixed = _mix(pl.col("w"))
        table = table.with_columns(w=pl.col("h") ^ word).with_columns(
            h=pl.when(pl.col("length") > at).then(mixed).otherwise("h")
        )
    return table.select(_mix(pl.col("h"))).to_series()


def _mix(word: pl.Expr) -> pl.Expr:
    """Spread every bit over all others. Products wrap, as wanted."""
    word = (word ^ (word // 2**30)) * _MIX[1]
    word = (word ^ (word // 2**27)) * _MIX[2]
    return word ^ (word // 2**31)


def in_lists(rows: pl.DataFrame) -> pl.DataFrame:
    """Return each `@` of rows (`@`, `x`) once, with its packed registers as a list.

    They are in order, of each register the greatest rank. `@` are whole numbers that
    leave room for them (`PACKED_REGISTERS`).
    """
    found = _greatest(rows.select(pl.col("@") * _ROOM + pl.col("x")).to_series())
    return _apart(found, "@").group_by("@", maintain_order=True).agg("x")


def _greatest(packed: pl.Series) -> pl.DataFrame:
    """Return packed numbers (`v`) in order, of each register the greatest rank.

    They are sorted because that is several times as fast as grouping.
    """
    register = pl.col("v") | (RANK_ROOM - 1)
    order = pl.DataFrame({"v": packed.sort()})
    return order.filter(register.ne_missing(register.shift(-1)))


def _apart(packed: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return what packed numbers in order (`v`) were made of: `name`, and registers `x`."""
    whose = (pl.col("v") // _ROOM).set_sorted().alias(name)
    return packed.select(whose, x=(pl.col("v") & (_ROOM - 1)).cast(pl.Int32))


def cardinality(held: pl.DataFrame) -> pl.DataFrame:
    """Return `i` and the estimate `value` from rows (`i`, `x`) of packed registers.

    Rows are in the order of `i`; `x` are lists as `in_lists` makes them. A register may
    come in several of an `i`: the greatest rank counts.
    """
    found = made(Estimates(), Stream(held.select("i", "x")))
    parts = _all_summed_up(held) if found is None else found
    i, *counted = parts.get_columns()
    return pl.DataFrame({"i": i, "value": _estimate(*counted)})


def _all_summed_up(held: pl.DataFrame) -> pl.DataFrame:
    """Return what `_summed_up` does of registers in lists, of which an `i` may have several."""
    alone = held.get_column("i").is_unique()
    # What is alone is in order already: to sort is what takes the time.
    ready = held.filter(alone).explode("x")
    ready = ready.with_columns(pl.col("i").set_sorted())
    several = held.filter(~alone).explode("x")
    packed = several.select(pl.col("i") * _ROOM + pl.col("x")).to_series()
    joined = _apart(_greatest(packed), "i")
    return pl.concat([_summed_up(ready), _summed_up(joined)])


def _summed_up(rows: pl.DataFrame) -> pl.DataFrame:
    """Return how many registers each `i` has, how many full, and what they stand for.

    Rows (`i`, `x`) are in the order of `i`.
    """
    rank = pl.col("x") & (RANK_ROOM - 1)
    parts = rows.select("i", part=pl.lit(_PARTS).gather(rank))
    return parts.group_by("i", maintain_order=True).agg(
        filled=pl.len(), full=(pl.col("part") == 0).sum(), parts=pl.col("part").sum()
    )


def estimates(ranks: dict[int, pl.Series], height: int) -> pl.Series:
    """Return Ertl's estimate from how many registers are at each rank."""
    none = pl.zeros(height, dtype=pl.Int64, eager=True)
    counts = {rank: n.cast(pl.Int64) for rank, n in ranks.items()}
    parts = [n.cast(pl.UInt64) * _PARTS[rank] for rank, n in counts.items()]
    return _estimate(
        sum(counts.values(), start=none),
        counts.get(_RANKS + 1, none),
        sum(parts, start=none.cast(pl.UInt64)),
    )


def _estimate(filled: pl.Series, full: pl.Series, parts: pl.Series) -> pl.Series:
    """Return Ertl's estimate from how many registers are filled, and how many full.

    `parts` are the sums of what the others stand for (`_PARTS`). The estimate is a whole
    number, as what it stands for is: so of few values it is exact, and two are not more
    than two.
    """
    size = float(REGISTERS)
    total: pl.Series = parts.cast(pl.Float64) / 2**_RANKS
    if (full > 0).any():
        total = total + size * _tau(1.0 - full / size) / 2**_RANKS
    total = total + size * _sigma(1.0 - filled / size)
    return (_ALPHA * size * size / total).round()


def _sigma(x: pl.Series) -> pl.Series:
    """Ertl's sigma, x + sum of 2^(k-1) x^(2^k): what the empty registers say."""
    y, z = 1.0, x
    for _ in range(24):
        x = x * x
        before, z = z, z + x * y
        if before.equals(z):
            break
        y += y
    return z


def _tau(x: pl.Series) -> pl.Series:
    """Ertl's tau: what the registers that are full to the brim say."""
    y, z = 1.0, 1.0 - x
    for _ in range(24):
        x = x.sqrt()
        y *= 0.5
        z = z - (1.0 - x) ** 2 * y
    return z / 3.0
