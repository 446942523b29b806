#include "cli/suggest.h"

#include <string.h>

#include "base/cleanup.h"

enum { WORD_MAX = 32 }; /* longer words are cut: they are no name of ours anyway */

void suggest_init(struct suggest *suggest, const char *word)
{
    *suggest = (struct suggest){.word = word};
}

/* Edits that turn a into b: insert, delete, replace, or swap two neighbours. '-' equals '_'. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t na = strnlen(a, WORD_MAX), nb = strnlen(b, WORD_MAX);
    unsigned char rows[3][WORD_MAX + 1];
    unsigned char *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= nb; j++)
        last[j] = (unsigned char)j;
    memset(before, 0, WORD_MAX + 1);
    for (size_t i = 1; i <= na; i++) {
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= nb; j++) {
            char ca = a[i - 1] == '_' ? '-' : a[i - 1], cb = b[j - 1] == '_' ? '-' : b[j - 1];
            size_t d = last[j - 1] + (size_t)(ca != cb);
            d = MIN(d, last[j] + (size_t)1);
            d = MIN(d, row[j - 1] + (size_t)1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = MIN(d, before[j - 2] + (size_t)1);
            row[j] = (unsigned char)d;
        }
        unsigned char *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[nb];
}

void suggest_offer(struct suggest *suggest, const char *candidate)
{
    size_t length = strlen(suggest->word);
    size_t most = length <= 3 ? 1 : length <= 6 ? 2 : 3;
    size_t distance = edit_distance(suggest->word, candidate);

    /* A name that was begun but not ended is as good as a mistyped one. */
    if (length >= 2 && strncmp(suggest->word, candidate, length) == 0)
        distance = MIN(distance, (size_t)1);
    if (distance > most || (suggest->best && distance >= suggest->distance))
        return;
    suggest->best = candidate;
    suggest->distance = distance;
}
