#include "base/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>
#ifdef TB_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/check.h"

enum { PIECE = 16384, GZIP_WINDOW = 15 + 16 };

#ifdef TB_HAVE_ISAL

enum { LEVEL = 2, LEVEL_ROOM = ISAL_DEF_LVL2_DEFAULT, INPUT = 1 << 30 };

struct gzip {
    struct isal_zstream stream;
    uint8_t room[LEVEL_ROOM];
};

struct gzip *gzip_new(void)
{
    struct gzip *gzip = malloc(sizeof *gzip);

    if (!gzip)
        return NULL;
    isal_deflate_init(&gzip->stream);
    gzip->stream.gzip_flag = IGZIP_GZIP;
    gzip->stream.level = LEVEL;
    gzip->stream.level_buf = gzip->room;
    gzip->stream.level_buf_size = sizeof gzip->room;
    return gzip;
}

struct gzip *gzip_free(struct gzip *gzip)
{
    free(gzip);
    return NULL;
}

int gzip_add(struct gzip *gzip, const void *data, size_t size, bool last, struct buf *out)
{
    struct isal_zstream *z = &gzip->stream;

    z->next_in = (uint8_t *)(uintptr_t)data;
    do {
        z->avail_in = (uint32_t)MIN(size, (size_t)INPUT);
        size -= z->avail_in;
        z->end_of_stream = last && size == 0;
        do {
            if (buf_reserve(out, PIECE) < 0)
                return buf_failed(out);
            z->next_out = (uint8_t *)out->data + out->length;
            z->avail_out = (uint32_t)MIN(out->capacity - out->length, (size_t)INPUT);
            CHECK(isal_deflate(z) == COMP_OK);
            out->length = (size_t)((char *)z->next_out - out->data);
        } while (z->avail_in > 0 || z->avail_out == 0 ||
                 (z->end_of_stream && z->internal_state.state != ZSTATE_END));
    } while (size > 0);
    return 0;
}

#else /* zlib, about three times slower */

struct gzip {
    z_stream stream;
};

struct gzip *gzip_new(void)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);

    if (gzip && deflateInit2(&gzip->stream, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
                    Z_OK) {
        free(gzip);
        return NULL;
    }
    return gzip;
}

struct gzip *gzip_free(struct gzip *gzip)
{
    if (gzip)
        deflateEnd(&gzip->stream);
    free(gzip);
    return NULL;
}

int gzip_add(struct gzip *gzip, const void *data, size_t size, bool last, struct buf *out)
{
    z_stream *z = &gzip->stream;
    int r;

    z->next_in = (Bytef *)(uintptr_t)data;
    do {
        size_t take = MIN(size, (size_t)1 << 30);

        z->avail_in = (uInt)take;
        size -= take;
        do {
            if (buf_reserve(out, PIECE) < 0)
                return buf_failed(out);
            z->next_out = (Bytef *)out->data + out->length;
            z->avail_out = (uInt)(out->capacity - out->length);
            r = deflate(z, last && size == 0 ? Z_FINISH : Z_NO_FLUSH);
            CHECK(r != Z_STREAM_ERROR);
            out->length = (size_t)((char *)z->next_out - out->data);
        } while (z->avail_in > 0 || (last && size == 0 && r != Z_STREAM_END));
    } while (size > 0);
    return 0;
}

#endif

int gzip_unpack(const void *data, size_t size, struct buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    int r = Z_OK, error = 0;

    if (size > UINT32_MAX || inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return -ENOMEM;
    while (r == Z_OK && !error) {
        if (buf_reserve(out, PIECE) < 0) {
            error = buf_failed(out);
            break;
        }
        z.next_out = (Bytef *)out->data + out->length;
        z.avail_out = PIECE;
        r = inflate(&z, Z_NO_FLUSH);
        out->length = (size_t)((char *)z.next_out - out->data);
    }
    inflateEnd(&z);
    if (!error && r != Z_STREAM_END)
        error = -EBADMSG;
    return error;
}
