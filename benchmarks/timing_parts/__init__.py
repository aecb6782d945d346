"""Parts of benchmarks/scalesim.py."""
