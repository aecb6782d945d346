"""Which operation comes first: every one has a place of its own, and the longest chain is followed."""

from hypothesis import given
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.program import SERIAL_PATH, Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.timing import simulate
from accelsim.timing.scheduling.priorities import Service, priorities

BYTES = integer(8)


def _operations(phases):
    return [Operation(i, "op", Unit.VECTOR, "l", phase, (), ()) for i, phase in enumerate(phases)]


CASES = st.lists(st.tuples(st.sampled_from(Phase), st.integers(0, 5)), max_size=20)


@given(cases=CASES)
def test_places_are_distinct_and_by_phase_then_issue_order(cases):
    operations = _operations([phase for phase, _ in cases])
    places = priorities(Service.PHASES, operations, [chain for _, chain in cases])
    assert sorted(places) == list(range(len(cases)))
    order = sorted(operations, key=lambda operation: places[operation.index])
    serial = [operation.index for operation in order if operation.phase in SERIAL_PATH]
    assert [operation.index for operation in order[: len(serial)]] == sorted(serial)
    updates = sum(operation.phase is Phase.UPDATE for operation in operations)
    assert all(operation.phase is Phase.UPDATE for operation in order[len(order) - updates :])


@given(cases=CASES)
def test_chains_come_longest_first(cases):
    operations, chains = _operations([phase for phase, _ in cases]), [chain for _, chain in cases]
    places = priorities(Service.CHAINS, operations, chains)
    assert sorted(places) == list(range(len(cases)))
    order = sorted(range(len(cases)), key=places.__getitem__)
    keys = [(-chains[index], index) for index in order]
    assert keys == sorted(keys)


def test_a_weight_gradient_that_much_waits_for_goes_first(load, edit, plain_dram):
    """Of two operations that are ready, the serial path's has nothing behind it, and the other one a long product."""
    hw = plain_dram(edit(load("int8_range_bn"), "mac_array", count=1), 1e6)
    tensors = [TensorSpec(i, f"t{i}", (64, 64), BYTES, Role.INTERNAL) for i in range(5)]
    work = Work(64 * 64 * 400, 0, 1, BYTES)
    operations = [
        Operation(0, "op", Unit.VECTOR, "l", Phase.DATA_GRADIENT, (0,), (1,), (), work),
        Operation(1, "op", Unit.VECTOR, "l", Phase.WEIGHT_GRADIENT, (0,), (2,), (), work),
        Operation(2, "op", Unit.MAC_ARRAY, "l", Phase.WEIGHT_GRADIENT, (2, 2), (3,), (Gemm(64, 1 << 16, 64),)),
    ]
    timeline = simulate(Program(tensors, operations), hw)
    assert timeline.operations[1].end_cycle <= timeline.operations[0].start_cycle
