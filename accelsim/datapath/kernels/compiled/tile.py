"""The innermost tile of an integer product, in LLVM's own language.

In each of 16 int32 lanes a step adds four products of unsigned by signed bytes: one instruction, ``vpdpbusd``, on CPUs
with AVX512-VNNI, a few elsewhere. The tile keeps ROWS x COLUMNS vectors of accumulators in registers while it walks
the reduction in steps of four.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LANES = 16
"""int32 accumulators of one vector."""
STEP = 4
"""Terms of the reduction that one instruction takes."""
I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
ACCUMULATOR = ir.VectorType(I32, LANES)
BYTES = ir.VectorType(I8, LANES * STEP)
WORDS, PRODUCTS = ir.VectorType(ir.IntType(16), 2 * LANES), ir.VectorType(I32, 2 * LANES)


def available() -> bool:
    """True when this CPU has AVX512-VNNI."""
    try:
        return bool(llvmlite.binding.get_host_cpu_features().get("avx512vnni", False))
    except RuntimeError:
        return False


def _dot(builder: ir.IRBuilder, total: Any, unsigned: Any, signed: Any) -> Any:
    # LLVM 22 gave the byte operands their own type; before, they travelled as int32 lanes.
    operand = BYTES if llvmlite.binding.llvm_version_info[0] >= 22 else ACCUMULATOR
    kind = ir.FunctionType(ACCUMULATOR, [ACCUMULATOR, operand, operand])
    name = "llvm.x86.avx512.vpdpbusd.512"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, [total, builder.bitcast(unsigned, operand), builder.bitcast(signed, operand)])


def _plain_dot(builder: ir.IRBuilder, total: Any, unsigned: Any, signed: Any) -> Any:
    """The same sums of any CPU: even and odd bytes as 16-bit words, which x86 multiplies and adds in pairs."""
    left, right = builder.bitcast(unsigned, WORDS), builder.bitcast(signed, WORDS)
    eight, low = ir.Constant(WORDS, [8] * (2 * LANES)), ir.Constant(WORDS, [255] * (2 * LANES))
    even = builder.and_(left, low), builder.ashr(builder.shl(right, eight), eight)
    odd = builder.lshr(left, eight), builder.ashr(right, eight)
    for a, b in (even, odd):
        products = builder.mul(builder.sext(a, PRODUCTS), builder.sext(b, PRODUCTS))
        undefined = ir.Constant(PRODUCTS, ir.Undefined)
        for first in range(2):
            lanes = ir.Constant(ACCUMULATOR, list(range(first, 2 * LANES, 2)))
            total = builder.add(total, builder.shuffle_vector(products, undefined, lanes))
    return total


def make_tile(rows: int, columns: int, *, tracked: bool = False, native: bool = True, masked: bool = False) -> Any:
    """A tile of ``rows`` left rows by ``columns`` x 16 right columns, callable from compiled code.

    ``tile(left, left_rows, left_steps, right, right_steps, steps, start, out, out_rows, peaks, mask)``: addresses
    (int64) of the unsigned left bytes, of ``rows`` byte offsets of the left rows, of the left and right byte offsets
    of each step, of the signed right bytes, of the int32 values that every row starts from (columns x 16), of the
    int32 result and of the byte offsets of its rows, and, where ``tracked``, of 16 running maxima and then 16 running
    minima of what is stored (int32), and, where ``masked``, of the int8 mask in the shape of the result, which is 0
    where the mask isn't positive. ``native`` uses VNNI where the CPU has it.
    """
    dot = _dot if native and available() else _plain_dot

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        sums = emit_sums(builder, arguments[:7], rows, columns, dot)
        if masked:
            sums = _emit_mask(builder, sums, columns, arguments[10], arguments[8])
        emit_stores(builder, sums, columns, *arguments[7:9])
        if tracked:
            emit_peaks(builder, sums, arguments[9])

    return callable_tile(emit)


def callable_tile(emit: Any) -> Any:
    """What ``emit(builder, arguments)`` writes, as a function of eleven int64 for compiled code."""

    @intrinsic
    def tile(
        typing: Any,
        left: Any,
        left_rows: Any,
        left_steps: Any,
        right: Any,
        right_steps: Any,
        steps: Any,
        start: Any,
        out: Any,
        out_rows: Any,
        peaks: Any,
        last: Any,
    ) -> Any:
        signature = types.void(*[types.int64] * 11)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            emit(builder, arguments)
            return context.get_dummy_value()

        return signature, generate

    return tile


def emit_sums(builder: ir.IRBuilder, arguments: Any, rows: int, columns: int, dot: Any) -> list[Any]:
    """The loop over all steps; ``arguments`` are the first seven of a tile, the result its sums row by row."""
    left, left_rows, left_steps, right, right_steps, steps, start = arguments
    row_address = [builder.add(left, load(builder, left_rows, I64, r)) for r in range(rows)]
    initial = [load(builder, start, ACCUMULATOR, c) for c in range(columns)]
    entry, loop, end = builder.block, builder.append_basic_block("steps"), builder.append_basic_block("end")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(I64)
    k.add_incoming(I64(0), entry)
    totals = [builder.phi(ACCUMULATOR) for _ in range(rows * columns)]
    for index, total in enumerate(totals):
        total.add_incoming(initial[index % columns], entry)
    ahead = builder.add(right, load(builder, right_steps, I64, k))
    vectors = [load(builder, ahead, BYTES, c) for c in range(columns)]
    offset = load(builder, left_steps, I64, k)
    sums = []
    for r in range(rows):
        word = load(builder, builder.add(row_address[r], offset), I32, 0)
        spread = _broadcast(builder, word)
        sums += [dot(builder, totals[r * columns + c], spread, vectors[c]) for c in range(columns)]
    keep_rolled(builder)
    following = builder.add(k, I64(1))
    builder.cbranch(builder.icmp_signed("<", following, steps), loop, end)
    k.add_incoming(following, builder.block)
    for total, summed in zip(totals, sums, strict=True):
        total.add_incoming(summed, builder.block)
    builder.position_at_end(end)
    return sums


def _emit_mask(builder: ir.IRBuilder, sums: list[Any], columns: int, mask: Any, out_rows: Any) -> list[Any]:
    """``sums`` where the mask is positive: it has one byte where the result has four."""
    signs, zero, kept = ir.VectorType(I8, LANES), ir.Constant(ACCUMULATOR, [0] * LANES), []
    for index, summed in enumerate(sums):
        row, column = divmod(index, columns)
        address = builder.add(mask, builder.ashr(load(builder, out_rows, I64, row), I64(2)))
        positive = builder.icmp_signed(">", load(builder, address, signs, column), ir.Constant(signs, [0] * LANES))
        kept.append(builder.select(positive, summed, zero))
    return kept


def emit_stores(builder: ir.IRBuilder, sums: list[Any], columns: int, out: Any, out_rows: Any) -> None:
    """Store the sums of each row at its place."""
    for index, summed in enumerate(sums):
        row, column = divmod(index, columns)
        address = builder.add(out, load(builder, out_rows, I64, row))
        pointer = builder.inttoptr(address, ACCUMULATOR.as_pointer())
        builder.store(summed, builder.gep(pointer, [I64(column)]), align=4)


def emit_peaks(builder: ir.IRBuilder, sums: list[Any], peaks: Any) -> None:
    """Lift the maxima at ``peaks`` and lower the minima behind them to those of ``sums``, lane by lane."""
    pointer = builder.inttoptr(peaks, sums[0].type.as_pointer())
    for index, comparison in enumerate((">", "<")):
        place = builder.gep(pointer, [I64(index)])
        best = builder.load(place, align=4)
        for summed in sums:
            best = builder.select(builder.icmp_signed(comparison, summed, best), summed, best)
        builder.store(best, place, align=4)


def keep_rolled(builder: ir.IRBuilder) -> None:
    """Stop LLVM from unrolling: twice the tile does not fit the registers. A convergent call forbids it."""
    marker = builder.asm(ir.FunctionType(ir.VoidType(), []), "", "", [], True)
    marker.attributes.add("convergent")


def load(builder: ir.IRBuilder, address: Any, kind: Any, index: Any) -> Any:
    """Element ``index`` of the array of ``kind`` at ``address``."""
    pointer = builder.inttoptr(address, kind.as_pointer())
    at = index if isinstance(index, ir.Value) else I64(index)
    return builder.load(builder.gep(pointer, [at]), align=1)


def _broadcast(builder: ir.IRBuilder, word: Any) -> Any:
    single = builder.insert_element(ir.Constant(ACCUMULATOR, ir.Undefined), word, I32(0))
    return builder.shuffle_vector(single, ir.Constant(ACCUMULATOR, ir.Undefined), ir.Constant(ACCUMULATOR, [0] * LANES))


def step_offsets(count: int, stride: int) -> Any:
    """0, stride, 2 stride, ... as the byte offsets of ``count`` steps."""
    return stride * np.arange(count, dtype=np.int64)
