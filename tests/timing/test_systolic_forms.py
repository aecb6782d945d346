"""Properties of the closed forms that no recorded layer shows."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost
from accelsim.timing.mapping.systolic import MAPPINGS, quantum, size

SIZES = st.integers(1, 300)
GEMMS = st.builds(Gemm, SIZES, SIZES, SIZES)
ARRAYS = st.builds(
    MacArray,
    rows=st.integers(1, 64),
    columns=st.integers(1, 64),
    operand=st.just("int8"),
    dataflow=st.sampled_from(Dataflow),
)


@given(GEMMS, ARRAYS)
def test_array_never_beats_its_peak(gemm, array):
    cost = product_cost(gemm, array)
    assert cost.cycles * array.rows * array.columns >= gemm.macs
    assert 0 < cost.mapping_efficiency <= 1


@given(GEMMS, ARRAYS)
def test_every_word_moves_at_least_once(gemm, array):
    cost = product_cost(gemm, array)
    assert cost.left_read_words >= gemm.m * gemm.k
    assert cost.right_read_words >= gemm.k * gemm.n
    assert cost.output_write_words >= gemm.m * gemm.n


def test_figure_of_the_paper():
    """A 3 x 3 output-stationary array on 3 x 4 by 4 x 3: 3 + 3 + 4 - 2 cycles."""
    array = MacArray(rows=3, columns=3, operand="int8", dataflow=Dataflow.OUTPUT_STATIONARY)
    assert product_cost(Gemm(3, 4, 3), array).cycles == 8


@pytest.mark.parametrize(("dataflow", "mapped"), [("os", "mn"), ("ws", "kn"), ("is", "km")])
def test_quantum_is_one_along_the_streamed_axis(dataflow, mapped):
    array = MacArray(rows=5, columns=7, operand="int8", dataflow=Dataflow(dataflow))
    rows, columns = mapped
    (streamed,) = set("mkn") - set(mapped)
    assert [quantum(array, axis) for axis in (rows, columns, streamed)] == [5, 7, 1]


OPTIONS = st.fixed_dictionaries(
    {
        "edge_folds": st.sampled_from(["full", "used"]),
        "fold_overlap": st.sampled_from(["serial", "overlapped"]),
        "cycles_per_mac": st.integers(1, 3),
    }
)


@given(GEMMS, ARRAYS, OPTIONS)
def test_closed_forms_are_the_sum_over_folds(gemm, array, options):
    """Fold by fold, as the docstring of ``systolic`` says, against the closed forms."""
    array = array.model_copy(update=options)
    mapping, p = MAPPINGS[array.dataflow], array.cycles_per_mac
    stream = p * size(gemm, mapping.streamed)
    sides = [(size(gemm, mapping.columns), array.columns), (size(gemm, mapping.rows), array.rows)]
    starts = itertools.product(*(range(0, length, side) for length, side in sides))
    used = [[min(side, length - at) for at, (length, side) in zip(start, sides, strict=True)] for start in starts]
    folds = [(r, c) if array.edge_folds == "used" else (array.rows, array.columns) for c, r in used]
    if array.fold_overlap == "serial":
        last = [(p * (r - 1) + r + c - 1) if mapping.stationary_operand else r + c - 2 for r, c in folds]
        expected = sum(stream + skew for skew in last)
    else:
        (r, c), loaded = folds[-1], folds[0][0] if mapping.stationary_operand else 0
        beneath = folds[1:] if mapping.stationary_operand else folds[:-1]
        drained = p * (r - 1) + c - 1 if mapping.stationary_operand else r + c - 2
        expected = loaded + sum(max(stream, rows) for rows, _ in beneath) + stream + drained
    assert product_cost(gemm, array).cycles == expected


@given(GEMMS, ARRAYS, st.integers(1, 9))
def test_split_folds_share_the_work(gemm, array, count):
    split = array.model_copy(update={"count": count, "split_products": True})
    one, together = product_cost(gemm, array), product_cost(gemm, split)
    assert together.cycles == -(-one.folds // count) * (one.cycles // one.folds)
