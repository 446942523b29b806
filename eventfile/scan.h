/* eventfile/scan.h: walks the records of a buffer, both CRCs of each checked. Private.
 *
 * The hottest loop of the library: the reader hands it up to EF_READ_BYTES at once. What it stops
 * at is told as ef_record_check() would tell it. Thread: any. */
#ifndef EVENTFILE_SCAN_H
#define EVENTFILE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/record.h>

struct ef_scan {
    size_t size;      /* bytes of whole, sound records at the beginning */
    size_t records;   /* how many */
    int status;       /* what ef_record_check() says of the bytes behind them: 0 or an error */
    bool has_payload; /* the header there is whole and sound, within the limit, and */
    uint64_t payload; /* says so many payload bytes */
};

void ef_scan_records(const uint8_t *data, size_t size, struct ef_scan *ret_scan);

/* The same with the implementation chosen by the caller (tests); `cpu` only where there is one. */
void ef_scan_records_by(bool cpu, const uint8_t *data, size_t size, struct ef_scan *ret_scan);

/* Index of the first byte at which a sound header within the limit stands whole; `size` if none. */
size_t ef_scan_header(const uint8_t *data, size_t size);

/* Is this header sound, and its length within the limit? Then its payload size. */
bool ef_header_sound(const uint8_t header[EF_HEADER_BYTES], uint64_t *ret_size);
/* Writes the header of a record of so many payload bytes. */
void ef_header_write(uint8_t header[EF_HEADER_BYTES], uint64_t size);
bool ef_all_zero(const uint8_t *data, size_t size);

#endif
