#include "chunk_make.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct chunk *chunk_make(enum value_kind kind, const int64_t *step, const double *wall,
                         const uint64_t *bits, size_t count)
{
    struct block *head = NULL, **at = &head;
    struct chunk_payload payload = {{0}};
    struct history history;
    struct tally tally;
    size_t n_blocks = 0;

    CHECK(count > 0 && count <= LIMIT_CHUNK_POINTS);
    history_start(&history, kind, step[0], wall[0], bits[0]);
    tally_init(&tally, kind);
    for (size_t i = 0; i < count; i += FOR64_BLOCK, n_blocks++) {
        size_t n = count - i < FOR64_BLOCK ? count - i : FOR64_BLOCK;
        struct columns columns = {0};
        struct block *block = aligned_alloc(8, (BLOCK_MAX + 7) & ~(size_t)7);
        CHECK(block);
        memcpy(columns.step + FOR64_HISTORY, step + i, n * sizeof *step);
        memcpy(columns.wall + FOR64_HISTORY, wall + i, n * sizeof *wall);
        memcpy(columns.bits + FOR64_HISTORY, bits + i, n * sizeof *bits);
        block_encode(&columns, n, kind, &history, block);
        tally_add(&tally, columns.step + FOR64_HISTORY, columns.wall + FOR64_HISTORY,
                  columns.bits + FOR64_HISTORY, n);
        chunk_count(&payload, block);
        *at = block;
        at = &block->next;
    }
    struct chunk *chunk = malloc(chunk_size(&payload, n_blocks));
    CHECK(chunk);
    chunk_seal(head, n_blocks, &payload, &tally, chunk);
    for (struct block *b = head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    return chunk;
}

static uint64_t step_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t odd_bits(uint64_t *state, enum value_kind kind)
{
    static const uint64_t f32[] = {0x7fc00000, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000,
                                   0x80000000, 0,          1,          0x80000001, 0x7f7fffff};
    static const uint64_t f64[] = {UINT64_C(0x7ff8) << 48, UINT64_C(0xfff0000000000001),
                                   UINT64_C(0x7ff) << 52,  UINT64_C(0xfff) << 52,
                                   UINT64_C(1) << 63,      0,
                                   1,                      UINT64_C(0x8000000000000001)};
    uint64_t r = step_random(state);

    if (kind == VALUE_F32)
        return f32[r % (sizeof f32 / sizeof *f32)];
    if (kind == VALUE_F64)
        return f64[r % (sizeof f64 / sizeof *f64)];
    return r & 1 ? UINT64_C(1) << 63 : UINT64_MAX;
}

static uint64_t plain_bits(uint64_t *state, enum value_kind kind, size_t i)
{
    double value = sin((double)i / 50) + (double)(step_random(state) >> 40) * 0x1p-28;
    float single = (float)value;
    uint32_t low;
    uint64_t bits;

    switch (kind) {
    case VALUE_F32:
        memcpy(&low, &single, sizeof low);
        return low;
    case VALUE_F64:
        memcpy(&bits, &value, sizeof bits);
        return bits;
    case VALUE_BOOL:
        return step_random(state) >> 63;
    case VALUE_U8:
    case VALUE_U16:
    case VALUE_U32:
        return step_random(state) & 0xff;
    default:
        return (uint64_t)(int64_t)(value * 100);
    }
}

void chunk_make_points(uint64_t seed, enum value_kind kind, int64_t *step, double *wall,
                       uint64_t *bits, size_t count)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    bool wide = kind == VALUE_F32 || kind == VALUE_F64 || kind == VALUE_I64 || kind == VALUE_U64;
    bool odd = seed % 3 == 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t r = step_random(&state);
        step[i] = (int64_t)i * 10;
        wall[i] = 1.7e9 + (double)i / 2 + (double)(r & 1023) * 0x1p-14;
        bits[i] = odd && wide && r % 7 == 0 ? odd_bits(&state, kind) : plain_bits(&state, kind, i);
        if (odd && r % 97 == 0)
            step[i] = r & 128 ? INT64_MIN : INT64_MAX;
        if (odd && r % 89 == 0)
            wall[i] = r & 128 ? NAN : -INFINITY;
    }
}
