/* fuzz_salvage.c: any bytes as an event file, read to the end by the reader.
 *
 * First input byte: the way of reading (finished, followed in pieces, followed with rewinds).
 * Whatever the bytes, reading ends, each byte of a finished file is in one record or in one gap,
 * and the shape check and the salvage read nothing that is not theirs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <eventfile/error.h>
#include <eventfile/reader.h>
#include <eventfile/record.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND INT64_C(1000000000)
#define fuzz_check(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_records(const struct ef_item *item)
{
    size_t at = 0;

    for (size_t i = 0; i < item->records; i++) {
        uint64_t size = 0;
        fuzz_check(ef_record_check(item->data + at, item->size - at, &size) == 1);
        at += (size_t)size + EF_RECORD_OVERHEAD;
    }
    fuzz_check(at == item->size);
}

/* Everything that comes now; returns the last result. */
static int drain(ef_reader *reader, int rewinds, uint64_t *ret_covered)
{
    struct ef_item item;
    int r, items = 0;

    while ((r = ef_reader_next(reader, &item)) > 0) {
        fuzz_check(++items < 100000);
        if (item.kind == EF_ITEM_RECORDS) {
            check_records(&item);
            *ret_covered += item.size;
        } else if (item.kind == EF_ITEM_GAP && item.gap.reason != EF_REASON_REPAIRED_HEADER) {
            *ret_covered += item.gap.length;
        } else if (item.kind == EF_ITEM_LATE && rewinds-- > 0) {
            ef_reader_rewind(reader, 0);
        }
    }
    return r;
}

static void read_finished(const uint8_t *data, size_t size, int fd)
{
    ef_reader *reader;
    uint64_t covered = 0;

    fuzz_check(pwrite(fd, data, size, 0) == (ssize_t)size);
    fuzz_check(ef_reader_new(&reader) == 0);
    ef_reader_attach(reader, fd);
    ef_reader_finish(reader);
    ef_reader_tell(reader, size, 0, 0);
    int r = drain(reader, 0, &covered);
    if (r == 0)
        fuzz_check(covered == size);
    else
        fuzz_check(r == EF_ERR_COMPRESSED || r == EF_ERR_NOT_EVENT_FILE);
    ef_reader_free(reader);
}

/* The file grows in pieces, with zeros written first that the bytes come to replace. */
static void read_followed(const uint8_t *data, size_t size, int fd, int rewinds)
{
    ef_reader *reader;
    uint64_t covered = 0, told = 0;
    int64_t now = 100 * SECOND;

    fuzz_check(ef_reader_new(&reader) == 0);
    ef_reader_attach(reader, fd);
    for (size_t at = 0; at < size;) {
        size_t piece = 1 + data[at] % 61;
        if (piece > size - at)
            piece = size - at;
        if (data[at] & 0x80) { /* a hole first */
            fuzz_check(ftruncate(fd, (off_t)(at + piece)) == 0);
            told = at + piece;
            ef_reader_tell(reader, told, now, now);
            drain(reader, rewinds, &covered);
        }
        fuzz_check(pwrite(fd, data + at, piece, (off_t)at) == (ssize_t)piece);
        at += piece;
        told = at;
        now += SECOND / 2 + (data[at - 1] & 7) * SECOND;
        ef_reader_tell(reader, told, now, now);
        drain(reader, rewinds, &covered);
        fuzz_check(ef_reader_stats(reader).offset <= told);
    }
    for (int i = 0; i < 200; i++) {
        now += 2 * SECOND;
        ef_reader_tell(reader, told, now, now);
        drain(reader, rewinds, &covered);
    }
    fuzz_check(ef_reader_stats(reader).suspect == 0);
    ef_reader_finish(reader);
    drain(reader, rewinds, &covered);
    ef_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 100000)
        return 0;
    int fd = memfd_create("fuzz_salvage", MFD_CLOEXEC);
    fuzz_check(fd >= 0);
    int mode = data[0] % 3;
    data++;
    size--;
    volatile bool shaped = ef_event_shaped(data, size);
    (void)shaped;
    if (mode == 0)
        read_finished(data, size, fd);
    else
        read_followed(data, size, fd, mode == 2 ? 5 : 0);
    close(fd);
    return 0;
}
