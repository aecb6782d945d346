"""16-bit integers in compiled code: products of pairs of words with 32-bit sums that are flushed into 64 bits."""
