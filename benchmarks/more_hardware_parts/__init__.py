"""Parts of the benchmark of more hardware."""
