/* eventfile/crc32c_cpu.h: the processor's CRC-32C instruction, inline. Private.
 *
 * For loops over many short inputs, where a call for each one would cost more than its CRC. The
 * instruction stands in an asm statement, not in an intrinsic, so that these functions can be
 * inlined anywhere without a target attribute. They may run only if ef_crc32c_has_cpu() said so:
 * ask once per batch and keep both ways in separate functions.
 *
 * "State" is the CRC register before the final inversion; it starts with EF_CRC32C_START.
 * Thread: any. */
#ifndef EVENTFILE_CRC32C_CPU_H
#define EVENTFILE_CRC32C_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eventfile/bytes.h"

#define EF_CRC32C_START UINT32_C(0xFFFFFFFF)
#define EF_CRC32C_LONG_BYTES 1024 /* from here on ef_crc32c_update() beats the serial loop */

/* Does this processor have the instruction? */
bool ef_crc32c_has_cpu(void);
/* Any size, the fastest way there is. */
uint32_t ef_crc32c_update(uint32_t state, const uint8_t *data, size_t size);
/* The way without any instruction, eight tables of 256. */
uint32_t ef_crc32c_table_update(uint32_t state, const uint8_t *data, size_t size);

#if defined(__x86_64__)
#define EF_CRC32C_CPU_NAME "sse4.2"

static inline uint64_t ef_crc32c_cpu_u64(uint64_t state, uint64_t word)
{
    __asm__("crc32q %1, %0" : "+r"(state) : "r"(word));
    return state;
}

/* The same with eight bytes in memory; alignment does not matter. */
static inline uint64_t ef_crc32c_cpu_load(uint64_t state, const uint8_t *data)
{
    __asm__("crc32q %1, %0" : "+r"(state) : "m"(*(const uint8_t(*)[8])data));
    return state;
}

static inline uint32_t ef_crc32c_cpu_u8(uint32_t state, uint8_t byte)
{
    __asm__("crc32b %1, %0" : "+r"(state) : "r"(byte));
    return state;
}

#elif defined(__aarch64__) && defined(__ORDER_LITTLE_ENDIAN__) &&                                  \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define EF_CRC32C_CPU_NAME "armv8"

static inline uint64_t ef_crc32c_cpu_u64(uint64_t state, uint64_t word)
{
    uint32_t out;
    __asm__(".arch_extension crc\n\tcrc32cx %w0, %w1, %2"
            : "=r"(out)
            : "r"((uint32_t)state), "r"(word));
    return out;
}

static inline uint64_t ef_crc32c_cpu_load(uint64_t state, const uint8_t *data)
{
    return ef_crc32c_cpu_u64(state, ef_load64(data));
}

static inline uint32_t ef_crc32c_cpu_u8(uint32_t state, uint8_t byte)
{
    uint32_t out;
    __asm__(".arch_extension crc\n\tcrc32cb %w0, %w1, %w2"
            : "=r"(out)
            : "r"(state), "r"((uint32_t)byte));
    return out;
}

#endif

#ifdef EF_CRC32C_CPU_NAME

/* By size modulo 8, for the odd bytes at the front of a payload: what of the word that ends with
 * them counts, and the start value, an exclusive or onto the first four bytes: the part that meets
 * the odd bytes, and the part that falls behind them. */
struct ef_crc32c_odd {
    uint64_t mask[8], start[8], behind[8];
};
extern const struct ef_crc32c_odd ef_crc32c_odd;

/* State after EF_CRC32C_START and `size` bytes at `data`, where the 8 bytes before `data` can be
 * read too. The bytes that do not fill a word come first, at the top of a word behind zero bytes,
 * which leave a zero state as it is. Branches depend on the number of words alone, which records of
 * one kind have in common. */
static inline uint32_t ef_crc32c_cpu_behind(const uint8_t *data, size_t size)
{
    size_t odd = size & 7;
    const uint8_t *p = data + odd, *end = data + size;
    uint64_t head = (ef_load64(p - 8) & ef_crc32c_odd.mask[odd]) ^ ef_crc32c_odd.start[odd];
    uint64_t state = ef_crc32c_cpu_u64(0, head) ^ ef_crc32c_odd.behind[odd];

    for (; end - p >= 32; p += 32) {
        state = ef_crc32c_cpu_load(state, p);
        state = ef_crc32c_cpu_load(state, p + 8);
        state = ef_crc32c_cpu_load(state, p + 16);
        state = ef_crc32c_cpu_load(state, p + 24);
    }
    if (size & 16) {
        state = ef_crc32c_cpu_load(state, p);
        state = ef_crc32c_cpu_load(state, p + 8);
        p += 16;
    }
    if (size & 8)
        state = ef_crc32c_cpu_load(state, p);
    return (uint32_t)state;
}

#endif

#endif
