/* eventfile/reader.c: follows one event file. */
#include <eventfile/reader.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "eventfile/scan.h"
#include "eventfile/window.h"

struct ef_reader {
    int fd;
    uint64_t size;
    int64_t changed_ns;
    int64_t now_ns;
    uint64_t offset;
    uint64_t need;
    uint64_t records;
    bool finish;
    struct ef_source source;
    struct ef_window window;
};

static ssize_t reader_read_at(void *ctx, void *data, size_t size, uint64_t offset)
{
    const ef_reader *reader = ctx;
    ssize_t n;

    do
        n = pread(reader->fd, data, size, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n < 0 ? EF_ERR_IO : n;
}

int ef_reader_new(ef_reader **ret_reader)
{
    ef_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return EF_ERR_NOMEM;
    reader->fd = -1;
    reader->source = (struct ef_source){.ctx = reader, .read_at = reader_read_at};
    *ret_reader = reader;
    return 0;
}

ef_reader *ef_reader_free(ef_reader *reader)
{
    if (reader)
        ef_window_release(&reader->window);
    free(reader);
    return NULL;
}

void ef_reader_attach(ef_reader *reader, int fd)
{
    reader->fd = fd;
}

void ef_reader_tell(ef_reader *reader, uint64_t size, int64_t changed_ns, int64_t now_ns)
{
    reader->size = size;
    reader->changed_ns = changed_ns;
    reader->now_ns = now_ns;
}

int ef_reader_next(ef_reader *reader, struct ef_item *ret_item)
{
    struct ef_scan scan;
    uint64_t want = EF_HEADER_BYTES;

    while (reader->fd >= 0 && reader->size > reader->offset && reader->size >= reader->need) {
        int r = ef_window_load(&reader->window, &reader->source, reader->offset, want,
                               reader->size);
        if (r < 0)
            return r;
        ef_scan_records(ef_window_data(&reader->window), reader->window.size, &scan);
        if (scan.records > 0) {
            *ret_item = (struct ef_item){.kind = EF_ITEM_RECORDS,
                                         .offset = reader->offset,
                                         .data = ef_window_data(&reader->window),
                                         .size = scan.size,
                                         .records = scan.records};
            reader->offset += scan.size;
            reader->records += scan.records;
            return 1;
        }
        uint64_t whole = scan.has_payload ? scan.payload + EF_RECORD_OVERHEAD : EF_HEADER_BYTES;
        if (scan.status < 0 || whole <= want)
            break;
        want = whole;
        reader->need = reader->offset + whole;
    }
    ef_window_release(&reader->window);
    return 0;
}

int64_t ef_reader_wait_ns(const ef_reader *reader)
{
    return -1;
}

void ef_reader_rewind(ef_reader *reader, uint64_t offset)
{
    ef_window_release(&reader->window);
    reader->offset = offset;
    reader->need = 0;
    reader->records = 0;
}

void ef_reader_finish(ef_reader *reader)
{
    reader->finish = true;
}

struct ef_reader_stats ef_reader_stats(const ef_reader *reader)
{
    return (struct ef_reader_stats){.offset = reader->offset,
                                    .records = reader->records,
                                    .size = reader->size,
                                    .partial = reader->size - reader->offset};
}
