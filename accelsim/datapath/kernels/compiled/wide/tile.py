"""Tiles of 16-bit codes: pairs of terms in 32-bit sums, which are flushed into 64 bits before they can overflow.

In each of 16 int32 lanes a step adds two products of signed words (``vpdpwssd`` on CPUs with AVX512-VNNI). Products of
two whole words have up to 30 bits and a sign, which may leave no room. Where one of them is split, w = 256 h + l, with
l from -128 to 127 and h from -128 to 128, every product is at most 2**15 x 2**7 = 2**22, and the sum of two of them at
most 2**23, so ``MAX_STEPS`` = 255 steps stay below 2**31 whatever the codes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from accelsim.datapath.kernels.compiled.tile import (
    ACCUMULATOR,
    I64,
    LANES,
    WORDS,
    callable_tile,
    emit_peaks,
    emit_stores,
    emit_sums,
    load,
)

PAIR = 2
"""Terms of the reduction that one instruction takes."""
MAX_STEPS = 255
SUMS = ir.VectorType(I64, LANES)


def make_words_tile(rows: int, columns: int) -> Any:
    """A tile as ``make_tile`` has it, of pairs of words in place of four bytes; int32 sums."""

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        sums = emit_sums(builder, arguments[:7], rows, columns, _dot)
        emit_stores(builder, sums, columns, *arguments[7:9])

    return callable_tile(emit)


def make_wide_tile(rows: int, planes: int) -> Any:
    """A tile of ``rows`` left rows by 16 right columns of ``planes`` digits each, the lowest first; int64 sums.

    The arguments are those of ``make_tile``, but for ``peaks``, 16 running maxima and 16 minima of what is stored
    (int64), and the last, by which what ``out`` holds is masked (-1 or 0) before it is added to the sums.
    """

    def emit(builder: ir.IRBuilder, arguments: Any) -> None:
        digits = emit_sums(builder, arguments[:7], rows, planes, _dot)
        out, out_rows, peaks, kept = arguments[7:]
        single = builder.insert_element(ir.Constant(SUMS, ir.Undefined), kept, ir.Constant(ir.IntType(32), 0))
        mask = builder.shuffle_vector(single, ir.Constant(SUMS, ir.Undefined), ir.Constant(ACCUMULATOR, [0] * LANES))
        sums = []
        for row in range(rows):
            address = builder.add(out, load(builder, out_rows, I64, row))
            total = builder.and_(load(builder, address, SUMS, 0), mask)
            for plane in range(planes):
                wide = builder.sext(digits[row * planes + plane], SUMS)
                total = builder.add(total, builder.shl(wide, ir.Constant(SUMS, [8 * plane] * LANES)))
            builder.store(total, builder.inttoptr(address, SUMS.as_pointer()), align=8)
            sums.append(total)
        emit_peaks(builder, sums, peaks)

    return callable_tile(emit)


def _dot(builder: ir.IRBuilder, total: Any, left: Any, right: Any) -> Any:
    # LLVM joins this multiplication in pairs and the addition in one instruction where the CPU has it.
    kind = ir.FunctionType(ACCUMULATOR, [WORDS, WORDS])
    name = "llvm.x86.avx512.pmaddw.d.512"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.add(total, builder.call(function, [builder.bitcast(left, WORDS), builder.bitcast(right, WORDS)]))
