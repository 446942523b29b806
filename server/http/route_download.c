/* route_download.c: GET and HEAD of /runs/{id}/files/{path}: the bytes that are kept, or a range.
 *
 * What people's jobs wrote is never run by a browser: all but a short list of types is an
 * attachment, and the policy of every answer of the API lets nothing run. The answer holds the
 * bytes that are durable when it begins. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "http/fields.h"
#include "http/history.h"
#include "http/router.h"

enum { PIECE = 256 << 10 };

struct download {
    struct producer producer; /* first */
    struct archive_file *file;
    uint64_t offset, end;
};

static int produce(struct producer *producer, struct buf *out)
{
    struct download *download = (struct download *)producer;
    size_t want = MIN((uint64_t)PIECE, download->end - download->offset);
    ssize_t n;

    if (want == 0)
        return 0;
    if (buf_reserve(out, want) < 0)
        return -ENOMEM;
    n = archive_read(download->file, download->offset, out->data + out->length, want);
    if (n <= 0)
        return n < 0 ? (int)n : -EIO; /* the length was promised */
    out->length += (size_t)n;
    download->offset += (uint64_t)n;
    return download->offset < download->end;
}

static void free_download(struct producer *producer)
{
    free(producer);
}

/* ---- what it is -------------------------------------------------------------------------- */

static const char *shown_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
        {".gif", "image/gif"}, {".webp", "image/webp"}, {".wav", "audio/wav"},
        {".txt", "text/plain; charset=utf-8"}, {".log", "text/plain; charset=utf-8"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return NULL;
}

void download_disposition(struct request *request, const char *name)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "._-";
    struct buf ascii = BUF_INIT(LIMIT_NAME_BYTES + 64), coded = BUF_INIT(4 * LIMIT_NAME_BYTES);

    for (const char *p = name; *p; p++) {
        bool is_plain = strchr(plain, *p);

        buf_char(&ascii, (char)(is_plain ? *p : '_'));
        if (is_plain)
            buf_char(&coded, *p);
        else
            buf_printf(&coded, "%%%02X", (unsigned char)*p);
    }
    if (buf_text(&ascii) && buf_text(&coded))
        response_header(request, "Content-Disposition",
                        "attachment; filename=\"%s\"; filename*=UTF-8''%s", ascii.data,
                        coded.data);
    buf_done(&ascii);
    buf_done(&coded);
}

static void file_etag(const struct archive_file_facts *facts, char out[96])
{
    if (facts->complete && facts->has_sha256) {
        *out++ = '"';
        for (size_t i = 0; i < SHA256_BYTES; i++, out += 2)
            snprintf(out, 3, "%02x", facts->sha256[i]);
        memcpy(out, "\"", 2);
        return;
    }
    snprintf(out, 96, "\"g%" PRIu32 "-%" PRIu64 "-%08" PRIx32 "%08" PRIx32 "\"",
             facts->generation, facts->durable, facts->check.head_crc, facts->check.tail_crc);
}

/* The range asked for, if it holds for this state of the file. */
static enum fields_range range_of(struct request *request, const char *etag, uint64_t size,
                                  uint64_t *ret_from, uint64_t *ret_to)
{
    const char *only_if = request_header(request, "If-Range");

    if (only_if && strcmp(only_if, etag) != 0)
        return RANGE_NONE;
    return fields_range(request_header(request, "Range"), size, ret_from, ret_to);
}

/* ---- the answer -------------------------------------------------------------------------- */

static void send_range(struct request *request, struct archive_file *file, uint64_t from,
                       uint64_t to, const char *type)
{
    struct download *download = calloc(1, sizeof *download);

    if (!download) {
        response_error(request, -ENOMEM);
        return;
    }
    *download = (struct download){
        .producer = {.produce = produce, .free = free_download, .sized = true,
                     .size = to - from},
        .file = file,
        .offset = from,
        .end = to,
    };
    response_producer(request, type ? type : "application/octet-stream", &download->producer);
}

static struct archive_file *find_file(struct request *request)
{
    struct archive_run *run = history_run(request);
    struct archive_file *file;
    uint64_t generation;

    if (!run || !request_number(request, "generation", 1, UINT32_MAX, 0, &generation))
        return NULL;
    file = archive_find_file(run, request->path, (uint32_t)generation);
    if (!file)
        response_problem(request, 404, "no-such-file", "This run has no file %.200s.",
                         request->path);
    return file;
}

void route_download(struct request *request)
{
    struct archive_file *file = find_file(request);
    struct archive_file_facts facts;
    const char *type, *name;
    uint64_t from, to;
    enum fields_range range;
    char etag[96];

    if (!file)
        return;
    facts = archive_file_facts(file);
    file_etag(&facts, etag);
    if (!upload_tell(request, file))
        return;
    if (response_etag(request, etag))
        return;
    name = strrchr(request->path, '/');
    type = shown_type(request->path);
    if (!type)
        download_disposition(request, name ? name + 1 : request->path);
    response_header(request, "Accept-Ranges", "bytes");
    from = 0;
    to = facts.durable;
    range = range_of(request, etag, facts.durable, &from, &to);
    if (range == RANGE_NEVER) {
        response_problem(request, 416, "no-such-range", "The file has %" PRIu64 " bytes.",
                         facts.durable);
        response_header(request, "Content-Range", "bytes */%" PRIu64, facts.durable);
        return;
    }
    send_range(request, file, from, to, type);
    if (range == RANGE_FITS && request->reply.status == 200) {
        request->reply.status = 206;
        response_header(request, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from,
                        to - 1, facts.durable);
    }
}
