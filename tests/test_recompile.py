"""Machine code that is kept on disk follows every file and number that went into it."""

import importlib
import sys

import numba
import pytest

from accelsim.recompile import watched

NEAR = """
from accelsim.{jit} import compiled
from far import SIZE, scaled

@compiled
def run(value):
    return scaled(value) + SIZE
"""
FAR = """
from accelsim.{jit} import compiled
from farther import FACTOR

SIZE = {size}

@compiled
def scaled(value):
    return value {operator} FACTOR
"""


@pytest.fixture(params=["timing.pipelines.jit", "datapath.kernels.compiled.jit"])
def run(request, tmp_path, monkeypatch):
    """Compiles and runs three modules as another process would, of which only the first two compile anything."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def imported(size, operator, factor):
        sources = {"near": NEAR, "far": FAR, "farther": f"FACTOR = {factor}\n"}
        for name, source in sources.items():
            monkeypatch.delitem(sys.modules, name, raising=False)
            (tmp_path / f"{name}.py").write_text(source.format(jit=request.param, size=size, operator=operator))
        importlib.invalidate_caches()
        module = importlib.import_module("near")
        found = module.run(5)
        (hits,) = (module.run.stats.cache_hits.values()) or (0,)
        return found, hits

    yield imported
    for name in ("near", "far", "farther"):
        sys.modules.pop(name, None)


def test_functions_and_numbers_of_other_files(run):
    assert run(3, "*", 2) == (5 * 2 + 3, 0)
    assert run(3, "*", 2) == (5 * 2 + 3, 1)
    assert run(3, "+", 2) == (5 + 2 + 3, 0)
    assert run(4, "+", 2) == (5 + 2 + 4, 0)
    assert run(4, "+", 7) == (5 + 7 + 4, 0)
    assert run(4, "+", 7) == (5 + 7 + 4, 1)


def test_a_function_without_a_stamp_stays_as_it_is():
    assert watched(len) is len


def test_options_that_are_given_in_another_file():
    """Numba doesn't ask for them as it looks for machine code."""
    stamps = {
        watched(numba.njit(cache=True, error_model=model)(_divided))._cache._cache_file._source_stamp
        for model in ("python", "numpy", "numpy")
    }
    assert len(stamps) == 2


def _divided(value):
    return 1 / value
