"""Numbers and names of what is recorded, and a recorder that goes on from where another one stood."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.formats import Role, integer
from accelsim.machine.recorder import Call, Output, Recorder
from accelsim.program import Phase, Unit

OUTPUTS = st.builds(
    Output,
    st.sampled_from(["x", "y"]),
    st.sampled_from([(2, 3), (4,)]),
    st.sampled_from([integer(8), integer(32)]),
    st.sampled_from([Role.ACTIVATION, Role.INTERNAL]),
)
OPERATIONS = st.builds(
    Call,
    st.sampled_from(["relu", "add"]),
    st.just(Unit.VECTOR),
    st.sampled_from(["", "x", "a"]),
    st.just(Phase.FORWARD),
    st.sampled_from([(), (0,), (0, 1)]),
    st.lists(OUTPUTS, max_size=2).map(tuple),
    st.sampled_from([(), (0,)]),
    st.just(()),
    st.none(),
    st.sampled_from([{}, {"maximum": 6.0}]),
)
CALLS = st.lists(st.one_of(OPERATIONS, st.tuples(OUTPUTS, st.booleans())), max_size=6)


def _record(recorder, calls):
    for call in calls:
        if isinstance(call, Call):
            recorder.operation(call)
        else:
            recorder.tensor(call[0], persistent=call[1])


@settings(deadline=None)
@given(CALLS, CALLS)
def test_a_copy_goes_on_where_the_other_one_stood(first, second):
    whole, half = Recorder(), Recorder()
    _record(whole, [*first, *second])
    _record(half, first)
    copy, before = half.copy(), half.program.to_json()
    _record(copy, second)
    assert copy.program == whole.program
    assert half.program.to_json() == before
    names = [tensor.name for tensor in copy.program.tensors]
    assert [tensor.index for tensor in copy.program.tensors] == list(range(len(names)))
