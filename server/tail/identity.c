#include "tail/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <eventfile/crc32c.h>

#include "base/check.h"
#include "base/fileio.h"

#define MARK_EVERY (UINT64_C(1) << 20)

void identity_done(struct identity *identity)
{
    free(identity->steps);
    free(identity->marks);
    *identity = (struct identity){0};
}

/* Exactly `size` bytes. 0; -errno; -ESTALE if the file ends before. */
static int read_all(int fd, uint8_t *data, size_t size, uint64_t offset)
{
    ssize_t n = fileio_read(fd, data, size, offset);

    return n < 0 ? (int)n : (size_t)n < size ? -ESTALE : 0;
}

static int range_check(int fd, uint64_t end, uint32_t size, uint32_t crc, uint8_t *bytes)
{
    int r = read_all(fd, bytes, size, end - size);

    if (r == -ESTALE)
        return IDENTITY_DIFFERENT; /* shorter than just now: looked at again when told so */
    if (r < 0)
        return r;
    return ef_crc32c(bytes, size) == crc ? IDENTITY_EQUAL : IDENTITY_DIFFERENT;
}

static int head_check(const struct identity *identity, int fd, uint64_t size, uint8_t *bytes)
{
    uint32_t n = identity->head_size, crc = identity->head_crc;

    if (size < n) {
        if (size < IDENTITY_STEP || !identity->steps)
            return IDENTITY_EQUAL;
        n = (uint32_t)(size - size % IDENTITY_STEP);
        crc = identity->steps[n / IDENTITY_STEP - 1];
    }
    return n == 0 ? IDENTITY_EQUAL : range_check(fd, n, n, crc, bytes);
}

int identity_check(const struct identity *identity, int fd, uint64_t size, bool full,
                   struct identity_scratch *scratch)
{
    int r = head_check(identity, fd, size, scratch->bytes);

    scratch->size = 0;
    for (size_t i = 0; full && r == IDENTITY_EQUAL && i < identity->n_marks; i++) {
        const struct identity_mark *mark = &identity->marks[i];
        if (mark->end <= size)
            r = range_check(fd, mark->end, mark->size, mark->crc, scratch->bytes);
    }
    if (r != IDENTITY_EQUAL || identity->window_size == 0 || identity->window_end > size)
        return r;
    r = range_check(fd, identity->window_end, identity->window_size, identity->window_crc,
                    scratch->bytes);
    if (r == IDENTITY_EQUAL)
        scratch->size = identity->window_size;
    return r;
}

static int feed_head(struct identity *identity, uint64_t offset, const uint8_t *data, size_t size)
{
    if (identity->head_closed || identity->head_size == IDENTITY_BYTES)
        return 0;
    if (offset != identity->head_size) {
        identity->head_closed = true;
        return 0;
    }
    if (!identity->steps) {
        identity->steps = calloc(IDENTITY_BYTES / IDENTITY_STEP, sizeof *identity->steps);
        if (!identity->steps)
            return -ENOMEM;
    }
    while (size > 0 && identity->head_size < IDENTITY_BYTES) {
        size_t n = MIN(size, IDENTITY_STEP - identity->head_size % IDENTITY_STEP);
        identity->head_crc = ef_crc32c_extend(identity->head_crc, data, n);
        identity->head_size += (uint32_t)n;
        if (identity->head_size % IDENTITY_STEP == 0)
            identity->steps[identity->head_size / IDENTITY_STEP - 1] = identity->head_crc;
        data += n;
        size -= n;
    }
    return 0;
}

static int resume_head(struct identity *identity, int fd, uint64_t size,
                       const struct identity_mark *head, uint8_t *bytes)
{
    if (size < head->size) /* cut short so far that nothing is proven */
        return IDENTITY_DIFFERENT;
    if (head->size == 0)
        return IDENTITY_EQUAL;
    int r = read_all(fd, bytes, head->size, 0);
    if (r == -ESTALE)
        return IDENTITY_DIFFERENT;
    if (r == 0 && ef_crc32c(bytes, head->size) != head->crc)
        return IDENTITY_DIFFERENT;
    if (r == 0)
        r = feed_head(identity, 0, bytes, head->size);
    return r < 0 ? r : IDENTITY_EQUAL;
}

int identity_resume(struct identity *identity, int fd, uint64_t size,
                    const struct identity_mark *head, const struct identity_mark *window,
                    uint64_t offset, struct identity_scratch *scratch)
{
    if (head->size > IDENTITY_BYTES || window->size > IDENTITY_BYTES ||
        window->size > window->end)
        return IDENTITY_DIFFERENT;
    int r = resume_head(identity, fd, size, head, scratch->bytes);
    scratch->size = 0;
    identity->head_closed = head->size < MIN(offset, (uint64_t)IDENTITY_BYTES);
    if (r != IDENTITY_EQUAL)
        return r;
    identity->window_end = window->end;
    identity->window_size = window->size;
    identity->window_crc = window->crc;
    r = identity_check(identity, fd, size, false, scratch);
    if (r != IDENTITY_EQUAL || window->end <= offset)
        return r;
    /* The proof reaches further than what was given: what comes is compared as usual. */
    uint32_t own = (uint32_t)MIN(offset, (uint64_t)IDENTITY_BYTES);
    int e = read_all(fd, scratch->bytes, own, offset - own);
    if (e < 0)
        return e == -ESTALE ? IDENTITY_DIFFERENT : e;
    scratch->size = own;
    identity->window_end = offset;
    identity_settle(identity, scratch);
    return IDENTITY_EQUAL;
}

static int add_mark(struct identity *identity, const struct identity_scratch *scratch)
{
    if (identity->n_marks == identity->marks_capacity) {
        size_t capacity = identity->marks_capacity ? 2 * identity->marks_capacity : 8;
        struct identity_mark *marks = realloc(identity->marks, capacity * sizeof *marks);
        if (!marks)
            return -ENOMEM;
        identity->marks = marks;
        identity->marks_capacity = capacity;
    }
    identity->marks[identity->n_marks++] = (struct identity_mark){
        .end = identity->window_end,
        .size = (uint32_t)scratch->size,
        .crc = ef_crc32c(scratch->bytes, scratch->size),
    };
    return 0;
}

static int feed_range(struct identity *identity, struct identity_scratch *scratch,
                      uint64_t offset, const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    int r = feed_head(identity, offset, data, size);
    if (offset != identity->window_end)
        scratch->size = 0;
    if (size >= IDENTITY_BYTES) {
        memcpy(scratch->bytes, data + size - IDENTITY_BYTES, IDENTITY_BYTES);
        scratch->size = IDENTITY_BYTES;
    } else {
        size_t keep = MIN(scratch->size, IDENTITY_BYTES - size);
        memmove(scratch->bytes, scratch->bytes + scratch->size - keep, keep);
        memcpy(scratch->bytes + keep, data, size);
        scratch->size = keep + size;
    }
    identity->window_end = offset + size;
    uint64_t last = identity->n_marks ? identity->marks[identity->n_marks - 1].end : 0;
    if (identity->window_end >= last + MARK_EVERY && add_mark(identity, scratch) < 0)
        r = -ENOMEM;
    return r;
}

int identity_feed(struct identity *identity, struct identity_scratch *scratch, uint64_t offset,
                  const uint8_t *data, size_t size)
{
    uint64_t end = offset + size, from = identity->hole_offset, to = identity->hole_end;

    if (to <= offset || from >= end)
        return feed_range(identity, scratch, offset, data, size);
    int r = from > offset ? feed_range(identity, scratch, offset, data, from - offset) : 0;
    if (to < end) {
        int r2 = feed_range(identity, scratch, to, data + (to - offset), end - to);
        r = r < 0 ? r : r2;
    }
    return r;
}

static void cut_head(struct identity *identity, uint64_t offset)
{
    if (offset > identity->head_size || identity->head_size == 0)
        return;
    uint32_t n = (uint32_t)(offset - offset % IDENTITY_STEP);
    if (offset < identity->head_size) {
        identity->head_size = n;
        identity->head_crc = n ? identity->steps[n / IDENTITY_STEP - 1] : 0;
    }
    identity->head_closed = true;
}

void identity_leave_out(struct identity *identity, struct identity_scratch *scratch,
                        uint64_t offset, uint64_t length)
{
    uint64_t end = offset + length, start = identity->window_end - scratch->size;

    identity->hole_offset = offset;
    identity->hole_end = end;
    cut_head(identity, offset);
    while (identity->n_marks > 0 && identity->marks[identity->n_marks - 1].end > offset)
        identity->n_marks--;
    if (end >= identity->window_end && offset < identity->window_end) {
        scratch->size = 0;
    } else if (end > start && offset < identity->window_end) {
        size_t drop = (size_t)(end - start);
        memmove(scratch->bytes, scratch->bytes + drop, scratch->size - drop);
        scratch->size -= drop;
    }
}

void identity_settle(struct identity *identity, const struct identity_scratch *scratch)
{
    DCHECK(scratch->size <= identity->window_end);
    identity->window_size = (uint32_t)scratch->size;
    identity->window_crc = ef_crc32c(scratch->bytes, scratch->size);
}
