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

/* State after EF_CRC32C_START and `size` bytes at `data`, where the 8 bytes before `data` can be
 * read too. Free of branches but for the word loop: the bytes that do not fill a word come first,
 * moved to the top of a word behind zero bytes, which leave a zero state as it is. The start value
 * is an exclusive or onto the first four bytes; what of it lies behind them is added after. */
static inline uint32_t ef_crc32c_cpu_behind(const uint8_t *data, size_t size)
{
    unsigned odd_bits = (unsigned)(size & 7) * 8;
    uint64_t mask = (~UINT64_C(0) << 1) << (63 - odd_bits);
    uint64_t start = ((uint64_t)EF_CRC32C_START << 1) << (63 - odd_bits);
    uint64_t odd = (ef_load64(data + (size & 7) - 8) & mask) ^ start;
    uint64_t state = ef_crc32c_cpu_u64(0, odd) ^ ((uint64_t)EF_CRC32C_START >> odd_bits);
    const uint8_t *end = data + size;

    for (const uint8_t *p = data + (size & 7); p < end; p += 8)
        state = ef_crc32c_cpu_u64(state, ef_load64(p));
    return (uint32_t)state;
}

#endif

#endif
