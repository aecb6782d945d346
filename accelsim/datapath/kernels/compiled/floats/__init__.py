"""Float32 in compiled code: products in a stated order of addition, norm, rounding to narrower formats."""
