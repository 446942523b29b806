/* Points of series, one series after another, and single blobs. */
#include <errno.h>
#include <eventfile/event.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "provider/blobkey.h"
#include "provider/peek.h"
#include "provider/pick.h"
#include "provider/sample.h"
#include "provider/valueform.h"

enum { TRIES = 5 /* of a read that is overtaken by a reset */ };

struct provider_reader {
    struct pick pick;
    struct readback rb;
    struct texts texts;        /* the tag's */
    struct text experiment;
    char *experiment_copy;
    int64_t limit;
    size_t next;             /* of the run's series */
    struct provider_row row;
    /* columns; `room` items each */
    size_t room, count;
    int64_t *step;
    double *wall, *value;
    struct text *tensor;
    size_t *blobs, *at;      /* at: where a tensor or a key begins in `bytes` */
    struct sample_point *kept;
    size_t kept_room;
    const char **keys;
    size_t n_keys, keys_room;
    struct buf bytes;
};

/* ---- life --------------------------------------------------------------------------------- */

int provider_read(struct provider *provider, const struct provider_query *query,
                  struct provider_reader **ret, struct provider_error *ret_error)
{
    struct provider_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return provider_broken(ret_error, -ENOMEM);
    reader->bytes.max = LIMIT_ANSWER_BYTES;
    readback_init(&reader->rb, provider);
    int r = pick_init(&reader->pick, provider, query, ret_error);
    if (r == 0 && !query->has_limit)
        r = provider_fail(ret_error, -EINVAL, "must specify downsample");
    else if (r == 0 && query->limit < 0)
        r = provider_fail(ret_error, -EINVAL, "num_points must be non-negative; got %lld",
                          (long long)query->limit);
    reader->limit = query->limit;
    reader->experiment_copy = malloc(query->experiment.size + 1);
    if (r == 0 && !reader->experiment_copy)
        r = provider_broken(ret_error, -ENOMEM);
    if (r != 0 || !reader->experiment_copy) {
        provider_read_end(reader);
        return r;
    }
    if (query->experiment.size > 0)
        memcpy(reader->experiment_copy, query->experiment.data, query->experiment.size);
    reader->experiment = (struct text){reader->experiment_copy, query->experiment.size};
    *ret = reader;
    return 0;
}

struct provider_reader *provider_read_end(struct provider_reader *reader)
{
    if (!reader)
        return NULL;
    pick_done(&reader->pick);
    readback_done(&reader->rb);
    texts_done(&reader->texts);
    buf_done(&reader->bytes);
    free(reader->experiment_copy);
    free(reader->step);
    free(reader->wall);
    free(reader->value);
    free(reader->tensor);
    free(reader->blobs);
    free(reader->at);
    free(reader->kept);
    free(reader->keys);
    free(reader);
    return NULL;
}

static int widen(void **column, size_t count, size_t width)
{
    void *more = realloc(*column, count * width);

    if (!more)
        return -ENOMEM;
    *column = more;
    return 0;
}

static int make_room(struct provider_reader *rd, size_t count)
{
    const bool numbers = rd->pick.data_class == PROVIDER_SCALARS;

    if (count <= rd->room && rd->room > 0)
        return 0;
    count = MAX(count, (size_t)64);
    int r = widen((void **)&rd->step, count, sizeof *rd->step);
    if (r == 0)
        r = widen((void **)&rd->wall, count, sizeof *rd->wall);
    if (r == 0 && numbers)
        r = widen((void **)&rd->value, count, sizeof *rd->value);
    if (r == 0 && !numbers)
        r = widen((void **)&rd->tensor, count, sizeof *rd->tensor);
    if (r == 0 && !numbers)
        r = widen((void **)&rd->blobs, count, sizeof *rd->blobs);
    if (r == 0 && !numbers)
        r = widen((void **)&rd->at, count, sizeof *rd->at);
    if (r == 0)
        rd->room = count;
    return r;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static double value_at(const struct answer *a, size_t i)
{
    enum value_kind kind = a->kinds ? (enum value_kind)a->kinds[i] : a->kind;

    return ef_number_double((enum ef_number)kind, a->bits[i]);
}

static void take_all(struct provider_reader *rd, const struct answer *a)
{
    memcpy(rd->step + rd->count, a->step, a->count * sizeof *a->step);
    memcpy(rd->wall + rd->count, a->wall, a->count * sizeof *a->wall);
    double *to = rd->value + rd->count;
    if (!a->kinds && a->kind == VALUE_F32) {
        for (size_t i = 0; i < a->count; i++) {
            uint32_t bits = (uint32_t)a->bits[i];
            float value;
            memcpy(&value, &bits, sizeof value);
            to[i] = value;
        }
    } else {
        for (size_t i = 0; i < a->count; i++)
            to[i] = value_at(a, i);
    }
    rd->count += a->count;
}

static void take_some(struct sample *sample, const struct answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct sample_point point = {a->step[i], a->wall[i], value_at(a, i)};
        sample_add(sample, &point);
    }
}

/* `sample` NULL: every point. */
static int take_points(struct provider_reader *rd, struct sample *sample, struct answer *whole,
                       struct walk *walk)
{
    int r = 1;

    if (!walk) {
        if (sample)
            take_some(sample, whole);
        else
            take_all(rd, whole);
        return 0;
    }
    while (r > 0) {
        struct answer piece = {0};
        r = walk_next(walk, &piece);
        if (r <= 0)
            break;
        if (sample)
            take_some(sample, &piece);
        else if (rd->count + piece.count <= rd->room)
            take_all(rd, &piece);
        answer_done(&piece);
    }
    return r;
}

static int read_numbers_once(struct provider_reader *rd, struct series *series, uint64_t limit)
{
    const struct query query = {.axis = AXIS_STEP, .view = VIEW_STITCHED};
    _cleanup_(answer_done) struct answer whole = {0};
    struct walk *walk = NULL;
    struct sample sample;

    rd->count = 0;
    int r = series_walk(series, &query, &whole, &walk);
    if (r < 0)
        return r;
    const bool all = limit >= whole.count;
    const size_t want = (size_t)(all ? whole.count : limit);
    if (want > LIMIT_ANSWER_POINTS)
        r = -EOVERFLOW;
    if (r == 0)
        r = make_room(rd, want);
    if (r == 0 && !all && want > rd->kept_room) {
        r = widen((void **)&rd->kept, want, sizeof *rd->kept);
        rd->kept_room = r == 0 ? want : rd->kept_room;
    }
    if (r == 0 && want > 0) {
        if (!all)
            sample_init(&sample, whole.count, limit, rd->kept);
        r = take_points(rd, all ? NULL : &sample, &whole, walk);
        for (size_t i = 0; !all && r == 0 && i < sample.n_kept; i++) {
            rd->step[i] = rd->kept[i].step;
            rd->wall[i] = rd->kept[i].wall;
            rd->value[i] = rd->kept[i].value;
            rd->count = i + 1;
        }
    }
    walk_free(walk);
    return r;
}

static int read_numbers(struct provider_reader *rd, struct series *series, uint64_t limit)
{
    int r = -ESTALE;

    for (int i = 0; i < TRIES && r == -ESTALE; i++)
        r = read_numbers_once(rd, series, limit);
    return r;
}

/* ---- values in files ---------------------------------------------------------------------- */

static int add_tensor(struct provider_reader *rd, const struct value_place *place, struct text tag)
{
    struct ef_value value;
    const size_t start = rd->bytes.length;

    int r = readback_value(&rd->rb, place, tag, &value);
    if (r == 0)
        r = valueform_tensor(&value, &rd->bytes);
    if (r == -EBADMSG)
        rd->bytes.length = start; /* it may have begun */
    if (r < 0)
        return r;
    rd->at[rd->count] = start;
    rd->tensor[rd->count].size = rd->bytes.length - start;
    return 0;
}

static int add_key(struct provider_reader *rd, const struct blobkey *key)
{
    if (rd->n_keys == rd->keys_room) {
        size_t room = MAX(2 * rd->keys_room, (size_t)64);
        int r = widen((void **)&rd->keys, room, sizeof *rd->keys);
        if (r < 0)
            return r;
        rd->keys_room = room;
    }
    /* The offset for now: the buffer may move. */
    rd->keys[rd->n_keys] = (const char *)(uintptr_t)rd->bytes.length;
    int r = blobkey_write(key, &rd->bytes);
    if (r == 0)
        r = buf_char(&rd->bytes, '\0');
    rd->n_keys += r == 0;
    return r;
}

static int add_blobs(struct provider_reader *rd, const struct series_summary *s,
                     const struct value_place *places, size_t i)
{
    struct blobkey key = {.experiment = rd->experiment, .run = text_from(rd->row.run),
                          .tag = rd->row.tag, .step = places[i].reference.step};
    int64_t n = peek_count(&rd->rb, &places[i], s);

    if (n < 0)
        return (int)n;
    while (i > 0 && places[--i].reference.step == key.step)
        key.nth++;
    for (key.index = 0; key.index < (uint64_t)n; key.index++) {
        int r = add_key(rd, &key);
        if (r < 0)
            return r;
    }
    rd->blobs[rd->count] = (size_t)n;
    return 0;
}

static int read_values(struct provider_reader *rd, const struct series_summary *s, uint64_t limit)
{
    const bool blobs = rd->pick.data_class == PROVIDER_BLOBS;
    _cleanup_free_ struct value_place *places = NULL;
    size_t n;

    int r = series_references(s->series, VIEW_STITCHED, &places, &n);
    if (r == 0)
        r = make_room(rd, (size_t)MIN((uint64_t)n, limit));
    if (r < 0)
        return r;
    readback_run(&rd->rb, rd->pick.at->id, rd->pick.at->path);
    buf_clear(&rd->bytes);
    rd->n_keys = 0;
    const bool all = limit >= n;
    for (uint64_t i = 0; i < MIN((uint64_t)n, limit); i++) {
        size_t at = (size_t)(all ? i : sample_even(i, limit, n));
        r = blobs ? add_blobs(rd, s, places, at) : add_tensor(rd, &places[at], s->tag);
        if (r == -ENOMEM)
            return r;
        if (r == -EMSGSIZE)
            return -EOVERFLOW;
        if (r < 0) /* left out */
            continue;
        rd->step[rd->count] = places[at].reference.step;
        rd->wall[rd->count++] = places[at].reference.wall_time;
    }
    for (size_t i = 0; !blobs && i < rd->count; i++)
        rd->tensor[i].data = rd->bytes.data + rd->at[i];
    for (size_t i = 0; i < rd->n_keys; i++)
        rd->keys[i] = rd->bytes.data + (uintptr_t)rd->keys[i];
    return 0;
}

/* ---- the next series ---------------------------------------------------------------------- */

static uint64_t limit_of(const struct provider_reader *rd, const struct series_summary *s)
{
    bool said;
    uint64_t most = hints_most(&rd->pick.provider->hints, s->meta.plugin, &said);

    /* TensorBoard asks for 0 points of a plugin of which it was told to show all. */
    if (rd->limit == 0 && said && most == HINT_ALL)
        return HINT_ALL;
    return MIN((uint64_t)rd->limit, most);
}

int provider_read_next(struct provider_reader *reader, struct provider_points *ret,
                       struct provider_error *ret_error)
{
    struct provider_reader *rd = reader;
    int r;

    if (rd->next == rd->pick.n_series) {
        rd->next = 0;
        r = pick_next(&rd->pick);
        if (r <= 0) {
            rd->pick.n_series = 0;
            return r < 0 ? provider_broken(ret_error, r) : 0;
        }
    }
    const struct series_summary *s = &rd->pick.series[rd->next++];
    texts_done(&rd->texts);
    rd->count = 0;
    rd->row = (struct provider_row){.run = rd->pick.at->name, .plugin = s->meta.plugin};
    r = texts_tag(&rd->texts, s->tag, &rd->row.tag);
    uint64_t limit = limit_of(rd, s);
    if (r == 0 && limit > 0 && pick_count(rd->pick.provider, s) > 0)
        r = rd->pick.data_class == PROVIDER_SCALARS ? read_numbers(rd, s->series, limit)
                                                    : read_values(rd, s, limit);
    if (r < 0)
        return provider_broken(ret_error, r);
    *ret = (struct provider_points){
        .row = &rd->row, .count = rd->count, .step = rd->step, .wall = rd->wall,
        .value = rd->value, .tensor = rd->tensor, .blobs = rd->blobs, .keys = rd->keys};
    return 1;
}

/* ---- one blob ----------------------------------------------------------------------------- */

static int get_blob(struct readback *rb, const struct value_place *place,
                    const struct series_summary *s, const struct blobkey *key,
                    struct provider_blob *ret, struct provider_error *ret_error)
{
    char number[VALUEFORM_NUMBER_BYTES];
    struct ef_slice blob = {NULL, 0};
    struct ef_value value;
    size_t count = 0;

    int r = readback_value(rb, place, s->tag, &value);
    if (r == 0)
        r = valueform_blobs(&value, s->meta.plugin, (size_t)key->index, &count, &blob, number);
    if (r == -EBADMSG)
        return provider_fail(ret_error, -ENOENT,
                             "run \"%s\", step %lld: the bytes in its file are not that value any "
                             "more", key->run.data, (long long)key->step);
    if (r < 0)
        return provider_broken(ret_error, r);
    if (key->index >= count)
        return provider_fail(ret_error, -ENOENT,
                             "run \"%s\", tag \"%.*s\", step %lld has no blob %llu; it has %zu",
                             key->run.data, (int)MIN(key->tag.size, 200), key->tag.data,
                             (long long)key->step, (unsigned long long)key->index, count);
    const uintptr_t from = (uintptr_t)rb->data, at = (uintptr_t)blob.data;
    if (blob.size > 0 && (at < from || at >= from + rb->capacity)) { /* not in the record */
        uint8_t *copy = malloc(blob.size);
        if (!copy)
            return provider_broken(ret_error, -ENOMEM);
        memcpy(copy, blob.data, blob.size);
        *ret = (struct provider_blob){copy, blob.size, copy};
        return 0;
    }
    *ret = (struct provider_blob){blob.data, blob.size, readback_take(rb)};
    return 0;
}

static int find_blob(struct provider *provider, const struct blobkey *key,
                     struct provider_blob *ret, struct provider_error *ret_error)
{
    _cleanup_(roll_done) struct roll roll = {0};
    _cleanup_(readback_done) struct readback rb;
    _cleanup_free_ struct value_place *places = NULL;
    const int tag_size = (int)MIN(key->tag.size, 200);
    struct series_summary s;
    size_t count = 0, at = 0;

    readback_init(&rb, provider);
    int r = roll_make(&roll, provider, (struct text){"", 0});
    if (r < 0)
        return provider_broken(ret_error, r);
    const struct roll_entry *entry = roll_find(&roll, key->run);
    if (!entry)
        return provider_fail(ret_error, -ENOENT, "no such run: \"%s\"", key->run.data);
    struct series *series = tagname_find(entry->run, entry->dir, key->tag);
    r = series ? series_summarize(series, VIEW_STITCHED, &s) : 0;
    if (r == 0 && series)
        r = series_references(series, VIEW_STITCHED, &places, &count);
    if (r < 0)
        return provider_broken(ret_error, r);
    if (!series || s.meta.data_class != PROVIDER_BLOBS)
        return provider_fail(ret_error, -ENOENT, "run \"%s\" has no such tag: \"%.*s\"",
                             key->run.data, tag_size, key->tag.data);
    while (at < count && places[at].reference.step < key->step)
        at++;
    if (count - at <= key->nth || places[at + key->nth].reference.step != key->step)
        return provider_fail(ret_error, -ENOENT,
                             "run \"%s\", tag \"%.*s\" has no step %lld; may have been evicted",
                             key->run.data, tag_size, key->tag.data, (long long)key->step);
    readback_run(&rb, entry->id, entry->path);
    return get_blob(&rb, &places[at + key->nth], &s, key, ret, ret_error);
}

int provider_blob(struct provider *provider, struct text key, struct provider_blob *ret,
                  struct provider_error *ret_error)
{
    struct blobkey parsed;
    const char *why;

    int r = blobkey_parse(key, &parsed, &why);
    if (r == -ENOMEM)
        return provider_broken(ret_error, r);
    if (r < 0)
        return provider_fail(ret_error, r, "failed to parse blob key: %s", why);
    r = find_blob(provider, &parsed, ret, ret_error);
    blobkey_done(&parsed);
    return r;
}

void provider_blob_done(struct provider_blob *blob)
{
    free(blob->memory);
    *blob = (struct provider_blob){0};
}
