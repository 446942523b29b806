#include "provider/readback.h"

#include <endian.h>
#include <errno.h>
#include <eventfile/crc32c.h>
#include <eventfile/record.h>
#include <eventfile/salvage.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/fileio.h"

enum {
    NOT_OPEN = -1, NO_FILE = -2,
    BEHIND = 256, /* bytes behind a member that are asked for with it: mostly its metadata */
};

void readback_init(struct readback *rb, struct provider *provider)
{
    *rb = (struct readback){.provider = provider, .fd = NOT_OPEN};
}

static void close_file(struct readback *rb)
{
    if (rb->fd >= 0)
        close(rb->fd);
    rb->fd = NOT_OPEN;
    free(rb->path);
    rb->path = NULL;
    rb->file = NULL;
}

void readback_done(struct readback *rb)
{
    close_file(rb);
    free(rb->data);
    ef_decoder_free(rb->decoder);
    rb->data = NULL;
    rb->decoder = NULL;
}

void *readback_take(struct readback *rb)
{
    rb->capacity = 0;
    return TAKE_PTR(rb->data);
}

void readback_run(struct readback *rb, const char *run_id, const char *directory)
{
    struct archive *archive = rb->provider->options.archive;

    if (rb->run_id && strcmp(rb->run_id, run_id) == 0)
        return;
    close_file(rb);
    rb->run_id = run_id;
    rb->directory = directory;
    rb->archived = archive ? archive_find_run(archive, run_id) : NULL;
}

void readback_file(struct readback *rb, const char *path, uint32_t generation)
{
    if (rb->path && rb->generation == generation && strcmp(rb->path, path) == 0)
        return;
    close_file(rb);
    rb->path = strdup(path); /* without memory it is looked for again each time */
    rb->generation = generation;
    if (!rb->archived)
        return;
    char kept[LIMIT_PATH_BYTES + 8];
    const bool found = archive_run_info(rb->archived)->kind == ARCHIVE_RUN_FOUND;
    int n = snprintf(kept, sizeof kept, "%s%s", found ? "logs/" : "", path);
    if (n > 0 && (size_t)n < sizeof kept)
        rb->file = archive_find_file(rb->archived, kept, generation);
}

static int open_source(struct readback *rb)
{
    char path[2 * LIMIT_PATH_BYTES];

    if (rb->fd != NOT_OPEN)
        return rb->fd;
    rb->fd = NO_FILE;
    if (!rb->path || !rb->directory || !*rb->directory)
        return rb->fd;
    int n = snprintf(path, sizeof path, "%s/%s", rb->directory, rb->path);
    if (n < 0 || (size_t)n >= sizeof path)
        return rb->fd;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        rb->fd = fd;
    return rb->fd;
}

ssize_t readback_bytes(struct readback *rb, uint64_t offset, void *ret, size_t size)
{
    size_t done = 0;

    while (rb->file && done < size) {
        ssize_t n = archive_read(rb->file, offset + done, (char *)ret + done, size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done > 0)
        return (ssize_t)done;
    int fd = open_source(rb);
    return fd < 0 ? -ENOENT : fileio_read(fd, ret, size, offset);
}

/* ---- records ------------------------------------------------------------------------------ */

static int make_room(struct readback *rb, size_t size)
{
    if (size <= rb->capacity)
        return 0;
    uint8_t *data = realloc(rb->data, size);
    if (!data)
        return -ENOMEM;
    rb->data = data;
    rb->capacity = size;
    return 0;
}

static ssize_t read_at(void *ctx, void *data, size_t size, uint64_t offset)
{
    ssize_t n = readback_bytes(ctx, offset, data, size);

    return n < 0 ? EF_ERR_IO : n;
}

/* The payload size of a record whose header may have been mended when it was first read. */
static int payload_size(struct readback *rb, const struct value_place *place, uint64_t *ret)
{
    const struct reference *r = &place->reference;
    uint64_t size;
    uint32_t crc;

    memcpy(&size, rb->data, sizeof size);
    memcpy(&crc, rb->data + 8, sizeof crc);
    if (le32toh(crc) == ef_crc32c_mask(ef_crc32c(rb->data, 8))) {
        *ret = le64toh(size);
        return *ret <= EF_RECORD_MAX_BYTES ? 0 : -EBADMSG;
    }
    const struct ef_source source = {rb, read_at};
    struct ef_gap gap;
    ef_salvage *salvage = ef_salvage_new(&source);
    if (!salvage)
        return -ENOMEM;
    uint64_t end = MAX(r->record, r->offset) + r->length + EF_RECORD_MAX_BYTES;
    int found = ef_salvage_pass(salvage, r->record, end, &gap, ret);
    ef_salvage_free(salvage);
    if (found == EF_ERR_NOMEM)
        return -ENOMEM;
    return found == 1 && gap.reason == EF_REASON_REPAIRED_HEADER ? 0 : -EBADMSG;
}

/* Reads until rb->data holds the record's first `want` bytes, of which `have` are there. */
static int read_on(struct readback *rb, uint64_t record, size_t have, size_t want)
{
    int r = make_room(rb, want);

    while (r == 0 && have < want) {
        ssize_t n = readback_bytes(rb, record + have, rb->data + have, want - have);
        if (n < 0)
            return (int)n;
        if (n == 0)
            return -EBADMSG;
        have += (size_t)n;
    }
    return r;
}

/* The whole record at rb->data, both CRCs checked. */
static int read_record(struct readback *rb, const struct value_place *place, size_t *ret_payload)
{
    const struct reference *r = &place->reference;
    uint64_t member = r->offset > r->record ? r->offset - r->record + r->length : r->length;
    uint64_t size = 0;
    uint32_t crc;

    if (member > EF_RECORD_MAX_BYTES + EF_RECORD_OVERHEAD)
        return -EBADMSG;
    size_t first = (size_t)member + BEHIND;
    int e = make_room(rb, first);
    if (e < 0)
        return e;
    ssize_t n = readback_bytes(rb, r->record, rb->data, first);
    if (n < 0)
        return (int)n;
    if (n < EF_HEADER_BYTES)
        e = read_on(rb, r->record, (size_t)n, EF_HEADER_BYTES);
    if (e == 0)
        e = payload_size(rb, place, &size);
    if (e < 0)
        return e;
    size_t whole = (size_t)size + EF_RECORD_OVERHEAD;
    e = read_on(rb, r->record, MIN((size_t)MAX(n, EF_HEADER_BYTES), whole), whole);
    if (e < 0)
        return e;
    memcpy(&crc, rb->data + EF_HEADER_BYTES + size, sizeof crc);
    if (le32toh(crc) != ef_crc32c_mask(ef_crc32c(rb->data + EF_HEADER_BYTES, size)))
        return -EBADMSG;
    *ret_payload = (size_t)size;
    return 0;
}

static bool same_tag(struct ef_slice a, struct text b)
{
    return text_equal((struct text){(const char *)a.data, a.size}, b);
}

/* Which of the event's values the reference means. */
static int find_value(const struct readback *rb, const struct value_place *place, struct text tag,
                      const struct ef_event *event, struct ef_value *ret)
{
    const struct reference *r = &place->reference;
    const bool graph = event->what == EF_WHAT_GRAPH_DEF;

    if (event->step != r->step)
        return -EBADMSG;
    if (graph || event->what == EF_WHAT_RUN_METADATA) {
        if (graph ? !text_equal(tag, (struct text){"__run_graph__", 13})
                  : !same_tag(event->text, tag))
            return -EBADMSG;
        *ret = (struct ef_value){.kind = EF_VALUE_OBSOLETE, .payload = event->bytes};
        return 0;
    }
    for (size_t i = 0; i < event->n_values; i++) {
        const struct ef_value *value = &event->values[i];
        if (!same_tag(value->tag, tag))
            continue;
        if (value->payload.size > 0 && r->offset > r->record &&
            r->record + (uint64_t)(value->payload.data - rb->data) != r->offset)
            continue;
        if ((value->payload.size == 0) != (r->length == 0))
            continue;
        *ret = *value;
        return 0;
    }
    return -EBADMSG;
}

int readback_value(struct readback *rb, const struct value_place *place, struct text tag,
                   struct ef_value *ret)
{
    struct ef_event event;
    size_t size = 0;

    if (!rb->decoder && !(rb->decoder = ef_decoder_new()))
        return -ENOMEM;
    readback_file(rb, place->path, place->generation);
    int r = read_record(rb, place, &size);
    if (r < 0)
        return r;
    r = ef_event_decode(rb->decoder, rb->data + EF_HEADER_BYTES, size, &event);
    if (r < 0)
        return r == EF_ERR_NOMEM ? -ENOMEM : -EBADMSG;
    return find_value(rb, place, tag, &event, ret);
}
