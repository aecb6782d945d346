// The new velocity, momentum v + (g + decay w), and the new weights, w - rate times it; each product and each sum is
// rounded to float32.
KERNEL momentum_step(const f32* w, const f32* v, const f32* g, f32* velocity, f32* weights, i64 size, f64 momentum,
                     f64 decay, f64 rate)
{
    EACH(i, size)
    {
        f32 slope = decay != 0.0 ? w[i] * (f32)decay + g[i] : g[i], kept = v[i] * (f32)momentum + slope;
        velocity[i] = kept;
        weights[i] = kept * -(f32)rate + w[i];
    }
}
