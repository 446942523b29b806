/* eventfile/crc32c.h: CRC-32C (Castagnoli), plain and masked as TFRecord stores it.
 *
 * Reflected polynomial 0x82F63B78, initial value and final xor 0xFFFFFFFF (RFC 3720, B.4).
 * The implementation is chosen once at run time: SSE4.2 or ARMv8 instructions for short input,
 * ISA-L for long input where it was built in, tables elsewhere. Thread: any. */
#ifndef EVENTFILE_CRC32C_H
#define EVENTFILE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#include <eventfile/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CRC of `size` bytes. Continue over several pieces: crc = ef_crc32c_extend(crc, piece, size),
 * starting with 0. */
EF_API uint32_t ef_crc32c(const void *data, size_t size);
EF_API uint32_t ef_crc32c_extend(uint32_t crc, const void *data, size_t size);

/* TFRecord's mask: rotate right by 15 and add 0xA282EAD8 (modulo 2^32). */
static inline uint32_t ef_crc32c_mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + UINT32_C(0xA282EAD8);
}

static inline uint32_t ef_crc32c_unmask(uint32_t masked)
{
    uint32_t rotated = masked - UINT32_C(0xA282EAD8);
    return (rotated >> 17) | (rotated << 15);
}

/* Name of the implementation in use for short input: "sse4.2", "armv8" or "table". */
EF_API const char *ef_crc32c_implementation(void);

#ifdef __cplusplus
}
#endif

#endif
