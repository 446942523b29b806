/* eventfile/writer.c: records and the usual events into a descriptor, through one buffer.
 *
 * An event is encoded straight into the buffer: sizes are added up first, then the bytes are
 * written from front to back. The first error stays: behind a record that was cut short nothing
 * more is written. */
#include <eventfile/writer.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <eventfile/crc32c.h>
#include <eventfile/limits.h>

#include "eventfile/bytes.h"
#include "eventfile/scan.h"

#define WRITER_BUFFER_BYTES 65536
#define WRITER_TAG_MAX_BYTES (1u << 20)

struct ef_writer {
    int fd;
    bool owns_fd;
    int error;
    int error_errno;
    size_t used;
    uint8_t buffer[WRITER_BUFFER_BYTES];
};

static int writer_fail(ef_writer *writer, int code)
{
    if (writer->error == 0) {
        writer->error = code;
        writer->error_errno = errno;
    }
    errno = writer->error_errno;
    return writer->error;
}

int ef_writer_new(int fd, ef_writer **ret_writer)
{
    ef_writer *writer;

    if (fd < 0)
        return EF_ERR_INVALID;
    writer = malloc(sizeof *writer);
    if (!writer)
        return EF_ERR_NOMEM;
    writer->fd = fd;
    writer->owns_fd = false;
    writer->error = 0;
    writer->error_errno = 0;
    writer->used = 0;
    *ret_writer = writer;
    return 0;
}

int ef_writer_create(const char *path, double wall_time, ef_writer **ret_writer)
{
    ef_writer *writer;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    if (fd < 0)
        return EF_ERR_IO;
    int r = ef_writer_new(fd, &writer);
    if (r < 0) {
        close(fd);
        unlink(path);
        return r;
    }
    writer->owns_fd = true;
    r = ef_writer_file_version(writer, wall_time);
    if (r < 0) { /* cannot be: a fresh buffer holds it */
        (void)!ef_writer_close(writer);
        return r;
    }
    *ret_writer = writer;
    return 0;
}

static int writer_put(ef_writer *writer, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(writer->fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return writer_fail(writer, EF_ERR_IO);
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

int ef_writer_flush(ef_writer *writer)
{
    if (writer->error < 0)
        return writer_fail(writer, writer->error);
    size_t used = writer->used;
    writer->used = 0;
    return writer_put(writer, writer->buffer, used);
}

int ef_writer_sync(ef_writer *writer)
{
    int r = ef_writer_flush(writer);

    if (r == 0 && fdatasync(writer->fd) < 0)
        r = writer_fail(writer, EF_ERR_IO);
    return r;
}

int ef_writer_close(ef_writer *writer)
{
    int r = ef_writer_flush(writer);

    if (writer->owns_fd && close(writer->fd) < 0 && r == 0)
        r = writer_fail(writer, EF_ERR_IO);
    free(writer);
    return r;
}

/* Bytes for `size` more in the buffer; they are used by adding to writer->used. */
static int writer_reserve(ef_writer *writer, size_t size)
{
    if (writer->error < 0)
        return writer_fail(writer, writer->error);
    if (size <= WRITER_BUFFER_BYTES - writer->used)
        return 0;
    return ef_writer_flush(writer);
}

int ef_writer_record(ef_writer *writer, const void *payload, size_t size)
{
    uint8_t footer[EF_FOOTER_BYTES];

    if (size > EF_RECORD_MAX_BYTES)
        return EF_ERR_INVALID;
    bool fits = size <= WRITER_BUFFER_BYTES - EF_RECORD_OVERHEAD;
    int r = writer_reserve(writer, fits ? size + EF_RECORD_OVERHEAD : EF_HEADER_BYTES);
    if (r < 0)
        return r;
    ef_header_write(writer->buffer + writer->used, size);
    writer->used += EF_HEADER_BYTES;
    ef_store32(footer, ef_crc32c_mask(ef_crc32c(payload, size)));
    if (fits) {
        if (size > 0)
            memcpy(writer->buffer + writer->used, payload, size);
        writer->used += size;
    } else {
        r = ef_writer_flush(writer);
        if (r == 0)
            r = writer_put(writer, payload, size);
        if (r < 0)
            return r;
    }
    memcpy(writer->buffer + writer->used, footer, sizeof footer);
    writer->used += sizeof footer;
    return 0;
}

/* --- events: protobuf wire format, see docs/formats/eventfile.md --- */

static size_t varint_size(uint64_t v)
{
    size_t n = 1;

    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *data, size_t size)
{
    memcpy(p, data, size);
    return p + size;
}

/* A length-delimited field: key byte, length, and the caller writes the rest. */
static uint8_t *put_field(uint8_t *p, uint8_t key, size_t size)
{
    *p++ = key;
    return put_varint(p, size);
}

static size_t field_size(size_t size)
{
    return 1 + varint_size(size) + size;
}

#define EVENT_HEAD_MAX_BYTES 20 /* wall_time: 9; step: at most 11 */

static uint8_t *put_event_head(uint8_t *p, double wall_time, int64_t step)
{
    uint64_t bits;

    memcpy(&bits, &wall_time, sizeof bits);
    *p++ = 0x09;
    ef_store64(p, bits);
    p += 8;
    if (step != 0) {
        *p++ = 0x10;
        p = put_varint(p, (uint64_t)step);
    }
    return p;
}

int ef_writer_file_version(ef_writer *writer, double wall_time)
{
    static const char version[] = "brain.Event:2";
    uint8_t event[EVENT_HEAD_MAX_BYTES + sizeof version + 2];
    uint8_t *p = put_event_head(event, wall_time, 0);

    p = put_field(p, 0x1A, sizeof version - 1);
    p = put_bytes(p, version, sizeof version - 1);
    return ef_writer_record(writer, event, (size_t)(p - event));
}

int ef_writer_session_start(ef_writer *writer, double wall_time, int64_t step)
{
    static const uint8_t session_start[] = {0x3A, 0x02, 0x08, 0x01};
    uint8_t event[EVENT_HEAD_MAX_BYTES + sizeof session_start];
    uint8_t *p = put_event_head(event, wall_time, step);

    p = put_bytes(p, session_start, sizeof session_start);
    return ef_writer_record(writer, event, (size_t)(p - event));
}

/* An event with one summary value: the tag, then `member` as it is (the value's other fields). */
static int writer_value(ef_writer *writer, double wall_time, int64_t step, const char *tag,
                        const uint8_t *member, size_t member_size)
{
    uint8_t head[EVENT_HEAD_MAX_BYTES];
    size_t tag_size = strlen(tag);

    if (tag_size > WRITER_TAG_MAX_BYTES)
        return EF_ERR_INVALID;
    size_t head_size = (size_t)(put_event_head(head, wall_time, step) - head);
    size_t value_size = field_size(tag_size) + member_size;
    size_t size = head_size + field_size(field_size(value_size));
    uint8_t small[512];
    uint8_t *event = size <= sizeof small ? small : malloc(size);
    if (!event)
        return EF_ERR_NOMEM;
    uint8_t *p = put_bytes(event, head, head_size);
    p = put_field(p, 0x2A, field_size(value_size));
    p = put_field(p, 0x0A, value_size);
    p = put_field(p, 0x0A, tag_size);
    p = put_bytes(p, tag, tag_size);
    put_bytes(p, member, member_size);
    int r = ef_writer_record(writer, event, size);
    if (event != small)
        free(event);
    return r;
}

int ef_writer_scalar(ef_writer *writer, double wall_time, int64_t step, const char *tag,
                     float value)
{
    uint8_t member[5] = {0x15};
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    ef_store32(member + 1, bits);
    return writer_value(writer, wall_time, step, tag, member, sizeof member);
}

int ef_writer_scalar_tensor(ef_writer *writer, double wall_time, int64_t step, const char *tag,
                            float value)
{
    uint8_t member[] = {
        0x42, 0x0A,                         /* tensor */
        0x08, 0x01,                         /* dtype: float */
        0x12, 0x00,                         /* shape: rank 0 */
        0x22, 0x04, 0,    0,    0,    0,    /* tensor_content, filled below */
        0x4A, 0x0B, 0x0A, 0x09, 0x0A, 0x07, /* metadata, plugin_data, plugin_name */
        's',  'c',  'a',  'l',  'a',  'r',  's',
    };
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    ef_store32(member + 8, bits);
    return writer_value(writer, wall_time, step, tag, member, sizeof member);
}
