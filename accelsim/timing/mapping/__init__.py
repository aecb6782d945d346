"""How an operation is laid on its unit: folds of the array, tiles of the buffers, steps of the lanes."""
