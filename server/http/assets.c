#include "http/assets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/gzip.h"
#include "http/respond.h"

#define PAGE "index.html"
#define OPENAPI ".openapi.json" /* no path of the page begins with a dot */

enum { ASSET_MAX_BYTES = 64 << 20 };

static const char missing[] =
    "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Tailboard</title>"
    "</head>\n<body>\n<h1>The page was not built into this program</h1>\n"
    "<p>The server runs, and its API answers at <a href=\"api/v1/\">api/v1/</a>. Build with "
    "<code>./dev build</code> to have the page too.</p>\n</body>\n</html>\n";

static const struct asset missing_page = {
    .path = PAGE, .type = "text/html; charset=utf-8", .etag = "missing-page",
    .data = (const unsigned char *)missing, .size = sizeof missing - 1,
};

const struct asset *assets_find(const char *path)
{
    size_t low = 0, high = assets_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(assets_table[middle].path, path);

        if (order == 0)
            return &assets_table[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct asset *assets_page(void)
{
    const struct asset *page = assets_find(PAGE);

    return page ? page : &missing_page;
}

const struct asset *assets_openapi(void)
{
    return assets_find(OPENAPI);
}

static void reply_bytes(struct request *request, const struct asset *asset, bool packed)
{
    int r;

    if (packed || !asset->gzip) {
        request->reply.fixed = asset->data;
        request->reply.fixed_size = asset->size;
        request->reply.compressed = packed;
        request->reply.status = 200;
        return;
    }
    request->reply.body.max = ASSET_MAX_BYTES;
    r = gzip_unpack(asset->data, asset->size, &request->reply.body);
    if (r < 0)
        response_error(request, r);
    else
        request->reply.status = 200;
}

void assets_reply(struct request *request, const struct asset *asset, const char *type)
{
    bool packed = asset->gzip &&
                  respond_takes_gzip(request_header(request, "Accept-Encoding"));
    char etag[80];

    /* Two encodings are two representations. */
    snprintf(etag, sizeof etag, "\"%s%s\"", asset->etag, packed ? "-gz" : "");
    if (asset->hashed)
        response_header(request, "Cache-Control", "public, max-age=31536000, immutable");
    if (response_etag(request, etag))
        return;
    request->reply.type = type ? type : asset->type;
    reply_bytes(request, asset, packed);
}
