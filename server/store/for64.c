#include "store/for64.h"

#include <string.h>

#include "base/check.h"
#include "store/simd.h"

static inline uint64_t load(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline void keep(uint8_t *p, uint64_t word)
{
    memcpy(p, &word, sizeof word);
}

/* Eight values in `w` bytes; every position is a constant once `w` is. */
#define PUT(i)                                                                                     \
    do {                                                                                           \
        word |= z[i] << ((i) * w % 64);                                                            \
        if (((i) + 1) * w / 64 > (i) * w / 64) {                                                   \
            keep(out + (i) * w / 64 * 8, word);                                                    \
            word = (i) * w % 64 ? z[i] >> 1 >> (63 - (i) * w % 64) : 0;                            \
        }                                                                                          \
    } while (0)

static inline __attribute__((always_inline)) void pack8(const uint64_t *z, uint8_t *out,
                                                        const uint32_t w)
{
    uint64_t word = 0;

    PUT(0);
    PUT(1);
    PUT(2);
    PUT(3);
    PUT(4);
    PUT(5);
    PUT(6);
    PUT(7);
    if (8 * w % 64)
        keep(out + 8 * w / 64 * 8, word);
}

static inline __attribute__((always_inline)) uint64_t take(const uint8_t *in, uint32_t i,
                                                           const uint32_t w)
{
    uint32_t at = i * w / 8, bit = i * w % 8;
    uint64_t value = load(in + at) >> bit;

    if (bit + w > 64)
        value |= (uint64_t)in[at + 8] << (64 - bit);
    return w == 64 ? value : value & ((UINT64_C(1) << (w & 63)) - 1);
}

static inline __attribute__((always_inline)) void unpack8(const uint8_t *in, uint64_t *z,
                                                          const uint32_t w)
{
    z[0] = take(in, 0, w);
    z[1] = take(in, 1, w);
    z[2] = take(in, 2, w);
    z[3] = take(in, 3, w);
    z[4] = take(in, 4, w);
    z[5] = take(in, 5, w);
    z[6] = take(in, 6, w);
    z[7] = take(in, 7, w);
}

#define WIDTHS8(X, a) X(a) X(a + 1) X(a + 2) X(a + 3) X(a + 4) X(a + 5) X(a + 6) X(a + 7)
#define WIDTHS(X)                                                                                  \
    WIDTHS8(X, 1)                                                                                  \
    WIDTHS8(X, 9)                                                                                  \
    WIDTHS8(X, 17)                                                                                 \
    WIDTHS8(X, 25)                                                                                 \
    WIDTHS8(X, 33)                                                                                 \
    WIDTHS8(X, 41)                                                                                 \
    WIDTHS8(X, 49)                                                                                 \
    WIDTHS8(X, 57)

static void pack(const uint64_t *z, size_t groups, uint32_t width, uint8_t *out)
{
    switch (width) {
#define PACK(w)                                                                                    \
    case w:                                                                                        \
        for (size_t g = 0; g < groups; g++)                                                        \
            pack8(z + 8 * g, out + g * (w), w);                                                    \
        break;
        WIDTHS(PACK)
    default:
        break;
    }
}

static void unpack(const uint8_t *in, size_t groups, uint32_t width, uint64_t *z)
{
    switch (width) {
#define UNPACK(w)                                                                                  \
    case w:                                                                                        \
        for (size_t g = 0; g < groups; g++)                                                        \
            unpack8(in + g * (w), z + 8 * g, w);                                                   \
        break;
        WIDTHS(UNPACK)
    default:
        memset(z, 0, groups * 8 * sizeof *z);
        break;
    }
}

static inline uint64_t zigzag(uint64_t x, uint32_t shift)
{
    uint64_t negative = 0u - (x >> 63);
    return (x ^ negative) >> shift << 1 | (negative & 1);
}

/* Bits that any of the differences has, and of the differences of differences: as they are, and
 * without copies of the sign. */
struct bits_used {
    uint64_t any1, wide1, any2, wide2;
};

static inline uint64_t unsign(uint64_t x)
{
    return x ^ (uint64_t)((int64_t)x >> 63);
}

static inline __attribute__((always_inline)) void look_body(const uint64_t *slots,
                                                            struct bits_used *ret)
{
    struct bits_used u = {0};

    for (size_t i = 0; i < FOR64_BLOCK; i++) {
        uint64_t d = slots[i + 2] - slots[i + 1];
        uint64_t dd = d - (slots[i + 1] - slots[i]);
        u.any1 |= d;
        u.wide1 |= unsign(d);
        u.any2 |= dd;
        u.wide2 |= unsign(dd);
    }
    *ret = u;
}

static inline __attribute__((always_inline)) void fold_body(const uint64_t *slots, bool twice,
                                                            uint32_t shift, uint64_t *z)
{
    if (twice) {
        for (size_t i = 0; i < FOR64_BLOCK; i++)
            z[i] = zigzag(slots[i + 2] - 2 * slots[i + 1] + slots[i], shift);
    } else {
        for (size_t i = 0; i < FOR64_BLOCK; i++)
            z[i] = zigzag(slots[i + 2] - slots[i + 1], shift);
    }
}

SIMD_VARIANTS(look, (const uint64_t *slots, struct bits_used *ret), (slots, ret))
SIMD_VARIANTS(fold, (const uint64_t *slots, bool twice, uint32_t shift, uint64_t *z),
              (slots, twice, shift, z))

static struct for64_desc describe(uint64_t any, uint64_t wide)
{
    struct for64_desc desc = {0};

    if (any) {
        desc.shift = (uint8_t)__builtin_ctzll(any);
        /* Zig-zag puts the sign below them. */
        desc.width = (uint8_t)(64 - __builtin_clzll(wide << 1 | 1) - desc.shift);
    }
    return desc;
}

struct for64_desc for64_encode(uint64_t slots[FOR64_SLOTS], size_t count, uint8_t *out)
{
    uint64_t z[FOR64_BLOCK];
    struct bits_used used;

    DCHECK(count > 0 && count <= FOR64_BLOCK);
    /* Filling up with the same slope costs no bits in either form that matters: the values
     * behind `count` are not written, they only must not widen the block. */
    uint64_t slope = slots[count + 1] - slots[count];
    for (size_t i = count; i < FOR64_BLOCK; i++)
        slots[i + 2] = slots[i + 1] + slope;
    look(slots, &used);

    struct for64_desc once = describe(used.any1, used.wide1);
    struct for64_desc twice = describe(used.any2, used.wide2);
    bool second = twice.width < once.width;
    struct for64_desc desc = second ? twice : once;
    if (desc.width == 0)
        return (struct for64_desc){.width = second ? FOR64_DOUBLE : 0};
    fold(slots, second, desc.shift, z);
    pack(z, (count + 7) / 8, desc.width, out);
    desc.width |= second ? FOR64_DOUBLE : 0;
    return desc;
}

void for64_decode(struct for64_desc desc, const uint8_t *in, size_t count,
                  uint64_t slots[FOR64_SLOTS])
{
    uint64_t z[FOR64_BLOCK];
    uint64_t last = slots[1], slope = last - slots[0];
    uint32_t shift = desc.shift;

    DCHECK(for64_valid(desc) && count <= FOR64_BLOCK);
    unpack(in, (count + 7) / 8, for64_width(desc), z);
    for (size_t i = 0; i < count; i++)
        z[i] = (z[i] >> 1 ^ (0u - (z[i] & 1))) << shift;
    if (desc.width & FOR64_DOUBLE) {
        for (size_t i = 0; i < count; i++) {
            slope += z[i];
            last += slope;
            slots[i + 2] = last;
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            last += z[i];
            slots[i + 2] = last;
        }
    }
}
