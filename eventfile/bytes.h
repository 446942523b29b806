/* eventfile/bytes.h: little-endian numbers in byte arrays, at any alignment. Private.
 * Thread: any. */
#ifndef EVENTFILE_BYTES_H
#define EVENTFILE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t ef_load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static inline uint32_t ef_load32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static inline void ef_store64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

static inline void ef_store32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
}

#endif
