/* route_page.c: the page's files, and its own routes, which all answer the same document.
 *
 * All addresses in the document are relative, so that it works under any prefix and through any
 * forwarded port. Below the root it gets a <base> that leads back there. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/gzip.h"
#include "http/assets.h"
#include "http/router.h"

enum { DOCUMENT_MAX_BYTES = 4 << 20, BASE_BYTES = 16 + 3 * LIMIT_PATH_SEGMENTS };

/* The path below the prefix, as text. */
static bool join(const struct target *target, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < target->n_segments; i++) {
        size_t length = strlen(target->segments[i]);

        if (used + length + 2 > size)
            return false;
        if (i > 0)
            out[used++] = '/';
        memcpy(out + used, target->segments[i], length);
        used += length;
    }
    out[used] = '\0';
    return true;
}

static bool is_client_route(const struct target *target)
{
    static const char *const roots[] = {"r", "e"};

    if (target->n_segments == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        if (strcmp(target->segments[0], roots[i]) == 0)
            return true;
    return false;
}

/* The document with <base href="../…"> as the first thing of its head. */
static void reply_below(struct request *request, const struct asset *page, size_t depth)
{
    _cleanup_(buf_done) struct buf plain = BUF_INIT(DOCUMENT_MAX_BYTES);
    struct buf *out = &request->reply.body;
    const char *head;
    int r = page->gzip ? gzip_unpack(page->data, page->size, &plain)
                       : buf_add(&plain, page->data, page->size);

    if (r < 0) {
        response_error(request, r);
        return;
    }
    head = memmem(plain.data, plain.length, "<head>", 6);
    head = head ? head + 6 : plain.data;
    buf_add(out, plain.data, (size_t)(head - plain.data));
    buf_str(out, "<base href=\"");
    for (size_t i = 0; i < depth; i++)
        buf_str(out, "../");
    buf_str(out, "\">");
    buf_add(out, head, plain.length - (size_t)(head - plain.data));
    response_body(request, 200, page->type);
}

static void reply_document(struct request *request)
{
    const struct asset *page = assets_page();
    size_t depth = request->target.depth;
    char etag[96];

    request->reply.page = true;
    if (depth == 0) {
        assets_reply(request, page, NULL);
        return;
    }
    snprintf(etag, sizeof etag, "W/\"%s-%zu\"", page->etag, depth);
    if (!response_etag(request, etag))
        reply_below(request, page, depth);
}

void route_page(struct request *request)
{
    char path[LIMIT_URL_BYTES];
    const struct asset *asset;

    if (is_client_route(&request->target)) {
        reply_document(request);
        return;
    }
    asset = join(&request->target, path, sizeof path) && path[0] != '.' ? assets_find(path) : NULL;
    if (!asset && strcmp(path, "favicon.ico") == 0)
        asset = assets_find("icon.svg");
    if (!asset) {
        response_problem(request, 404, "not-found", "There is no such page.");
        return;
    }
    request->reply.page = true;
    assets_reply(request, asset, NULL);
}
