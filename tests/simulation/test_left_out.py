"""A run says what its numerics ask for and the step doesn't have."""

import accelsim


def warned(root, *settings):
    hwconfig, workload = root / "hwconfigs" / "nvfp4.yaml", root / "workloads" / "digits_cnn.yaml"
    return accelsim.simulate(hwconfig, workload, timing_only=True, settings=settings).summary["warnings"]


def test_a_transform_that_no_batch_is_large_enough_for(root):
    assert warned(root) == []
    (message,) = warned(root, "micro_batches=4")
    assert "fewer than 16 samples" in message
    assert warned(root, "micro_batches=4", "numerics.weight_gradient_hadamard=null") == []
