"""Properties of the closed forms that no recorded layer shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost
from accelsim.timing.systolic import quantum

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
