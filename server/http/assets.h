/* assets.h: files that are part of the program: the built page and the API document. Part of http.
 *
 * embed.py packs them into a C file at build time, compressed where that helps, each with its type
 * and a tag made of its content. Thread: any; nothing ever changes. */
#ifndef TB_HTTP_ASSETS_H
#define TB_HTTP_ASSETS_H

#include "http/request.h"

struct asset {
    const char *path; /* relative, e.g. "assets/index-B3x.js" */
    const char *type;
    const char *etag; /* without quotes */
    bool hashed;      /* the name changes with the content */
    bool gzip;        /* data is compressed */
    const unsigned char *data;
    size_t size;
};

/* The file at a path below the page's root; NULL: there is none. */
const struct asset *assets_find(const char *path);
/* The page itself: always there, even if only to say that it was not built. */
const struct asset *assets_page(void);
/* The API document; NULL: this build has none. */
const struct asset *assets_openapi(void);

/* Makes it the reply; type NULL: the asset's own. */
void assets_reply(struct request *request, const struct asset *asset, const char *type);

/* made by embed.py */
extern const struct asset assets_table[]; /* in order of path */
extern const size_t assets_count;

#endif
