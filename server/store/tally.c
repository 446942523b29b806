#include "store/tally.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "store/scalar.h"
#include "store/simd.h"

#define LANES 8 /* independent sums and extremes that a vector unit can hold */

void tally_init(struct tally *tally, enum value_kind kind)
{
    *tally = (struct tally){
        .kind = (uint8_t)kind,
        .flags = TALLY_ASCENDS_STEP | TALLY_ASCENDS_WALL | TALLY_WALL_FINITE,
        .min_step = INT64_MAX,
        .max_step = INT64_MIN,
        .min_wall = INFINITY,
        .max_wall = -INFINITY,
    };
}

/* ---- order and extent of x ------------------------------------------------------------ */

struct extent {
    int64_t min_step, max_step;
    double min_wall, max_wall;
    bool steps_fall, steps_equal, walls_rise, walls_finite;
};

static inline __attribute__((always_inline)) void extent_body(const int64_t *step,
                                                              const double *wall, size_t count,
                                                              struct extent *ret)
{
    int64_t min = step[0], max = step[0];
    double min_wall = INFINITY, max_wall = -INFINITY;
    uint64_t falls = 0, equals = 0, not_rising = 0, not_finite = 0;

    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        min = step[i] < min ? step[i] : min;
        max = step[i] > max ? step[i] : max;
        falls |= (uint64_t)(step[i] < step[i - 1]);
        equals |= (uint64_t)(step[i] == step[i - 1]);
    }
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        double w = wall[i];
        not_rising |= (uint64_t)!(w > wall[i - 1]);
        not_finite |= (uint64_t)!(w - w == 0);
        min_wall = w < min_wall ? w : min_wall;
        max_wall = w > max_wall ? w : max_wall;
    }
    *ret = (struct extent){min,         max,         min_wall,         max_wall,
                           falls != 0, equals != 0, not_rising == 0, not_finite == 0};
}

SIMD_VARIANTS(extent, (const int64_t *step, const double *wall, size_t count, struct extent *ret),
              (step, wall, count, ret))

static bool ascends_step(const int64_t *step, const double *wall, size_t count)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        if (step[i] < step[i - 1] ||
            (step[i] == step[i - 1] && scalar_compare_x(wall[i], wall[i - 1]) < 0))
            return false;
    }
    return true;
}

static bool ascends_wall(const int64_t *step, const double *wall, size_t count)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        int order = scalar_compare_x(wall[i], wall[i - 1]);
        if (order < 0 || (order == 0 && step[i] < step[i - 1]))
            return false;
    }
    return true;
}

static void add_extent(struct tally *t, const int64_t *step, const double *wall, size_t count)
{
    struct extent e;

    extent(step, wall, count, &e);
    if (!e.walls_finite) {
        t->flags &= (uint8_t)~TALLY_WALL_FINITE;
        e.min_wall = INFINITY;
        e.max_wall = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            if (isfinite(wall[i])) {
                e.min_wall = MIN(e.min_wall, wall[i]);
                e.max_wall = MAX(e.max_wall, wall[i]);
            }
        }
    }
    if (e.steps_fall)
        t->flags &= (uint8_t)~TALLY_ASCENDS_STEP;
    else if (e.steps_equal && (t->flags & TALLY_ASCENDS_STEP) && !ascends_step(step, wall, count))
        t->flags &= (uint8_t)~TALLY_ASCENDS_STEP;
    if (!e.walls_rise && (t->flags & TALLY_ASCENDS_WALL) && !ascends_wall(step, wall, count))
        t->flags &= (uint8_t)~TALLY_ASCENDS_WALL;
    t->min_step = MIN(t->min_step, e.min_step);
    t->max_step = MAX(t->max_step, e.max_step);
    t->min_wall = MIN(t->min_wall, e.min_wall);
    t->max_wall = MAX(t->max_wall, e.max_wall);
}

/* ---- values ---------------------------------------------------------------------------- */

struct value_sums {
    int64_t min, max; /* keys of finite values; min > max: none */
    size_t finite;
    double sum;
};

static inline __attribute__((always_inline)) void floats_body(const uint64_t *bits, size_t count,
                                                              struct value_sums *ret)
{
    int32_t min[LANES], max[LANES];
    uint32_t finite[LANES] = {0};
    double sum[LANES] = {0};
    size_t whole = count & ~(size_t)(LANES - 1);

    for (int l = 0; l < LANES; l++) {
        min[l] = INT32_MAX;
        max[l] = INT32_MIN;
    }
    for (size_t i = 0; i < count; i += LANES) {
        uint32_t x[LANES];
        float f[LANES];
        for (size_t l = 0; l < LANES; l++)
            x[l] = i < whole || i + l < count ? (uint32_t)bits[i + l] : 0x7fc00000u;
        memcpy(f, x, sizeof f);
        for (int l = 0; l < LANES; l++) {
            int32_t ok = -(int32_t)((x[l] & 0x7f800000u) != 0x7f800000u);
            int32_t sign = (int32_t)x[l] >> 31;
            int32_t key = (int32_t)(((x[l] & 0x7fffffffu) ^ (uint32_t)sign) - (uint32_t)sign);
            int32_t low = ok ? key : INT32_MAX, high = ok ? key : INT32_MIN;
            min[l] = low < min[l] ? low : min[l];
            max[l] = high > max[l] ? high : max[l];
            finite[l] -= (uint32_t)ok;
            sum[l] += ok ? (double)f[l] : 0.0;
        }
    }
    *ret = (struct value_sums){.min = INT64_MAX, .max = INT64_MIN};
    for (int l = 0; l < LANES; l++) {
        ret->finite += finite[l];
        if (finite[l] > 0) {
            ret->min = min[l] < ret->min ? min[l] : ret->min;
            ret->max = max[l] > ret->max ? max[l] : ret->max;
        }
    }
    ret->sum = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

SIMD_VARIANTS(floats, (const uint64_t *bits, size_t count, struct value_sums *ret),
              (bits, count, ret))

static void numbers(enum value_kind kind, const uint64_t *bits, size_t count,
                    struct value_sums *ret)
{
    struct value_sums s = {.min = INT64_MAX, .max = INT64_MIN};
    double sum[4] = {0};

    for (size_t i = 0; i < count; i++) {
        if (!scalar_is_finite(kind, bits[i]))
            continue;
        int64_t key = scalar_key(kind, bits[i]);
        s.min = MIN(s.min, key);
        s.max = MAX(s.max, key);
        s.finite++;
        sum[i & 3] += scalar_double(kind, bits[i]);
    }
    s.sum = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    *ret = s;
}

/* Index of the first finite value with this key; there is one. */
static size_t find_key(enum value_kind kind, const uint64_t *bits, size_t count, int64_t key)
{
    for (size_t i = 0; i < count; i++) {
        if (scalar_key(kind, bits[i]) == key && scalar_is_finite(kind, bits[i]))
            return i;
    }
    CHECK(false);
    return 0;
}

static void count_strange(struct tally *t, enum value_kind kind, const uint64_t *bits,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (scalar_is_finite(kind, bits[i]))
            continue;
        if (scalar_is_nan(kind, bits[i]))
            t->nan++;
        else if (scalar_key(kind, bits[i]) > 0)
            t->pinf++;
        else
            t->ninf++;
    }
}

static void add_values(struct tally *t, const int64_t *step, const double *wall,
                       const uint64_t *bits, size_t count)
{
    enum value_kind kind = t->kind;
    struct value_sums s;
    bool none = tally_finite(t) == 0;

    if (kind == VALUE_F32)
        floats(bits, count, &s);
    else
        numbers(kind, bits, count, &s);
    if (s.finite < count)
        count_strange(t, kind, bits, count);
    if (s.finite == 0)
        return;
    t->sum += s.sum;
    if (none || s.min < scalar_key(kind, t->min_bits)) {
        size_t i = find_key(kind, bits, count, s.min);
        t->min_bits = bits[i];
        t->argmin = step[i];
        t->wall_min = wall[i];
    }
    if (none || s.max > scalar_key(kind, t->max_bits)) {
        size_t i = find_key(kind, bits, count, s.max);
        t->max_bits = bits[i];
        t->argmax = step[i];
        t->wall_max = wall[i];
    }
}

void tally_add(struct tally *tally, const int64_t *step, const double *wall, const uint64_t *bits,
               size_t count)
{
    DCHECK(count > 0 && count <= UINT32_MAX - tally->count);
    if (tally->count == 0) {
        tally->first_step = step[0];
        tally->first_wall = wall[0];
        tally->first_bits = bits[0];
    }
    add_extent(tally, step, wall, count);
    add_values(tally, step, wall, bits, count);
    tally->count += (uint32_t)count;
    tally->last_step = step[count - 1];
    tally->last_wall = wall[count - 1];
    tally->last_bits = bits[count - 1];
}
