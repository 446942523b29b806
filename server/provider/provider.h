/* provider.h: what the store has, in the shape that TensorBoard asks for.
 *
 *   store (points, references) ─┐
 *   archive or log directory ───┴─► provider ─► grpc (protobuf), http /tb/ (JSON)
 *
 * TensorBoard's rules stand here once: names of runs, which series belong to which class, which
 * points a limited answer has, how a value becomes a tensor or blobs. The doors only write down
 * what they get. Nothing is changed, and only what is asked for is read back from the files, its
 * CRCs checked.
 *
 * A *run* here is a run and one of its directories: `NAME` or `NAME/dir`; of equal names the later
 * ones get " (" and six characters of their id ")". All text that is given out is UTF-8: what was
 * not has U+FFFD in its bad places (tags also "#" and six digits, so that two stay two). Filters
 * take names as they were given out.
 *
 * Points are those of the stitched view, in order of steps; the same step may come twice.
 *
 * Results: 0, or a negative errno with a sentence in *ret_error: -EINVAL (the request is wrong:
 * INVALID_ARGUMENT, 400), -ENOENT (NOT_FOUND, 404), -EOVERFLOW (more than an answer may hold),
 * -ENOMEM, -EIO and others (500). What is not known is no error but an empty list, blobs aside.
 *
 * Threads: any, all calls may wait for disks; a list or reader belongs to one thread at a time.
 * Lists and readers may not outlive their provider, nor that the store. */
#ifndef TB_PROVIDER_PROVIDER_H
#define TB_PROVIDER_PROVIDER_H

#include "archive/archive.h"
#include "store/store.h"

struct provider;

struct provider_options {
    struct store *store;
    struct archive *archive; /* where values are read from; NULL: from where the files lie */
    const char *location;    /* what TensorBoard shows as the data's place; copied */
    bool one_experiment;     /* experiment ids are not looked at */
    bool vanish;             /* a run whose event files are gone is not there any more */
    const char *samples;     /* "NAME=N,NAME=all": points kept at most, by plugin; copied. NULL */
};

/* What a call says about its failure. */
struct provider_error {
    char text[512]; /* a sentence without a full stop; UTF-8 */
};

/* 0; -EINVAL: `samples` is not of that form; -ENOMEM. */
_must_check_ int provider_new(const struct provider_options *options, struct provider **ret,
                              struct provider_error *ret_error);
/* After the last list and reader. Accepts NULL; returns NULL. */
struct provider *provider_free(struct provider *provider);

/* The id that TensorBoard's page uses where none is in its address: the same as "". */
#define PROVIDER_DEFAULT_EXPERIMENT "defaultExperimentId"

/* Where the data lie, for every experiment. Never NULL; lives as long as the provider. */
const char *provider_location(const struct provider *provider);

/* ---- runs and plugins ------------------------------------------------------------------- */

struct provider_run {
    const char *name;
    double start_time; /* the least finite wall time of its events, seconds since 1970 */
    const char *run_id, *dir; /* of the store's run; "" */
};

struct provider_runs {
    struct provider_run *runs; /* by start_time, then name */
    size_t count;
    void *memory;
};

/* All runs that have an event; released with provider_runs_done(). */
_must_check_ int provider_runs(struct provider *provider, struct text experiment,
                               struct provider_runs *ret, struct provider_error *ret_error);
void provider_runs_done(struct provider_runs *runs);

struct provider_plugins {
    struct text *names; /* each once, by name */
    size_t count;
    void *memory;
};

/* Names of all plugins that have a series of a known class, even one without a sound point. */
_must_check_ int provider_plugins(struct provider *provider, struct text experiment,
                                  struct provider_plugins *ret, struct provider_error *ret_error);
void provider_plugins_done(struct provider_plugins *plugins);

/* ---- series ----------------------------------------------------------------------------- */

enum provider_class { /* TensorBoard's numbers */
    PROVIDER_SCALARS = 1,
    PROVIDER_TENSORS,
    PROVIDER_BLOBS,
};

/* Borrowed for the call. */
struct provider_query {
    enum provider_class data_class;
    struct text experiment;
    struct text plugin;         /* the whole name; empty: -EINVAL */
    bool by_runs, by_tags;      /* only those below; then none of them means nothing at all */
    const struct text *runs, *tags;
    size_t n_runs, n_tags;
    bool has_limit;             /* reading needs it */
    int64_t limit;              /* points of each series; negative: -EINVAL */
};

struct provider_row {
    const char *run;
    struct text tag;
    struct text plugin, content, display_name, description; /* content: bytes; the rest UTF-8 */
    int64_t max_step;
    double max_wall;
    int64_t max_length;         /* blobs: of the longest sequence */
    uint64_t count;             /* points that an answer may have */
};

struct provider_list {
    struct provider_row *rows; /* those of one run together: by start of the run, then tag */
    size_t count;
    void *memory;
};

/* Series of the class and plugin that have a sound point; released with provider_list_done(). */
_must_check_ int provider_list(struct provider *provider, const struct provider_query *query,
                               struct provider_list *ret, struct provider_error *ret_error);
void provider_list_done(struct provider_list *list);

/* ---- points ----------------------------------------------------------------------------- */

/* Points of one series, columns of equal length; valid until the next call on the reader. */
struct provider_points {
    const struct provider_row *row; /* of max_step … count nothing is set */
    size_t count;
    const int64_t *step;
    const double *wall;
    const double *value;            /* scalars: exact but for integers beyond 2^53 */
    const struct text *tensor;      /* tensors: serialized TensorProto that Python can decode */
    const size_t *blobs;            /* blob sequences: how many blobs each point has … */
    const char *const *keys;        /* … and their keys, those of all points one behind another */
};

struct provider_reader;

/* Every series of the class and plugin that the filter lets pass, one after another, even one
 * without a point. A limited answer has exactly min(limit, present) points: the last, the first,
 * then for scalars the least and the greatest of each stretch, for others evenly spaced ones; the
 * same each time. A value that cannot be read back or converted is left out. */
_must_check_ int provider_read(struct provider *provider, const struct provider_query *query,
                               struct provider_reader **ret, struct provider_error *ret_error);
/* 1: *ret is the next series'; 0: that was all; or an error. Series of one run come together. */
_must_check_ int provider_read_next(struct provider_reader *reader, struct provider_points *ret,
                                    struct provider_error *ret_error);
/* Accepts NULL; returns NULL. */
struct provider_reader *provider_read_end(struct provider_reader *reader);

/* ---- blobs ------------------------------------------------------------------------------ */

struct provider_blob {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;
    void *memory;
};

/* The blob behind a key of provider_points. Keys hold letters, digits, "-" and "_" alone, and stay
 * good as long as the point is kept, over restarts too. Released with provider_blob_done(). */
_must_check_ int provider_blob(struct provider *provider, struct text key,
                               struct provider_blob *ret, struct provider_error *ret_error);
void provider_blob_done(struct provider_blob *blob);

#endif
