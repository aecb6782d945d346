// max |x| into ``out``, which is 0 before; blocks of 256 threads.
KERNEL largest_magnitude(const X* x, u64* out, i64 size)
{
    __shared__ u64 found[256];
    u64 most = 0;
    EACH(i, size)
    {
        i64 y = x[i];
        u64 magnitude = y < 0 ? (u64)0 - (u64)y : (u64)y;
        most = magnitude > most ? magnitude : most;
    }
    found[threadIdx.x] = most;
    for (int half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half && found[threadIdx.x + half] > found[threadIdx.x])
            found[threadIdx.x] = found[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        atomicMax(out, found[0]);
}
