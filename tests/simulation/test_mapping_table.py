"""The table of products says what the timing ran."""

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
