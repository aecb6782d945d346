// CUDA's names for a CPU: a block's threads are fibers that run in turn up to the next __syncthreads, blocks run one
// after another. A warp's fibers also wait for one another at each product on tensor cores. What the intrinsics do is
// written down from the CUDA C++ Programming Guide, the products from the PTX ISA.
#include <math.h>
#include <setjmp.h>
#include <string.h>
#include <ucontext.h>

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define KERNEL static void

struct dim3 {
    unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;
// A fiber's turns but for the first go by jumps: swapcontext asks the kernel for its signals each time.
struct Fiber {
    ucontext_t first;
    jmp_buf next;
    bool begun = false;
};
static ucontext_t nowhere;
static jmp_buf scheduler;
static Fiber* fiber;
enum Stop { OVER, AT_BARRIER, AT_PRODUCT };
static Stop stop;

static void wait(Stop at)
{
    dim3 own = threadIdx;
    stop = at;
    if (!_setjmp(fiber->next))
        _longjmp(scheduler, 1);
    threadIdx = own;
}

static void __syncthreads() { wait(AT_BARRIER); }

static int __dp4a(int a, int b, int sum)
{
    for (int k = 0; k < 4; ++k)
        sum = (int)((unsigned)sum + (unsigned)((signed char)(a >> 8 * k) * (signed char)(b >> 8 * k)));
    return sum;
}

static int __dp2a_lo(int a, int b, int sum)
{
    for (int k = 0; k < 2; ++k)
        sum = (int)((unsigned)sum + (unsigned)((short)(a >> 16 * k) * (signed char)(b >> 8 * k)));
    return sum;
}

static unsigned __byte_perm(unsigned a, unsigned b, unsigned picks)
{
    unsigned long long both = (unsigned long long)b << 32 | a;
    unsigned found = 0;
    for (int k = 0; k < 4; ++k)
        found |= (unsigned)(both >> 8 * (picks >> 4 * k & 7) & 255) << 8 * k;
    return found;
}

// Products on tensor cores: each lane of a warp leaves its fragments, the last one's turn makes the product of all.
#define WARP_PRODUCTS
struct Lane {
    unsigned char a[16], b[8];
    int d[4];
};
static Lane lanes[32];
static void (*product)();

// D (ROWS, 8) += A (ROWS, DEPTH) B (DEPTH, 8); element i of a lane's fragment lies where the PTX ISA's tables for
// mma.m16n8k32 have it, and those for mma.m8n8k16 are their beginning.
template <int ROWS, int DEPTH, bool SIGNED>
static void product_of_lanes()
{
    int a[ROWS][DEPTH], b[DEPTH][8];
    for (int lane = 0; lane < 32; ++lane) {
        int group = lane >> 2, in_group = lane % 4;
        for (int i = 0; i < ROWS * DEPTH / 32; ++i) {
            int row = i < 4 || (8 <= i && i < 12) ? group : group + 8;
            int column = in_group * 4 + (i & 3) + (i < 8 ? 0 : 16);
            a[row][column] = SIGNED ? (signed char)lanes[lane].a[i] : lanes[lane].a[i];
        }
        for (int i = 0; i < DEPTH / 4; ++i)
            b[in_group * 4 + (i & 3) + (i < 4 ? 0 : 16)][group] = (signed char)lanes[lane].b[i];
    }
    for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < ROWS / 4; ++i) {
            int row = (lane >> 2) + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
            for (int k = 0; k < DEPTH; ++k)
                lanes[lane].d[i] = (int)((unsigned)lanes[lane].d[i] + (unsigned)(a[row][k] * b[k][column]));
        }
}

template <int ROWS, int DEPTH, bool SIGNED>
static void with_its_warp(int* d, const unsigned* a, const unsigned* b)
{
    Lane& own = lanes[(threadIdx.y * blockDim.x + threadIdx.x) % 32];
    memcpy(own.a, a, ROWS * DEPTH / 32);
    memcpy(own.b, b, DEPTH / 4);
    memcpy(own.d, d, ROWS);
    product = product_of_lanes<ROWS, DEPTH, SIGNED>;
    wait(AT_PRODUCT);
    memcpy(d, own.d, ROWS);
}

template <bool SIGNED>
static void product_16x8x32(int* d, const unsigned* a, const unsigned* b) { with_its_warp<16, 32, SIGNED>(d, a, b); }

template <bool SIGNED>
static void product_8x8x16(int* d, unsigned a, unsigned b) { with_its_warp<8, 16, SIGNED>(d, &a, &b); }

template <class T>
static T exchanged(T* at, T value)
{
    T old = *at;
    *at = value;
    return old;
}

template <class T>
static T atomicAdd(T* at, T value) { return exchanged(at, (T)(*at + value)); }

template <class T>
static T atomicMax(T* at, T value) { return exchanged(at, value > *at ? value : *at); }

template <class T>
static T atomicMin(T* at, T value) { return exchanged(at, value < *at ? value : *at); }

template <class T>
static T read(void* from)
{
    T value;
    memcpy(&value, from, sizeof value);
    return value;
}

// A kernel and its arguments, which come as cuLaunchKernel takes them: the address of each.
template <class... A>
struct Call {
    static inline void (*kernel)(A...);
    static inline std::tuple<A...> arguments;

    template <size_t... I>
    static void take(void** from, std::index_sequence<I...>) { arguments = std::tuple<A...>(read<A>(from[I])...); }

    static void enter() { std::apply(kernel, arguments); }

    static void enter_fiber()
    {
        enter();
        stop = OVER;
        _longjmp(scheduler, 1);
    }
};

static void take_place(size_t t) { threadIdx = {(unsigned)t % blockDim.x, (unsigned)t / blockDim.x, 0}; }

static void resume(Fiber& next)
{
    fiber = &next;
    if (_setjmp(scheduler))
        return;
    if (next.begun)
        _longjmp(next.next, 1);
    next.begun = true;
    swapcontext(&nowhere, &next.first);
}

// Runs the lanes of a warp, all that are not over, up to the next barrier or their end. False where they part: some at
// a product, others not.
static bool run_warp(std::vector<Fiber>& fibers, std::vector<Stop>& stops, size_t first, bool backwards)
{
    size_t last = std::min(first + 32, fibers.size());
    for (;;) {
        size_t at_product = 0;
        for (size_t turn = first; turn < last; ++turn) {
            size_t t = backwards ? first + last - 1 - turn : turn;
            if (stops[t] == OVER)
                continue;
            take_place(t);
            resume(fibers[t]);
            stops[t] = stop;
            at_product += stop == AT_PRODUCT;
        }
        if (at_product == 0)
            return true;
        if (at_product < 32)
            return false;
        product();
    }
}

// Threads of a source without ``barriers`` never wait and need no stack of their own.
// ``backwards`` gives the last thread its turn first: a barrier that is missing shows in one order or the other.
static bool run_block(void (*enter)(), void (*enter_fiber)(), char* stacks, size_t stack, bool barriers, bool backwards)
{
    size_t threads = (size_t)blockDim.x * blockDim.y;
    if (!barriers) {
        for (size_t t = 0; t < threads; ++t) {
            take_place(t);
            enter();
        }
        return true;
    }
    std::vector<Fiber> fibers(threads);
    std::vector<Stop> stops(threads, AT_BARRIER);
    for (size_t t = 0; t < threads; ++t) {
        getcontext(&fibers[t].first);
        fibers[t].first.uc_stack.ss_sp = stacks + t * stack;
        fibers[t].first.uc_stack.ss_size = stack;
        makecontext(&fibers[t].first, enter_fiber, 0);
    }
    while (std::count(stops.begin(), stops.end(), OVER) < (long)threads)
        for (size_t turn = 0; turn < threads; turn += 32)
            if (!run_warp(fibers, stops, backwards ? (threads - 1 - turn) / 32 * 32 : turn, backwards))
                return false;
    return true;
}

// False where the lanes of a warp part.
template <class... A>
static bool run(void (*kernel)(A...), const unsigned* grid, const unsigned* block, void** arguments, bool barriers,
                bool backwards)
{
    const size_t stack = 1 << 14;
    Call<A...>::kernel = kernel;
    Call<A...>::take(arguments, std::index_sequence_for<A...>());
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], 1};
    std::vector<char> stacks(barriers ? stack * block[0] * block[1] : 0);
    for (unsigned z = 0; z < grid[2]; ++z)
        for (unsigned y = 0; y < grid[1]; ++y)
            for (unsigned x = 0; x < grid[0]; ++x) {
                blockIdx = {x, y, z};
                if (!run_block(Call<A...>::enter, Call<A...>::enter_fiber, stacks.data(), stack, barriers, backwards))
                    return false;
            }
    return true;
}
