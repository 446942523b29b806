/* eventfile/scan.c: the record walk, once with the processor's CRC instruction, once without. */
#include "eventfile/scan.h"

#include <eventfile/crc32c.h>

#include "eventfile/crc32c_cpu.h"

/* Bytes from the present record to what is asked for early: a buffer that was just read lies in the
 * far caches, and the walk leaves the processor no time to guess. */
#define SCAN_AHEAD 512

#define scan_likely(x) __builtin_expect(!!(x), 1)
#define scan_inline static inline __attribute__((always_inline))

scan_inline uint32_t scan_header_crc(bool cpu, const uint8_t *header)
{
#ifdef EF_CRC32C_CPU_NAME
    if (cpu)
        return ~(uint32_t)ef_crc32c_cpu_u64(EF_CRC32C_START, ef_load64(header));
#endif
    return ~ef_crc32c_table_update(EF_CRC32C_START, header, 8);
}

scan_inline uint32_t scan_payload_crc(bool cpu, const uint8_t *payload, size_t size)
{
#ifdef EF_CRC32C_CPU_NAME
    if (cpu && scan_likely(size < EF_CRC32C_LONG_BYTES))
        return ~ef_crc32c_cpu_behind(payload, size); /* its header stands before it */
#endif
    if (cpu)
        return ~ef_crc32c_update(EF_CRC32C_START, payload, size);
    return ~ef_crc32c_table_update(EF_CRC32C_START, payload, size);
}

scan_inline void scan_body(bool cpu, const uint8_t *data, size_t size, struct ef_scan *scan)
{
    const uint8_t *p = data, *end = data + size;
    size_t records = 0;

    *scan = (struct ef_scan){0};
    while (scan_likely((size_t)(end - p) >= EF_HEADER_BYTES)) {
        uint64_t length = ef_load64(p);
        uint32_t header_crc = ef_crc32c_mask(scan_header_crc(cpu, p));
        const uint8_t *payload = p + EF_HEADER_BYTES;
        __builtin_prefetch((const void *)((uintptr_t)p + SCAN_AHEAD)); /* may be behind the end */

        if (!scan_likely(header_crc == ef_load32(p + 8))) {
            scan->status = ef_all_zero(p, EF_HEADER_BYTES) ? EF_ERR_ZEROS : EF_ERR_HEADER;
            break;
        }
        if (!scan_likely(length <= EF_RECORD_MAX_BYTES)) {
            scan->status = EF_ERR_LENGTH;
            break;
        }
        bool whole = (size_t)(end - p) >= length + EF_RECORD_OVERHEAD;
        if (!scan_likely(whole && ef_crc32c_mask(scan_payload_crc(cpu, payload, length)) ==
                                      ef_load32(payload + length))) {
            scan->has_payload = true;
            scan->payload = length;
            scan->status = whole ? EF_ERR_PAYLOAD : 0;
            break;
        }
        p += length + EF_RECORD_OVERHEAD;
        records++;
    }
    scan->records = records;
    scan->size = (size_t)(p - data);
}

/* The length limit is asked first: it turns nearly every place down. */
scan_inline size_t scan_header_body(bool cpu, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + EF_HEADER_BYTES <= size; i++) {
        if (ef_load64(data + i) > EF_RECORD_MAX_BYTES)
            continue;
        if (ef_crc32c_mask(scan_header_crc(cpu, data + i)) == ef_load32(data + i + 8))
            return i;
    }
    return size;
}

#ifdef EF_CRC32C_CPU_NAME
static __attribute__((noinline)) size_t scan_header_cpu(const uint8_t *data, size_t size)
{
    return scan_header_body(true, data, size);
}

/* noinline, so that no instruction moves in front of the question for it. */
static __attribute__((noinline)) void scan_cpu(const uint8_t *data, size_t size,
                                               struct ef_scan *scan)
{
    scan_body(true, data, size, scan);
}
#endif

static __attribute__((noinline)) void scan_table(const uint8_t *data, size_t size,
                                                 struct ef_scan *scan)
{
    scan_body(false, data, size, scan);
}

void ef_scan_records_by(bool cpu, const uint8_t *data, size_t size, struct ef_scan *ret_scan)
{
#ifdef EF_CRC32C_CPU_NAME
    if (cpu) {
        scan_cpu(data, size, ret_scan);
        return;
    }
#endif
    scan_table(data, size, ret_scan);
}

void ef_scan_records(const uint8_t *data, size_t size, struct ef_scan *ret_scan)
{
    ef_scan_records_by(ef_crc32c_has_cpu(), data, size, ret_scan);
}

size_t ef_scan_header(const uint8_t *data, size_t size)
{
#ifdef EF_CRC32C_CPU_NAME
    if (ef_crc32c_has_cpu())
        return scan_header_cpu(data, size);
#endif
    return scan_header_body(false, data, size);
}

bool ef_header_sound(const uint8_t header[EF_HEADER_BYTES], uint64_t *ret_size)
{
    uint64_t size = ef_load64(header);

    if (ef_crc32c_mask(ef_crc32c(header, 8)) != ef_load32(header + 8) || size > EF_RECORD_MAX_BYTES)
        return false;
    *ret_size = size;
    return true;
}

void ef_header_write(uint8_t header[EF_HEADER_BYTES], uint64_t size)
{
    ef_store64(header, size);
    ef_store32(header + 8, ef_crc32c_mask(ef_crc32c(header, 8)));
}

bool ef_all_zero(const uint8_t *data, size_t size)
{
    uint8_t any = 0;

    for (size_t i = 0; i < size; i++)
        any |= data[i];
    return any == 0;
}
