// Forward and backward through time of one vanilla rate RNN, in float32 on one core.
//
//     h[t+1] = (1 - dt) h[t] + I[t] + dt W r[t],   r = phi(h)                            forward
//     e[t]   = phi'(h[t+1]) (E[t] + dt W^T e[t+1]) + (1 - dt) e[t+1]                     backward
//
// I are the currents of input, bias and noise, E the error that reaches the units from the readout; both are given, and
// are overwritten by h and e. Source: Schuessler et al. 2020, eq. 1; the adjoint stands in engine/rate_rnn.py.
//
// Each step is one product of [trial, unit] with the connectivity. It is computed in tiles of M trials by NR units that
// stay in registers while the sum over presynaptic units runs; leak, current and nonlinearity are applied to the tile
// before it is stored once. The connectivity is packed into panels of NR units, so that a panel stays in the first
// cache while all trials go through it. What a number is made of does not depend on which network stands beside it, nor
// on where in memory it lies: the same bits every time.

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
constexpr int VL = 16, M = 8;  // 16 sums, 2 columns and a trial fit the 32 registers
#elif defined(__AVX__)
constexpr int VL = 8, M = 4;
#else
constexpr int VL = 4, M = 4;
#endif
constexpr int NV = 2, NR = NV * VL;

typedef float Vec __attribute__((vector_size(VL * 4)));
typedef int32_t Int __attribute__((vector_size(VL * 4)));

enum Phi { TANH = 0, RELU = 1, IDENTITY = 2 };

static inline Vec load(const float* from) {
    Vec x;
    std::memcpy(&x, from, sizeof x);
    return x;
}

static inline void store(float* to, Vec x) { std::memcpy(to, &x, sizeof x); }

// The first n of a vector's numbers, zeros after them; and the same back. Only at the edge of the matrix.
static inline Vec load_some(const float* from, long n) {
    if (n >= VL) return load(from);
    Vec x = {};
    if (n > 0) std::memcpy(&x, from, n * sizeof(float));
    return x;
}

static inline void store_some(float* to, Vec x, long n) {
    if (n >= VL) store(to, x);
    else if (n > 0) std::memcpy(to, &x, n * sizeof(float));
}

// tanh x = t / (t + 2) with t = exp(2 |x|) - 1, which keeps all digits at small x. With 2 |x| = k log 2 + f,
// t = 2^k p + (2^k - 1), and p = exp(f) - 1 is its Taylor series: |f| <= 0.35, so eight terms leave 2e-9 of it.
// Beyond 9.02 float32 knows no number below 1. NaN stays NaN.
static inline Vec tanh_of(Vec x) {
    const Int sign = (Int)x & (int32_t)0x80000000;
    Vec a = (Vec)((Int)x & 0x7fffffff);
    a = a > 9.02f ? (Vec{} + 9.02f) : a;
    const Vec y = a + a;
    const Int k = __builtin_convertvector(y * 1.44269504f + 0.5f, Int);
    const Vec whole = __builtin_convertvector(k, Vec);
    const Vec f = (y - whole * 0.693145752f) - whole * 1.42860677e-6f;  // log 2, its first digits exact in whole * it
    Vec p = f * (1.0f / 40320) + (1.0f / 5040);
    p = p * f + (1.0f / 720);
    p = p * f + (1.0f / 120);
    p = p * f + (1.0f / 24);
    p = p * f + (1.0f / 6);
    p = p * f + 0.5f;
    p = p * (f * f) + f;
    const Vec two_to_k = (Vec)((k + 127) << 23);
    const Vec t = two_to_k * p + (two_to_k - 1.0f);
    return (Vec)((Int)(t / (t + 2.0f)) | sign);
}

template <int PHI>
static inline Vec phi(Vec h) {
    if (PHI == TANH) return tanh_of(h);
    if (PHI == RELU) return h < 0.0f ? Vec{} : h;  // NaN stays NaN
    return h;
}

// phi'(h), from r = phi(h).
template <int PHI>
static inline Vec slope(Vec r) {
    if (PHI == TANH) return 1.0f - r * r;
    if (PHI == RELU) return r > 0.0f ? (Vec{} + 1.0f) : Vec{};
    return Vec{} + 1.0f;
}

// Panels [panel, k, NR] of dt W^T (so that sums run over W's columns) or of dt W (over its rows); zeros at the edge.
static void pack(const float* w, long n, float dt, bool transposed, float* panels) {
    for (long first = 0; first < n; first += NR)
        for (long k = 0; k < n; ++k)
            for (long i = first; i < first + NR; ++i)
                *panels++ = i < n ? dt * (transposed ? w[i * n + k] : w[k * n + i]) : 0.0f;
}

// Sums of ROWS trials a [trial, n] over a panel, given to finish(trial, part of the panel, sum).
template <int ROWS, class Finish>
static inline void tile(const float* a, long n, const float* panel, Finish finish) {
    Vec sum[ROWS][NV] = {};
    for (long k = 0; k < n; ++k, panel += NR) {
        Vec column[NV];
        for (int v = 0; v < NV; ++v) column[v] = load(panel + v * VL);
        for (int m = 0; m < ROWS; ++m)
            for (int v = 0; v < NV; ++v) sum[m][v] += a[m * n + k] * column[v];
    }
    for (int m = 0; m < ROWS; ++m)
        for (int v = 0; v < NV; ++v) finish(m, v, sum[m][v]);
}

// All of a [trial, n] times the packed matrix, given to finish(trial, unit, how many units, sum).
template <class Finish>
static inline void product(const float* a, long trials, long n, const float* panels, Finish finish) {
    for (long first = 0; first < n; first += NR, panels += n * NR)
        for (long b = 0; b < trials; b += M) {
            auto done = [&](int m, int v, Vec sum) { finish(b + m, first + v * VL, n - first - v * VL, sum); };
            switch (trials - b < M ? trials - b : M) {
                case 1: tile<1>(a + b * n, n, panels, done); break;
                case 2: tile<2>(a + b * n, n, panels, done); break;
                case 3: tile<3>(a + b * n, n, panels, done); break;
#if defined(__AVX512F__)
                case 4: tile<4>(a + b * n, n, panels, done); break;
                case 5: tile<5>(a + b * n, n, panels, done); break;
                case 6: tile<6>(a + b * n, n, panels, done); break;
                case 7: tile<7>(a + b * n, n, panels, done); break;
#endif
                default: tile<M>(a + b * n, n, panels, done);
            }
        }
}

// Trials do not depend on one another: BLOCK of them go through all the time steps together, so that what one step
// leaves is still in the second cache when the next one reads it, however large the batch.
constexpr long BLOCK = 32;

template <int PHI>
static void forward(const float* w, const float* start, float* h, float* r, long steps, long trials, long n, float dt,
                    float* panels) {
    const long size = trials * n;
    const float leak = 1.0f - dt;
    pack(w, n, dt, true, panels);
    for (long i = 0; i < size; i += VL) store_some(r + i, phi<PHI>(load_some(start + i, size - i)), size - i);
    for (long first = 0; first < trials; first += BLOCK) {
        const long block = trials - first < BLOCK ? trials - first : BLOCK;
        for (long t = 0; t < steps; ++t) {
            float *now = h + t * size + first * n, *rate = r + t * size + first * n;
            const float* before = t ? now - size : start + first * n;
            product(rate, block, n, panels, [&](long b, long i, long some, Vec sum) {
                if (some <= 0) return;
                const long at = b * n + i;
                const Vec state = load_some(now + at, some) + leak * load_some(before + at, some) + sum;
                store_some(now + at, state, some);
                store_some(rate + size + at, phi<PHI>(state), some);
            });
        }
    }
}

template <int PHI>
static void backward(const float* w, float* e, const float* r, const float* after, long steps, long trials, long n,
                     float dt, float* panels) {
    const long size = trials * n;
    const float leak = 1.0f - dt;
    pack(w, n, dt, false, panels);
    for (long first = 0; first < trials; first += BLOCK) {
        const long block = trials - first < BLOCK ? trials - first : BLOCK;
        for (long t = steps - 1; t >= 0; --t) {
            float* now = e + t * size + first * n;
            const float* rate = r + (t + 1) * size + first * n;
            const float* later = t < steps - 1 ? now + size : after ? after + first * n : nullptr;
            auto finish = [&](long b, long i, long some, Vec sum) {
                if (some <= 0) return;
                const long at = b * n + i;
                Vec x = (load_some(now + at, some) + sum) * slope<PHI>(load_some(rate + at, some));
                if (later) x += leak * load_some(later + at, some);
                store_some(now + at, x, some);
            };
            if (later) product(later, block, n, panels, finish);
            else
                for (long b = 0; b < block; ++b)
                    for (long i = 0; i < n; i += VL) finish(b, i, n - i, Vec{});
        }
    }
}

extern "C" {

// Floats that the packed connectivity of n units takes.
long rnnbench_panels(long n) { return (n + NR - 1) / NR * NR * n; }

int rnnbench_vector() { return VL; }

// w [n, n]; start [trial, n]: the first state; h [step, trial, n]: currents in, states out; r [1 + step, trial, n]: out;
// panels: room for the packed connectivity.
void rnnbench_forward(const float* w, const float* start, float* h, float* r, long steps, long trials, long n, float dt,
                      int which, float* panels) {
    if (which == TANH) forward<TANH>(w, start, h, r, steps, trials, n, dt, panels);
    else if (which == RELU) forward<RELU>(w, start, h, r, steps, trials, n, dt, panels);
    else forward<IDENTITY>(w, start, h, r, steps, trials, n, dt, panels);
}

// e [step, trial, n]: errors from the readout in, adjoints out; r [1 + step, trial, n] as forward left it;
// after [trial, n]: the adjoint of the step that follows the last one, or null where nothing follows.
void rnnbench_backward(const float* w, float* e, const float* r, const float* after, long steps, long trials, long n,
                       float dt, int which, float* panels) {
    if (which == TANH) backward<TANH>(w, e, r, after, steps, trials, n, dt, panels);
    else if (which == RELU) backward<RELU>(w, e, r, after, steps, trials, n, dt, panels);
    else backward<IDENTITY>(w, e, r, after, steps, trials, n, dt, panels);
}
}
