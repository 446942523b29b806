#include "base/gzip.h"

#include <errno.h>
#include <stdint.h>
#include <zlib.h>

#include "base/check.h"

enum { PIECE = 16384, GZIP_WINDOW = 15 + 16 };

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
