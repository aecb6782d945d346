"""Every way to get a hwconfig wrong: one message a fault, with its line, and exit code 2."""

from __future__ import annotations

import pytest

ROWS = "a whole number from 1 to 65536"
BYTES = "a whole number of bytes from 1 to 1099511627776, or a quantity such as '64 KiB'"
MHZ = "a number of MHz from 0.001 to 1000000, or a quantity such as '500 MHz'"
CAPACITY = "weight: {capacity_bytes: 128 KiB"

CASES = [
    *(
        ("rows: 32", f"rows: {value}", f"13:3: mac_array.rows: found {shown}; allowed: {ROWS}")
        for value, shown in [
            ("many", "'many'"),
            ("true", "true"),
            ("yes", "true"),
            (".nan", "nan"),
            (".inf", "inf"),
            ("-3", "-3"),
            ("0", "0"),
            ("99999999999999999999999", "99999999999999999999999"),
            ("[1]", "a list of 1 (1)"),
            ("{a: 1}", "fields (a)"),
            ("null", "nothing"),
            ("3.5", "3.5"),
            ("''", "''"),
        ]
    ),
    ("rows: 32", f"rows: {'9' * 5000}", "13:9: a number of 5000 digits"),
    *(
        (CAPACITY, f"weight: {{capacity_bytes: {value}", f"26:12: buffers.weight.capacity_bytes: found {shown}")
        for value, shown in [
            ("256 KiX", f"'256 KiX': KiX is not a unit of byte (did you mean 'KiB'?); allowed: {BYTES}"),
            ("700 kg", "'700 kg': kg is not a unit of byte; allowed:"),
            ("256 KB", "'256 KB': KB is not a unit of byte (did you mean 'kB'?)"),
            ("1 GB/s", "'1 GB/s': GB/s is not a unit of byte"),
            ("4096 radian", "'4096 radian': radian is not a unit of byte"),
            ("-1 KiB", "'-1 KiB'; allowed:"),
            ("1e999 KiB", "'1e999 KiB', which is too large"),
            ("nan KiB", "'nan KiB'; allowed:"),
            ("9**9**9**9 KiB", "'9**9**9**9 KiB'; allowed:"),
            ("0.3 byte", "'0.3 byte', which is not a whole number of bytes"),
            ("1e30", "'1e30'; allowed:"),
            ("5 TiB", "'5 TiB'; allowed:"),
            ("KiB", "'KiB'; allowed:"),
            ("[]", "an empty list; allowed:"),
            ("true", "true; allowed:"),
        ]
    ),
    ("buffers:\n", "buffers:\n  levels: 3\n", "buffers.levels: found 3; allowed: a list of at most 8, each the fields"),
    (
        "buffers:\n",
        "buffers:\n  levels: [" + 9 * "{name: a, capacity_bytes: 1, bytes_per_cycle: 1}, " + "]\n",
        "allowed: a list of at most 8, each the fields capacity_bytes,",
    ),
    (
        "buffers:\n",
        "fused_epilogues: relu\nbuffers:\n",
        "found 'relu'; allowed: a list, each one of relu, relu_backward,",
    ),
    (
        CAPACITY,
        CAPACITY + ", word_bits: 48",
        "weight.word_bits: found 48; allowed: 32, 64, 128, 256, 512, 1024, 2048, 4096",
    ),
    (
        CAPACITY,
        f"{CAPACITY}, banks: 16, word_bits: 2048",
        "found 2048, and a bank of 8192 bytes holds fewer than 64 of them; allowed here: at most 1024",
    ),
    (
        "clock_mhz: 500 MHz",
        "clock_mhz: 700 kg",
        f"8:1: clock_mhz: found '700 kg': kg is not a unit of MHz; allowed: {MHZ}",
    ),
    ("clock_mhz: 500 MHz", "clock_mhz: 1 GB/s", "8:1: clock_mhz: found '1 GB/s': GB/s is not a unit of MHz"),
    ("clock_mhz: 500 MHz", "clock_mhz: 500 mhz", "mhz is not a unit of MHz (did you mean 'MHz'?)"),
    ("clock_mhz: 500 MHz", "clock_mhz: 500 mHz", f"8:1: clock_mhz: found '500 mHz'; allowed: {MHZ}"),
    ("clock_mhz: 500 MHz", "clock_mhz: 1e300", "8:1: clock_mhz: found '1e300'"),
    ("clock_mhz: 500 MHz", "clock_mhz: .nan", "8:1: clock_mhz: found nan"),
    ("clock_mhz:", "clock_mzh:", "8:1: clock_mzh: unknown field (did you mean 'clock_mhz'?); allowed: name, "),
    ("clock_mhz: 500 MHz\n", "", f"5:1: clock_mhz: missing; allowed: {MHZ}"),
    ("mac_array:\n", "mac_arrays:\n", "11:1: mac_arrays: unknown field (did you mean 'mac_array'?)"),
    ("  rows: 32\n", "", f"11:1: mac_array.rows: missing; allowed: {ROWS}"),
    ("name: int8_range_bn", "name: a b", "5:1: name: found 'a b'; allowed: letters, digits, '_', '.' and '-'"),
    ("name: int8_range_bn", "name: 5", "5:1: name: found 5"),
    (
        "technology: 45nm",
        "technology: 45mn",
        "9:1: technology: found '45mn'; allowed: 16nm, 28nm, 45nm, 65nm, 7nm (did you mean '45nm'?)",
    ),
    ("technology: 45nm", "technology: 45", "9:1: technology: found 45"),
    ("operand: int8 ", "operand: itn8 ", "15:3: mac_array.operand: no number format is called 'itn8'"),
    ("operand: int8 ", "operand: 8 ", "found 8; allowed: intN, uintN (N up to 64), bfpN_bM, intN_bM, fp32, bf16"),
    ("operand: int8 ", "operand: int88 ", "15:3: mac_array.operand: integer formats have 2 to 64 bits, not 88"),
    (
        "dataflow: output_stationary",
        "dataflow: output_stationry",
        "16:3: mac_array.dataflow: found 'output_stationry'; allowed: os (output_stationary), ws (weight_stationary), "
        "is (input_stationary) (did you mean 'output_stationary'?)",
    ),
    (
        "spread: range",
        "spread: rnge",
        "20:24: norm_unit.spread: found 'rnge'; allowed: range, deviation, l1 (did you mean 'range'?)",
    ),
    ("random_bits: 16", "random_bits: 17", "found 17; allowed: a whole number from 1 to 16"),
    ("rounding: stochastic", "rounding: Stochastic", "(did you mean 'stochastic'?)"),
    (
        "weight: int8\n",
        "weight: {formt: int8}\n",
        "37:12: numerics.weight.formt: unknown field (did you mean 'format'?)",
    ),
    (
        "loss: fp32",
        "loss: {format: fp32, scale: delayed}",
        "48:24: numerics.loss.scale: found 'delayed', but fp32 values have no such choice; leave it out",
    ),
    ("weight: int8\n", "weight: null\n", "37:3: numerics.weight: found nothing; allowed: a number format such as int8"),
    ("dram:\n", "dram:\n  on: 3\n", "30:3: dram.on: unknown field; allowed: standard, "),
    ("dram:\n", "1: 2\ndram:\n", "29:1: 1: unknown field"),
    ("dram:\n", "[a]: 2\ndram:\n", "29:1: a field's name must be text"),
    ("dram:\n", "name: x\ndram:\n", "29:1: field 'name' stands twice (first on line 5)"),
    (
        "dram:\n",
        "energy: {add_pj: {int9x: 1}}\ndram:\n",
        "29:19: energy.add_pj.int9x: no number format is called 'int9x'",
    ),
    (
        "dram:\n",
        "energy: {mac_pj: .inf}\ndram:\n",
        "29:10: energy.mac_pj: found inf; allowed: a number from 0 to 1000000000",
    ),
    ("dram:\n", "energy: 5\ndram:\n", "29:1: energy: found 5; allowed: the fields source, models, bound, "),
]
CONTRADICTIONS = [
    (
        "operand: int8 ",
        "operand: fp32 ",
        ["15:3: mac_array.operand: found fp32, but numerics.weight is int8; allowed: int2"],
    ),
    ("operand: int8 ", "operand: uint8 ", ["15:3: mac_array.operand: found uint8, but numerics.weight is int8"]),
    (
        "forward: int32",
        "forward: fp32",
        ["17:18: mac_array.accumulators.forward: found fp32, but the operands are int8 and int8; allowed: int2"],
    ),
    ("forward: int32", "forward: uint32", ["17:18: mac_array.accumulators.forward: found uint32"]),
    ("quantise_unit: {lanes: 64}\n", "", ["5:1: quantise_unit: missing, and numerics.weight is int8"]),
    ("weight: int8\n", "weight: int32\n", ["37:3: numerics.weight: found int32; allowed: int2 to int16, float, block"]),
    (
        "weight: int8\n",
        "weight: uint8\n",
        ["37:3: numerics.weight: found uint8, which has no negative codes and no zero point; add 'affine: true'"],
    ),
    (
        "weight_path: int16\n",
        "weight_path: {format: uint16, affine: true}\n",
        [
            "40:48: numerics.layer_gradient_weight_path.affine: found true; tensors with a zero point: weight, ",
        ],
    ),
    (
        "weight: int8\n",
        "weight: fp32\n",
        [
            "37:3: numerics.weight: found fp32, but numerics.activation is int8; allowed: an integer format",
        ],
    ),
    (
        "  activation: int8\n",
        "  activation: fp32\n",
        ["37:3: numerics.weight: found int8, but numerics.activation is fp32", "43:3: numerics.bias: found int32"],
    ),
    (
        "master_weight: fp32",
        "master_weight: int7",
        ["45:3: numerics.master_weight: found int7; allowed: int8 to int32, fp32, bf16, fp16"],
    ),
    (
        "master_weight: fp32",
        "master_weight: int16",
        ["46:3: numerics.optimizer_state: found fp32, but numerics.master_weight is int16; allowed: int8 to int32"],
    ),
    (
        "master_weight: fp32\n  optimizer_state: fp32",
        "master_weight: {format: int16, scale: delayed}\n  optimizer_state: int32",
        ["45:34: numerics.master_weight.scale: found 'delayed', but master_weight has one fixed point"],
    ),
    (
        "weight_gradient: fp32",
        "weight_gradient: int16",
        ["42:3: numerics.weight_gradient: found int16, but numerics.master_weight is fp32; allowed: fp32, bf16"],
    ),
    (
        "update_unit: {lanes: 16}",
        "update_unit: {lanes: 16, learning_rate: power_of_two}",
        ["22:26: update_unit.learning_rate: found 'power_of_two', but it belongs to integer numerics.master_weight"],
    ),
    (
        "spread: range, chunks: 1",
        "spread: deviation, chunks: 4",
        ["20:43: norm_unit.chunks: found 4, but it belongs to"],
    ),
]


def _broken(hwconfig, tmp_path, before, after):
    text = hwconfig.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "hw.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(("before", "after", "expected"), CASES, ids=[f"{c[1][:30]!r}" for c in CASES])
def test_one_message_with_line_column_field_and_what_is_allowed(accelsim, hwconfig, tmp_path, before, after, expected):
    path = _broken(hwconfig, tmp_path, before, after)
    ran = accelsim("check", path)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err
    assert ran.err.startswith(f"error: {path}:")
    assert ran.err.count("\n") == 1, "one fault, one line"


@pytest.mark.parametrize(("before", "after", "expected"), CONTRADICTIONS)
def test_fields_that_contradict_each_other_are_named_one_by_one(accelsim, hwconfig, tmp_path, before, after, expected):
    ran = accelsim("check", _broken(hwconfig, tmp_path, before, after))
    assert ran.code == 2
    for fragment in expected:
        assert fragment in ran.err


def test_all_faults_of_a_file_are_told_at_once_in_its_order(accelsim, hwconfig, tmp_path):
    text = hwconfig.read_text(encoding="utf-8")
    for before, after in [("rows: 32", "rows: 0"), ("lanes: 64", "lanes: x"), ("pattern: streaming", "pattern: x")]:
        text = text.replace(before, after, 1)
    path = tmp_path / "hw.yaml"
    path.write_text(text, encoding="utf-8")
    lines = accelsim("check", path).err.splitlines()
    assert [line.split(":")[2] for line in lines] == ["13", "19", "33"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("clock_mhz: 500 MHz", "clock_mhz: 0.5GHz"),
        ("clock_mhz: 500 MHz", "clock_mhz: 5e2"),
        ("rows: 32", "rows: '32'"),
        ("name: int8_range_bn", "name: 2020-01-01"),
        ("technology: 45nm", "technology: 45nm\nquantise_unit: &lanes {lanes: 64}\n#"),
        (CAPACITY, "weight: {capacity_bytes: 1 Mbit"),
    ],
)
def test_unusual_spellings_that_are_right(accelsim, hwconfig, tmp_path, before, after):
    path = _broken(hwconfig, tmp_path, before, after)
    if "#" in after:
        path.write_text(path.read_text().replace("\nquantise_unit: {lanes: 64}", ""))
    assert accelsim("check", path) == (0, f"{path}: a valid hwconfig\n", "")


def test_accumulators_left_out_of_a_floating_point_machine(accelsim, root, tmp_path):
    text = (root / "hwconfigs" / "fp32.yaml").read_text(encoding="utf-8")
    path = tmp_path / "hw.yaml"
    path.write_text(text.replace("  accumulators: {forward: fp32, data_gradient: fp32, weight_gradient: fp32}\n", ""))
    assert "mac_array.accumulators.forward: missing, and its default is int32" in accelsim("check", path).err
