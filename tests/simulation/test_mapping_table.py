"""The table of products says what the timing ran."""

import pytest

import accelsim


def test_every_product_of_a_step_has_its_tile(root):
    hwconfig, workload = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    result = accelsim.simulate(hwconfig, workload, timing_only=True)
    mapping, products = result.mapping, result.layers[result.layers["macs"] > 0]
    macs = (mapping["products"] * mapping["m"] * mapping["k"] * mapping["n"]).groupby(mapping["index"]).sum()
    assert macs.tolist() == products["macs"].tolist()
    assert mapping["index"].drop_duplicates().tolist() == products["index"].tolist()
    assert set(mapping["outer_axis"]) <= {"m", "n"}
    assert (mapping["mapping_efficiency"] <= 1).all()
    tiles = 1
    for axis in "mkn":
        assert (mapping[f"tile_{axis}"] <= mapping[axis]).all()
        tiles = tiles * -(-mapping[axis] // mapping[f"tile_{axis}"])
    assert mapping["tiles"].tolist() == tiles.tolist()
    assert (tiles > 1).any()


@pytest.mark.parametrize("groups", [2, 8, 16])
def test_groups_that_were_cut_alike_are_one_row(root, tmp_path, groups):
    workload = tmp_path / "grouped.yaml"
    text = (root / "workloads" / "digits_cnn.yaml").read_text(encoding="utf-8")
    workload.write_text(text.replace("filters: 32,", f"filters: 32, groups: {groups},"), encoding="utf-8")
    result = accelsim.simulate(root / "hwconfigs" / "int8_range_bn.yaml", workload, timing_only=True)
    mapping = result.mapping[result.mapping["layer"] == "conv2d2"]
    assert not mapping.drop(columns="products").duplicated().any()
    assert (mapping.groupby("index")["products"].sum() == groups).all()
    assert mapping["index"].nunique() == 3
