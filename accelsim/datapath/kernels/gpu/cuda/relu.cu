// max(x, 0), and its mask on gradients.
KERNEL relu(const X* x, X* out, i64 size)
{
    EACH(i, size) out[i] = x[i] > 0 ? x[i] : (X)0;
}

KERNEL relu_backward(const X* g, const Y* y, X* out, i64 size)
{
    EACH(i, size) out[i] = y[i] > 0 ? g[i] : (X)0;
}
