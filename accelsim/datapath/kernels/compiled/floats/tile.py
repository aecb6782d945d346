"""The innermost tile of a float32 product, in LLVM's own language.

In each of 16 lanes a step adds one product with one rounding (a fused multiply-add), so a lane's sum is a chain over
the steps: its bits depend on nothing but the terms and their order, whatever the tile's shape or the CPU.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from accelsim.datapath.kernels.compiled.jit import inlined
from accelsim.datapath.kernels.compiled.tile import keep_rolled

LANES = 16
"""Sums of one vector."""
I32, I64 = ir.IntType(32), ir.IntType(64)
FLOAT = ir.FloatType()
SUMS = ir.VectorType(FLOAT, LANES)


def _is_wide() -> bool:
    """True where the registers are those of AVX-512, 32 of 16 lanes."""
    try:
        return bool(llvmlite.binding.get_host_cpu_features().get("avx512f", False))
    except RuntimeError:
        return False


ROWS, MOST_VECTORS = (8, 3) if _is_wide() else (4, 1)
"""A tile's rows, and the most vectors of columns that keep all of its sums in registers."""


def vectors_for(columns: int) -> int:
    """Vectors side by side in a tile that leave the fewest of its lanes without one of ``columns``."""
    needed = -(-columns // LANES)
    return min(range(MOST_VECTORS, 0, -1), key=lambda vectors: -(-needed // vectors) * vectors)


def make_float_tile(rows: int, vectors: int) -> Any:
    """A tile of ``rows`` left rows by ``vectors`` x 16 right columns, callable from compiled code.

    ``tile(left, left_rows, left_steps, right, right_steps, steps, out, out_rows, adding)``: addresses (int64) of the
    left floats, of byte offsets of the left rows, of left and right byte offsets of each step (one at least), of the
    right floats, of the result and of byte offsets of its rows. Where ``adding`` isn't 0 the sums are added to the
    result, else to 0. All of it is read before any of it is written, so rows may name the same place.
    """

    @intrinsic
    def tile(
        typing: Any,
        left: Any,
        left_rows: Any,
        left_steps: Any,
        right: Any,
        right_steps: Any,
        steps: Any,
        out: Any,
        out_rows: Any,
        adding: Any,
    ) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            sums = _emit_sums(builder, arguments[:6], rows, vectors)
            _emit_stores(builder, sums, vectors, *arguments[6:])
            return context.get_dummy_value()

        return types.void(*[types.int64] * 9), generate

    return tile


def _emit_sums(builder: ir.IRBuilder, arguments: Any, rows: int, vectors: int) -> list[Any]:
    left, left_rows, left_steps, right, right_steps, steps = arguments
    row_address = [builder.add(left, _load(builder, left_rows, I64, r)) for r in range(rows)]
    entry, loop, end = builder.block, builder.append_basic_block("steps"), builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(I64)
    k.add_incoming(I64(0), entry)
    totals = [builder.phi(SUMS) for _ in range(rows * vectors)]
    for total in totals:
        total.add_incoming(ir.Constant(SUMS, [0.0] * LANES), entry)
    ahead = builder.add(right, _load(builder, right_steps, I64, k))
    columns = [_load(builder, ahead, SUMS, v) for v in range(vectors)]
    offset = _load(builder, left_steps, I64, k)
    sums = []
    for r in range(rows):
        spread = _broadcast(builder, _load(builder, builder.add(row_address[r], offset), FLOAT, 0))
        sums += [_fused(builder, spread, columns[v], totals[r * vectors + v]) for v in range(vectors)]
    keep_rolled(builder)
    following = builder.add(k, I64(1))
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, end)
    k.add_incoming(following, builder.block)
    for total, summed in zip(totals, sums, strict=True):
        total.add_incoming(summed, builder.block)
    builder.position_at_end(end)
    return sums


def _emit_stores(builder: ir.IRBuilder, sums: list[Any], vectors: int, out: Any, out_rows: Any, adding: Any) -> None:
    again, zero = builder.icmp_signed("!=", adding, I64(0)), ir.Constant(SUMS, [0.0] * LANES)
    places, totals = [], []
    for index, summed in enumerate(sums):
        row, vector = divmod(index, vectors)
        pointer = builder.inttoptr(builder.add(out, _load(builder, out_rows, I64, row)), SUMS.as_pointer())
        places.append(builder.gep(pointer, [I64(vector)]))
        totals.append(builder.fadd(builder.select(again, builder.load(places[-1], align=4), zero), summed))
    for place, total in zip(places, totals, strict=True):
        builder.store(total, place, align=4)


def _fused(builder: ir.IRBuilder, a: Any, b: Any, total: Any) -> Any:
    """a b + total, rounded once."""
    name = f"llvm.fma.v{LANES}f32"
    function = builder.module.globals.get(name)
    function = function or ir.Function(builder.module, ir.FunctionType(SUMS, [SUMS] * 3), name)
    return builder.call(function, [a, b, total])


def _load(builder: ir.IRBuilder, address: Any, kind: Any, index: Any) -> Any:
    pointer = builder.inttoptr(address, kind.as_pointer())
    at = index if isinstance(index, ir.Value) else I64(index)
    return builder.load(builder.gep(pointer, [at]), align=4)


def _broadcast(builder: ir.IRBuilder, number: Any) -> Any:
    nothing = ir.Constant(SUMS, ir.Undefined)
    single = builder.insert_element(nothing, number, I32(0))
    return builder.shuffle_vector(single, nothing, ir.Constant(ir.VectorType(I32, LANES), [0] * LANES))


@intrinsic
def _fetch(typing: Any, address: Any) -> Any:

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        read, second_level, data = I32(0), I32(2), I32(1)
        builder.call(function, [pointer, read, second_level, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


fetch: Any = _fetch
"""``fetch(address)`` has the cache line there (int64) fetched while other work goes on; any address will do."""
TILE_1, TILE_2, TILE_3 = (make_float_tile(ROWS, vectors) for vectors in (1, 2, 3))


@inlined
def float_tile(
    group: Any,
    left: Any,
    rows: Any,
    before: Any,
    right: Any,
    after: Any,
    steps: Any,
    out: Any,
    places: Any,
    adding: Any,
) -> None:
    """The tile of ``group`` columns."""
    if group == LANES:
        TILE_1(left, rows, before, right, after, steps, out, places, adding)
    elif group == 2 * LANES:
        TILE_2(left, rows, before, right, after, steps, out, places, adding)
    else:
        TILE_3(left, rows, before, right, after, steps, out, places, adding)


def plane(rows: Any, columns: Any, width: int) -> Any:
    """Positions of all pairs in a plane of lines of ``width``, int64."""
    return (np.asarray(rows)[..., None].astype(np.int64) * width + np.asarray(columns)).reshape(-1)
