"""Parts of benchmarks/banner.py."""
