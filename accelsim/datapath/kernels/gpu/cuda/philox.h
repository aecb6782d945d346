// Philox4x32-10 (Salmon et al., SC 2011): eight 16-bit random codes for each counter, the stream of kernels/philox.py.
struct Codes {
    u32 words[4];
};

INLINE Codes philox(u64 counter, u64 step, u64 seed, u64 tensor)
{
    u32 c0 = (u32)counter, c1 = (u32)step, c2 = (u32)(step >> 32), c3 = 0, k0 = (u32)seed, k1 = (u32)tensor;
    for (int round = 0; round < 10; ++round) {
        u64 p0 = (u64)0xD2511F53u * c0, p1 = (u64)0xCD9E8D57u * c2;
        c0 = (u32)(p1 >> 32) ^ c1 ^ k0;
        c2 = (u32)(p0 >> 32) ^ c3 ^ k1;
        c1 = (u32)p1;
        c3 = (u32)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    Codes found = {{c0, c1, c2, c3}};
    return found;
}

// The top bits of lane 0 to 7.
INLINE i64 code_of(const Codes& codes, int lane, i64 bits)
{
    return (codes.words[lane / 2] >> (16 * (lane % 2)) & 0xFFFFu) >> (16 - bits);
}
