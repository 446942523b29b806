/* pick.h: the series that a query asks for, run by run. Thread: one owner. */
#ifndef TB_PROVIDER_PICK_H
#define TB_PROVIDER_PICK_H

#include "provider/roll.h"

struct pick {
    struct provider *provider;
    struct roll roll;
    size_t entry; /* of the roll: the next one */
    const struct roll_entry *at;      /* the one that `series` are of */
    /* copies, sorted: */
    enum provider_class data_class;
    char *words;                      /* plugin and names */
    struct text plugin, *runs, *tags;
    size_t n_runs, n_tags;
    bool by_runs, by_tags;
    struct series_summary *series;    /* of the class and plugin, with a tag that is asked for */
    size_t n_series;
    struct series_summary *all;       /* of the run whose entries come one after another */
    size_t n_all;
    const struct run *all_of;
};

/* Checks the query. 0 or an error. Released with pick_done(), also after an error. */
_must_check_ int pick_init(struct pick *pick, struct provider *provider,
                           const struct provider_query *query, struct provider_error *ret_error);
/* The next run that has any such series. 1, 0 at the end, -errno. */
_must_check_ int pick_next(struct pick *pick);
void pick_done(struct pick *pick);

/* Points of a series that can be given at all: none if its values are not of its class, and no more
 * than --samples-per-plugin says. */
uint64_t pick_count(const struct provider *provider, const struct series_summary *series);

#endif
