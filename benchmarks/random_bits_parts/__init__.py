"""Parts of ``benchmarks/random_bits.py``."""
