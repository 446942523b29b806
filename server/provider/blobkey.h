/* blobkey.h: names of blobs that fit into an address.
 *
 * URL-safe base64 without padding of the JSON array [experiment, run, tag, step, index], and a
 * sixth number where several values have that step: which of them, from 0. Thread: any. */
#ifndef TB_PROVIDER_BLOBKEY_H
#define TB_PROVIDER_BLOBKEY_H

#include "provider/core.h"

struct blobkey {
    struct text experiment, run, tag; /* in `memory` when parsed */
    int64_t step;
    uint64_t index, nth;
    void *memory;
};

/* Appends the key. */
int blobkey_write(const struct blobkey *key, struct buf *out);
/* 0; -EINVAL with *ret_why; -ENOMEM. Released with blobkey_done(). */
_must_check_ int blobkey_parse(struct text text, struct blobkey *ret, const char **ret_why);
void blobkey_done(struct blobkey *key);

#endif
