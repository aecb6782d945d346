// Random codes of ``bits`` bits for each element.
KERNEL random_codes(u16* out, i64 size, i64 step, i64 seed, i64 tensor, i64 bits)
{
    EACH(block, (size + 7) / 8)
    {
        Codes random = philox(block, step, seed, tensor);
        for (int lane = 0; lane < 8 && 8 * block + lane < size; ++lane)
            out[8 * block + lane] = (u16)code_of(random, lane, bits);
    }
}
