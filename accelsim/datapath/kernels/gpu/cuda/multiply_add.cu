// x times one factor, plus y; the product and the sum are each rounded to float32.
KERNEL multiply_add(const f32* x, const f32* y, f32* out, i64 size, f64 factor)
{
    EACH(i, size) out[i] = x[i] * (f32)factor + y[i];
}
