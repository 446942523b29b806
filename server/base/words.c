#include "base/words.h"

#include <stddef.h>

static const struct {
    const char *word, *text;
} damage[] = {
    [1] = {"zeros", "Zero bytes where a record should begin."},
    [2] = {"header", "The checksum of a record's length does not hold."},
    [3] = {"payload", "The checksum of a record's content does not hold."},
    [4] = {"length", "A record's length is above the limit."},
    [5] = {"not-an-event", "The checksums hold, but the content is no event."},
    [6] = {"repaired-header", "The record's head had a flipped bit and was mended; it counts."},
    [7] = {"repaired", "Listed as damaged before; sound when it was read again."},
    [8] = {"not-archived", "Shown, but gone before it was safe."},
    [9] = {"partial-tail", "The file ends inside a record."},
};

static int known(int reason)
{
    return reason >= 1 && (size_t)reason < sizeof damage / sizeof *damage;
}

const char *words_damage(int reason)
{
    return known(reason) ? damage[reason].word : "unknown";
}

const char *words_damage_text(int reason)
{
    return known(reason) ? damage[reason].text : "Damage of a kind that this server does not know.";
}
