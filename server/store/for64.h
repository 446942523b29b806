/* for64.h: the integer codec of chunks: 64 values a block, as bits that a delta needs.
 *
 *   values ─► difference to the last, or difference of differences ─► common zero bits at the
 *   end removed ─► zig-zag ─► all with the width of the widest, 8 values in `width` bytes
 *
 * A block knows the two values before it (history), so it can be decoded only after its
 * predecessors. All arithmetic is modulo 2^64, so any 64-bit pattern survives. Writing and reading
 * may touch up to 7 bytes behind the payload: buffers have FOR64_SLACK spare bytes. The format is
 * described in docs/formats/chunk.md. No state; any thread. */
#ifndef TB_STORE_FOR64_H
#define TB_STORE_FOR64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOR64_BLOCK 64
#define FOR64_HISTORY 2
#define FOR64_SLOTS (FOR64_BLOCK + FOR64_HISTORY)
#define FOR64_SLACK 8
#define FOR64_MAX_PAYLOAD (FOR64_BLOCK * 8)

/* How one column of one block is written; two bytes, also on disk. */
struct for64_desc {
    uint8_t width; /* 0..64; bit 7: differences of differences */
    uint8_t shift; /* 0..63: zero bits removed */
};

#define FOR64_DOUBLE 0x80

static inline uint32_t for64_width(struct for64_desc desc)
{
    return desc.width & 0x7f;
}

/* Bytes of payload for `count` values. */
static inline size_t for64_payload(struct for64_desc desc, size_t count)
{
    return (count + 7) / 8 * for64_width(desc);
}

/* False for bytes that no encoder writes. */
static inline bool for64_valid(struct for64_desc desc)
{
    return for64_width(desc) <= 64 && desc.shift < 64;
}

/* Encodes slots[2 .. 2+count) after the history slots[0], slots[1]; count is 1..64. `out` has
 * room for FOR64_MAX_PAYLOAD + FOR64_SLACK. Slots behind `count` are overwritten. */
struct for64_desc for64_encode(uint64_t slots[FOR64_SLOTS], size_t count, uint8_t *out);

/* Decodes into slots[2 .. 2+count); history as above. `in` is readable for the payload and
 * FOR64_SLACK bytes more. Up to slots[66) may be written. */
void for64_decode(struct for64_desc desc, const uint8_t *in, size_t count,
                  uint64_t slots[FOR64_SLOTS]);

#endif
