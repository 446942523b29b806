#include "store/answer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "store/scalar.h"

void answer_done(struct answer *answer)
{
    free(answer->memory);
    *answer = (struct answer){0};
}

/* How values of these kinds are told: one kind for all, or 0: each has its own. */
struct kind_mix {
    unsigned kinds;    /* bit per kind */
    bool fit_double;
};

static void mix_add(struct kind_mix *mix, enum value_kind kind, uint64_t bits)
{
    mix->kinds |= 1u << kind;
    mix->fit_double = mix->fit_double && scalar_fits_double(kind, bits);
}

static enum value_kind mix_kind(const struct kind_mix *mix)
{
    if (mix->kinds == 0)
        return VALUE_F64;
    if ((mix->kinds & (mix->kinds - 1)) == 0)
        return (enum value_kind)__builtin_ctz(mix->kinds);
    return mix->fit_double ? VALUE_F64 : 0;
}

static uint64_t as_double(enum value_kind kind, uint64_t bits)
{
    return kind == VALUE_F64 ? bits : scalar_f64_bits(scalar_double(kind, bits));
}

/* Columns cut one behind another from one allocation. */
struct cutter {
    uint8_t *next;
};

static void *cut(struct cutter *cutter, size_t count, size_t item)
{
    void *column = cutter->next;

    cutter->next += (count * item + 7) & ~(size_t)7;
    return column;
}

/* ---- points ------------------------------------------------------------------------------ */

static bool same_attempts(const uint32_t *attempts, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (attempts[i] != attempts[0])
            return false;
    }
    return true;
}

void answer_points(struct answer *ret, struct gather *g)
{
    struct kind_mix mix = {.fit_double = true};
    size_t count = g->count;

    for (size_t i = 0; i < count; i++) {
        if (mix.kinds != 1u << g->kind[i] || i == 0)
            mix_add(&mix, g->kind[i], g->bits[i]);
    }
    if ((mix.kinds & (mix.kinds - 1)) != 0) { /* the short cut above missed some */
        for (size_t i = 0; i < count; i++)
            mix_add(&mix, g->kind[i], g->bits[i]);
    }
    *ret = (struct answer){.count = count, .kind = mix_kind(&mix), .memory = g->step};
    ret->step = g->step;
    ret->wall = g->wall;
    ret->bits = g->bits;
    if (!same_attempts(g->attempt, count))
        ret->attempts = g->attempt;
    else
        ret->attempt = count > 0 ? g->attempt[0] : 0;
    if (ret->kind == 0) {
        ret->kinds = g->kind;
        ret->kind = VALUE_F64;
    } else {
        for (size_t i = 0; i < count; i++)
            if (g->kind[i] != (uint8_t)ret->kind)
                ret->bits[i] = as_double(g->kind[i], g->bits[i]);
    }
    *g = (struct gather){0};
}

/* ---- buckets ----------------------------------------------------------------------------- */

static void layout_buckets(struct answer *ret, struct cutter *c, bool mixed, bool kinds)
{
    size_t n = ret->count;

    ret->step = cut(c, n, 8);
    ret->wall = cut(c, n, 8);
    ret->bits = cut(c, n, 8);
    ret->last = cut(c, n, 8);
    ret->min = cut(c, n, 8);
    ret->max = cut(c, n, 8);
    ret->mean = cut(c, n, 8);
    ret->n = cut(c, n, 4);
    ret->nan = cut(c, n, 4);
    ret->inf = cut(c, n, 4);
    ret->argmin = cut(c, n, 8);
    ret->argmax = cut(c, n, 8);
    ret->step_last = cut(c, n, 8);
    ret->wall_last = cut(c, n, 8);
    ret->wall_min = cut(c, n, 8);
    ret->wall_max = cut(c, n, 8);
    if (mixed)
        ret->attempts = cut(c, n, 4);
    if (kinds)
        ret->kinds = cut(c, n, 1);
}

#define BUCKET_BYTES (13 * 8 + 4 * 4 + 1)
#define BUCKET_PAD (18 * 8)

static uint64_t nan_bits(enum value_kind kind)
{
    return kind == VALUE_F32 ? 0x7fc00000u : UINT64_C(0x7ff8) << 48;
}

static void fill_bucket(struct answer *ret, size_t i, const struct bucket *b)
{
    struct kind_mix mix = {.fit_double = true};
    bool finite = b->finite > 0;
    enum value_kind kind = ret->kind;

    CHECK(ret->inf); /* the columns are there together or not at all */
    mix_add(&mix, b->first_kind, b->first);
    mix_add(&mix, b->last_kind, b->last);
    if (finite) {
        mix_add(&mix, b->min_kind, b->min);
        mix_add(&mix, b->max_kind, b->max);
    }
    if (ret->kinds) /* kinds mixed within one bucket: the nearest double must do */
        ret->kinds[i] = (uint8_t)(kind = mix_kind(&mix) ? mix_kind(&mix) : VALUE_F64);
#define AS(k, bits) ((k) == (uint8_t)kind ? (bits) : as_double(k, bits))
    ret->step[i] = b->step_first;
    ret->wall[i] = b->wall_first;
    ret->bits[i] = AS(b->first_kind, b->first);
    ret->last[i] = AS(b->last_kind, b->last);
    ret->min[i] = finite ? AS(b->min_kind, b->min) : nan_bits(kind);
    ret->max[i] = finite ? AS(b->max_kind, b->max) : nan_bits(kind);
#undef AS
    ret->mean[i] = finite ? b->sum / (double)b->finite : NAN;
    ret->n[i] = (uint32_t)b->n;
    ret->nan[i] = (uint32_t)b->nan;
    ret->inf[i] = (uint32_t)b->inf;
    ret->argmin[i] = finite ? b->argmin : b->step_first;
    ret->argmax[i] = finite ? b->argmax : b->step_first;
    ret->step_last[i] = b->step_last;
    ret->wall_last[i] = b->wall_last;
    ret->wall_min[i] = finite ? b->wall_min : b->wall_first;
    ret->wall_max[i] = finite ? b->wall_max : b->wall_first;
    if (ret->attempts)
        ret->attempts[i] = b->attempt;
}

int answer_buckets(struct answer *ret, const struct bucket *buckets, size_t count)
{
    struct kind_mix mix = {.fit_double = true};
    size_t full = 0;
    uint32_t attempt = 0;
    bool mixed = false;

    for (size_t i = 0; i < count; i++) {
        const struct bucket *b = &buckets[i];
        if (b->n == 0)
            continue;
        CHECK(b->n <= UINT32_MAX);
        mixed = mixed || b->attempt == 0 || (full > 0 && b->attempt != attempt);
        attempt = b->attempt;
        full++;
        mix_add(&mix, b->first_kind, b->first);
        mix_add(&mix, b->last_kind, b->last);
        if (b->finite > 0) {
            mix_add(&mix, b->min_kind, b->min);
            mix_add(&mix, b->max_kind, b->max);
        }
    }
    enum value_kind kind = mix_kind(&mix);
    *ret = (struct answer){.buckets = true,
                           .count = full,
                           .kind = kind ? kind : VALUE_F64,
                           .attempt = mixed ? 0 : attempt};
    ret->memory = malloc(full * BUCKET_BYTES + BUCKET_PAD);
    if (!ret->memory)
        return -ENOMEM;
    struct cutter cutter = {ret->memory};
    layout_buckets(ret, &cutter, mixed, kind == 0);
    for (size_t i = 0, at = 0; i < count; i++) {
        if (buckets[i].n > 0)
            fill_bucket(ret, at++, &buckets[i]);
    }
    return 0;
}
