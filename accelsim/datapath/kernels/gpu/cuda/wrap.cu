// Integers (X, or floats that hold them) to two's complement of ``bits`` bits, as OUT.
KERNEL wrap(const X* x, OUT* out, i64 size, i64 bits)
{
    i64 unused = 64 - bits;
    EACH(i, size) out[i] = (OUT)right_shift(left_shift((i64)x[i], unused), unused);
}
