/* core.h: what the files of the provider share. Private to it.
 *
 *   roll (names of runs) ─► pick (series of a query) ─► sample (which points)
 *                                                └────► readback ─► valueform (values)
 * Threads: everything here is the caller's own, but struct memo, which locks itself. */
#ifndef TB_PROVIDER_CORE_H
#define TB_PROVIDER_CORE_H

#include "provider/hints.h"
#include "provider/memo.h"
#include "provider/provider.h"

struct provider {
    struct provider_options options; /* location and samples: copies */
    struct hints hints;
    struct memo heads;   /* wall time of a file's first record, by file */
    struct memo lengths; /* what was found in a series of blobs, by series */
};

/* Writes the sentence, mended where it is not UTF-8; returns r. */
int provider_fail(struct provider_error *ret, int r, const char *format, ...) _printf_(3, 4);
/* The same with the words for a failure of the machine. */
int provider_broken(struct provider_error *ret, int r);

static inline bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || __builtin_memcmp(a.data, b.data, a.size) == 0);
}

int text_compare(struct text a, struct text b); /* bytewise */
static inline struct text text_from(const char *s)
{
    return (struct text){s, __builtin_strlen(s)};
}

/* Texts that were made for an answer, freed together. */
struct texts {
    struct texts_block *newest;
};
/* A terminated copy; NULL: no memory. */
char *texts_copy(struct texts *texts, const char *data, size_t size);
/* As it is if it is UTF-8, else a mended copy. -ENOMEM. */
_must_check_ int texts_mend(struct texts *texts, struct text text, struct text *ret);
/* How a tag is shown. -ENOMEM. */
_must_check_ int texts_tag(struct texts *texts, struct text tag, struct text *ret);
void texts_done(struct texts *texts);

#endif
