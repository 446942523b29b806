/* fuzz_record.c: the parser, fed in pieces, against the record walk over the whole.
 *
 * First input byte: how the rest is cut. Whatever the bytes, both must give the same records and
 * stop at the same place for the same reason. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/error.h>
#include <eventfile/record.h>

#include "eventfile/crc32c_cpu.h"
#include "eventfile/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct totals {
    size_t records;
    uint64_t bytes;
    int result;
};

static void feed(ef_parser *parser, const uint8_t *data, size_t size, struct totals *totals)
{
    struct ef_record record;
    uint8_t *piece = malloc(size ? size : 1);

    fuzz_check(piece);
    if (size > 0)
        memcpy(piece, data, size);
    int r = ef_parser_feed(parser, piece, size);
    fuzz_check(r == (totals->result < 0 ? totals->result : 0));
    while ((totals->result = ef_parser_next(parser, &record)) > 0) {
        volatile uint8_t last = record.size ? record.data[record.size - 1] : 0;
        (void)last;
        fuzz_check(record.offset == totals->bytes);
        totals->records++;
        totals->bytes += record.size + EF_RECORD_OVERHEAD;
    }
    free(piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ef_scan by_table, by_cpu;
    struct totals totals = {0};

    if (size == 0)
        return 0;
    uint32_t cut = data[0];
    data++;
    size--;
    ef_scan_records_by(false, data, size, &by_table);
    ef_scan_records_by(ef_crc32c_has_cpu(), data, size, &by_cpu);
    fuzz_check(memcmp(&by_table.size, &by_cpu.size, sizeof by_table.size) == 0);
    fuzz_check(by_table.records == by_cpu.records && by_table.status == by_cpu.status);

    ef_parser *parser = ef_parser_new(0);
    fuzz_check(parser);
    for (size_t at = 0; at < size;) {
        cut = cut * 1103515245 + 12345;
        size_t piece = (cut >> 16) % 97;
        if (piece > size - at)
            piece = size - at;
        feed(parser, data + at, piece, &totals);
        at += piece;
    }
    fuzz_check(totals.records == by_table.records && totals.bytes == by_table.size);
    fuzz_check(totals.result == by_table.status);
    fuzz_check(ef_parser_offset(parser) == by_table.size);
    ef_parser_free(parser);
    return 0;
}
