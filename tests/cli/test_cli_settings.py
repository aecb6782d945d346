"""``--set``: fields of either file from the command line."""

from __future__ import annotations

import json

import pytest

import accelsim as package
from accelsim.errors import UserError

FILES = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")


def test_settings_of_both_files(root):
    paths = [root / path for path in FILES]
    settings = ["numerics.activation.format=int4", "batch_size=16", "buffers.input.capacity_bytes=128 KiB"]
    result = package.simulate(*paths, settings=settings, timing_only=True)
    assert result.hwconfig["numerics"]["activation"]["format"] == "int4"
    assert result.hwconfig["buffers"]["input"]["capacity_bytes"] == 128 * 1024
    assert result.workload["batch_size"] == 16
    assert json.dumps(result.hwconfig).count('"int4"') == 1


def test_batch_is_short_for_batch_size(root):
    result = package.simulate(*(root / path for path in FILES), settings=["batch=16"], timing_only=True)
    assert result.workload["batch_size"] == 16


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("numerics.activation.fromat=int4", "unknown field (did you mean 'format'?)"),
        ("numerics.activation=int99", "2 to 64 bits, not 99"),
        ("numeric.x=3", "did you mean 'numerics'?"),
        ("batchsize=64", "neither file has a field 'batchsize' (did you mean 'batch_size'?)"),
        ("batch_size=0", "found 0; allowed: a whole number from 1"),
        ("batch_size", "should be path.to.field=value"),
        ("name=x", "both files have a field 'name'"),
        ("clock_mhz.x=3", "clock_mhz"),
        ("network.layers.99=relu", "is not one of the 9 items"),
        ("numerics.weight.format=[", "not valid YAML"),
        ("numerics.weight={format: int8, format: int4}", "field 'format' stands twice"),
        ("mac_array.rows=040", "found 040, which YAML counts in eights"),
        ("mac_array.columns=1:30", "found 1:30, which YAML counts in sixties"),
        ("numerics.weight=!!python/name:os.system", "values with a tag are not read"),
        ("numerics.activation.granularity=per_channel", "allowed: per_tensor, per_sample_average"),
        ("numerics.activation.format=int17", "found int17; allowed: int2 to int16"),
    ],
)
def test_faults_name_the_setting(root, setting, expected):
    with pytest.raises(UserError) as error:
        package.simulate(*(root / path for path in FILES), settings=[setting], timing_only=True)
    assert f"--set {setting}" in str(error.value)
    assert expected in str(error.value)
