/* eventfile/record.c: the check of one record in memory. Many at once: scan.c. */
#include <eventfile/record.h>

#include <eventfile/crc32c.h>

#include "eventfile/bytes.h"
#include "eventfile/scan.h"

int ef_record_check(const void *data, size_t size, uint64_t *ret_size)
{
    const uint8_t *p = data;

    if (size < EF_HEADER_BYTES)
        return 0;
    uint64_t length = ef_load64(p);
    if (ef_crc32c_mask(ef_crc32c(p, 8)) != ef_load32(p + 8))
        return ef_all_zero(p, EF_HEADER_BYTES) ? EF_ERR_ZEROS : EF_ERR_HEADER;
    if (length > EF_RECORD_MAX_BYTES)
        return EF_ERR_LENGTH;
    *ret_size = length;
    if (size < length + EF_RECORD_OVERHEAD)
        return 0;
    p += EF_HEADER_BYTES;
    if (ef_crc32c_mask(ef_crc32c(p, (size_t)length)) != ef_load32(p + length))
        return EF_ERR_PAYLOAD;
    return 1;
}
