/* suggest.h: "did you mean …": the nearest word of a list, for mistyped commands and options.
 *
 * Private to cli/. Thread: any. */
#ifndef TB_CLI_SUGGEST_H
#define TB_CLI_SUGGEST_H

#include <stddef.h>

/* Keeps the better of two candidates while a list is walked. */
struct suggest {
    const char *word; /* what was typed */
    const char *best; /* NULL: nothing is near enough */
    size_t distance;  /* of best */
};

void suggest_init(struct suggest *suggest, const char *word);
/* Offers one candidate, which must outlive the struct. */
void suggest_offer(struct suggest *suggest, const char *candidate);

#endif
