/* eventfile/search.h: what the reader asks of the salvage beyond its public call. Private. */
#ifndef EVENTFILE_SEARCH_H
#define EVENTFILE_SEARCH_H

#include <eventfile/salvage.h>

/* Rule 3 alone: the first sound record, shaped as an event, that begins at or behind `from`.
 * Returns 1 and its place; 0 when there is none up to `end`, and then in *ret_found the first
 * sound header whose record goes on behind `end`, or `end` itself. EF_ERR_IO, EF_ERR_NOMEM. */
int ef_salvage_search(ef_salvage *salvage, uint64_t from, uint64_t end, uint64_t *ret_found);

/* Gives the buffers back until the next call; what was read and counted stays counted. */
void ef_salvage_rest(ef_salvage *salvage);

#endif
