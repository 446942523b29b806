/* ef_survey.h: reads a damaged file and holds what comes out against the file it was made from.
 *
 * Whatever the damage, these must hold, or the test fails at once with the offset:
 *   1. every record given out is byte for byte one of the sound file, and given once;
 *   2. every byte of the file is either in one record or in one gap, never in both, but for the
 *      12 bytes of a mended header, which are in both. */
#ifndef TEST_EF_SURVEY_H
#define TEST_EF_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "ef_builder.h"

enum ef_survey_mode {
    EF_SURVEY_FINISHED, /* judged at once */
    EF_SURVEY_OLD,      /* last changed long ago */
    EF_SURVEY_LIVE,     /* followed: seen, looked at again, judged after 30 s */
    EF_SURVEY_MODES,
};

struct ef_survey {
    size_t records; /* given out */
    size_t lost;    /* records of the sound file that were not */
    size_t gaps;    /* without mended headers */
    size_t mended;
    uint64_t gap_bytes;
};

/* `what` and `where` are printed when an invariant fails: they say how to get there again. */
struct ef_survey ef_survey(const struct ef_builder *sound, const struct ef_builder *damaged,
                           enum ef_survey_mode mode, const char *what, size_t where);

/* A copy to damage. */
void ef_survey_copy(const struct ef_builder *from, struct ef_builder *to);

#endif
