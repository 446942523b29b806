/* eventfile/plugin.h: what plugin names say about a value.
 *
 * The table of plugin names and their classes, shared by the decoder (is a rank-0 tensor a scalar?)
 * and by ef_value_series(). Thread: any. */
#ifndef EVENTFILE_PLUGIN_H
#define EVENTFILE_PLUGIN_H

#include <stdbool.h>

#include <eventfile/event.h>

/* May a tensor of one element be given as a scalar? The rule is at EF_VALUE_SCALAR. */
bool plugin_allows_scalar(const struct ef_value *value, bool rank_0);

#endif
