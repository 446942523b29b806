#include "ingest/filestate.h"

#include <endian.h>
#include <errno.h>
#include <eventfile/record.h>
#include <eventfile/salvage.h>
#include <eventfile/scalar.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

_Static_assert((int)VALUE_F32 == (int)EF_NUMBER_F32 && (int)VALUE_BOOL == (int)EF_NUMBER_BOOL,
               "numbers of the library and of the store are the same");
_Static_assert(
    (int)SERIES_SCALAR == (int)EF_SERIES_SCALAR && (int)SERIES_TENSOR == (int)EF_SERIES_TENSOR &&
        (int)SERIES_HISTOGRAM == (int)EF_SERIES_HISTOGRAM &&
        (int)SERIES_IMAGE == (int)EF_SERIES_IMAGE && (int)SERIES_AUDIO == (int)EF_SERIES_AUDIO &&
        (int)SERIES_TEXT == (int)EF_SERIES_TEXT && (int)SERIES_HPARAMS == (int)EF_SERIES_HPARAMS &&
        (int)SERIES_GRAPH == (int)EF_SERIES_GRAPH && (int)SERIES_BLOB == (int)EF_SERIES_BLOB,
    "kinds of the library and of the store are the same");

/* One record on its way. */
struct step {
    struct filestate *file;
    struct filestate_tally *tally;
    const struct ef_event *event;
    uint64_t offset; /* of the record */
    const uint8_t *payload;
    size_t size; /* of the payload */
};

struct filestate *filestate_new(struct run *run, struct generation *generation)
{
    struct filestate *file = calloc(1, sizeof *file);
    struct place place;

    if (!file)
        return NULL;
    file->run = run;
    file->generation = generation;
    file->resumed = generation_placed(generation, &place) && place.offset > 0;
    return file;
}

struct filestate *filestate_free(struct filestate *file)
{
    if (file)
        tagcache_done(&file->tags);
    free(file);
    return NULL;
}

static struct text text_of(struct ef_slice slice)
{
    return (struct text){(const char *)slice.data, slice.size};
}

/* A record that cannot be used, whole or in part, is listed like damage: nothing gets lost without
 * a word. */
static int list_record(const struct step *s)
{
    struct damage damage = {
        .offset = s->offset,
        .length = s->size + EF_RECORD_OVERHEAD,
        .reason = EF_REASON_NOT_EVENT,
        .found_wall_s = clock_wall_s(NULL),
    };

    return generation_damage(s->file->generation, &damage);
}

/* What the tag began with in this file, when that was read before the start: it is the first
 * entry. */
static struct tagcache_entry *recall_first(struct filestate *file, struct text tag)
{
    struct tagcache_entry *first = tagcache_first(&file->tags, tag);

    if (first || !file->resumed)
        return first;
    enum series_kind kind = generation_first_kind(file->generation, tag);
    return kind ? tagcache_add(&file->tags, tag, (uint8_t)kind) : NULL;
}

/* The lane for a tag that the cache has none for. 0 and *ret_lane, which is NULL when the value is
 * left out; -ENOMEM. */
static int make_lane(const struct step *s, struct text tag, const struct series_meta *meta,
                     struct tagcache_entry *entry, struct lane **ret_lane)
{
    struct filestate *file = s->file;

    if (tag.size > LIMIT_TAG_BYTES) {
        s->tally->left_out++;
        *ret_lane = NULL;
        return list_record(s);
    }
    struct lane *lane = generation_lane(file->generation, tag, meta, s->offset);
    if (!lane) {
        struct run_summary summary;
        run_summarize(file->run, &summary);
        if (summary.series < LIMIT_SERIES_PER_RUN)
            return -ENOMEM;
        if (!file->told_limit)
            log_warn("run %s: more than %d series; further ones are left out", summary.name,
                     LIMIT_SERIES_PER_RUN);
        file->told_limit = true;
        s->tally->left_out++;
        *ret_lane = NULL;
        return 0;
    }
    if (!entry && file->resumed) {
        struct tagcache_entry *first = recall_first(file, tag);
        entry = first && first->kind == (uint8_t)meta->kind ? first : NULL;
    }
    if (!entry)
        entry = tagcache_add(&file->tags, tag, (uint8_t)meta->kind);
    if (entry) /* without memory for it, the lane is asked for again next time */
        entry->lane = lane;
    *ret_lane = lane;
    return 0;
}

static void describe(const struct ef_value *value, struct series_meta *meta)
{
    struct ef_series series;

    ef_value_series(value, &series);
    *meta = (struct series_meta){
        .kind = (enum series_kind)series.kind,
        .plugin = text_of(series.plugin),
        .content = text_of(series.content),
        .data_class = series.data_class,
    };
    if (value->has_metadata) {
        meta->display_name = text_of(value->metadata.display_name);
        meta->description = text_of(value->metadata.description);
    }
}

/* The first scalar of a tag in this part of the file. */
static int first_scalar(const struct step *s, const struct ef_value *value, enum ef_number number,
                        uint64_t bits)
{
    struct text tag = text_of(value->tag);
    struct tagcache_entry *entry = tagcache_search(&s->file->tags, tag, SERIES_SCALAR);
    struct lane *lane = entry ? entry->lane : NULL;
    struct series_meta meta;

    if (!lane) {
        describe(value, &meta);
        meta.kind = SERIES_SCALAR;
        int r = make_lane(s, tag, &meta, entry, &lane);
        if (r < 0 || !lane)
            return r;
    }
    int r = lane_add(lane, s->event->step, s->event->wall_time, (enum value_kind)number, bits);
    if (r == 0)
        s->tally->points++;
    return r;
}

static int add_reference(const struct step *s, struct text tag, const struct series_meta *meta,
                         struct ef_slice member)
{
    struct tagcache_entry *entry = tagcache_find(&s->file->tags, tag, (uint8_t)meta->kind);
    struct lane *lane = entry ? entry->lane : NULL;
    struct reference reference = {
        .step = s->event->step, .wall_time = s->event->wall_time, .record = s->offset};

    if (!lane) {
        int r = make_lane(s, tag, meta, entry, &lane);
        if (r < 0 || !lane)
            return r;
    }
    if (member.size > 0) {
        uintptr_t at = (uintptr_t)member.data, from = (uintptr_t)s->payload;
        if (at >= from && member.size <= s->size && at - from <= s->size - member.size) {
            reference.offset = s->offset + EF_HEADER_BYTES + (at - from);
            reference.length = member.size;
        } else { /* it was put together from pieces: the whole record stands for it */
            reference.offset = s->offset;
            reference.length = s->size + EF_RECORD_OVERHEAD;
        }
    }
    int r = lane_add_reference(lane, &reference);
    if (r == 0)
        s->tally->references++;
    return r;
}

/* Any value but a scalar. Writers send metadata with the first value of a tag only: a tensor
 * without any belongs to the kind that its tag began with in this file. */
static int take_other(const struct step *s, const struct ef_value *value)
{
    struct text tag = text_of(value->tag);
    struct series_meta meta;

    if (!value->has_metadata && (value->kind == EF_VALUE_TENSOR || value->kind == EF_VALUE_NONE)) {
        struct tagcache_entry *first = recall_first(s->file, tag);
        enum ef_number number;
        uint64_t bits;
        if (first && first->kind == SERIES_SCALAR && ef_value_single(value, &number, &bits))
            return first_scalar(s, value, number, bits);
        if (first && first->kind != SERIES_SCALAR) {
            describe(value, &meta);
            meta.kind = first->kind;
            return add_reference(s, tag, &meta, value->payload);
        }
    }
    describe(value, &meta);
    if (meta.kind == SERIES_SCALAR) /* said to be a scalar, but no number: kept as a tensor */
        meta.kind = SERIES_TENSOR;
    return add_reference(s, tag, &meta, value->payload);
}

/* Returns how many values were taken from `from` on: all of them, or fewer when memory is short. */
static size_t take_values(const struct step *s, size_t from)
{
    const struct ef_event *event = s->event;
    size_t i;
    int r;

    for (i = from; i < event->n_values; i++) {
        const struct ef_value *value = &event->values[i];
        if (__builtin_expect(value->kind == EF_VALUE_SCALAR, 1)) {
            struct tagcache_entry *entry =
                tagcache_find(&s->file->tags, text_of(value->tag), SERIES_SCALAR);
            if (__builtin_expect(entry && entry->lane, 1)) {
                r = lane_add(entry->lane, event->step, event->wall_time,
                             (enum value_kind)value->number, value->bits);
                s->tally->points += r == 0;
            } else {
                r = first_scalar(s, value, (enum ef_number)value->number, value->bits);
            }
        } else {
            r = take_other(s, value);
        }
        if (__builtin_expect(r < 0, 0))
            break;
    }
    return i;
}

static int take_graph(const struct step *s)
{
    bool graph = s->event->what == EF_WHAT_GRAPH_DEF;
    const struct series_meta meta = {
        .kind = SERIES_GRAPH,
        .plugin =
            graph ? (struct text){"graphs", 6} : (struct text){"graph_tagged_run_metadata", 25},
        .data_class = EF_CLASS_BLOB_SEQUENCE,
    };

    return add_reference(s, graph ? (struct text){"__run_graph__", 13} : text_of(s->event->text),
                         &meta, s->event->bytes);
}

static int take_session(const struct step *s)
{
    if (s->event->session_status != EF_SESSION_START)
        return 0;
    int r = generation_session_start(s->file->generation, s->event->step);
    if (r == 0)
        tagcache_forget_lanes(&s->file->tags); /* the rest may be a part of its own */
    return r;
}

/* One event; `begun` and `values` say what an earlier try has done already. Returns 0, or -ENOMEM
 * with *ret_values added so far. */
static int take_event(const struct step *s, bool begun, size_t values, size_t *ret_values)
{
    const struct ef_event *event = s->event;

    if (__builtin_expect(event->what == EF_WHAT_SUMMARY, 1)) {
        if (!begun)
            generation_event(s->file->generation, s->offset, event->wall_time, event->n_values > 0);
        size_t done = take_values(s, values);
        if (__builtin_expect(done == event->n_values, 1))
            return 0;
        *ret_values = done;
        return -ENOMEM;
    }
    *ret_values = 0;
    if (event->what == EF_WHAT_FILE_VERSION)
        return 0;
    bool graph = event->what == EF_WHAT_GRAPH_DEF || event->what == EF_WHAT_RUN_METADATA;
    if (!begun)
        generation_event(s->file->generation, s->offset, event->wall_time, graph);
    if (graph)
        return take_graph(s);
    return event->what == EF_WHAT_SESSION_LOG ? take_session(s) : 0;
}

/* Where to begin in this span, and what of the first record is done already. */
static const uint8_t *find_start(struct filestate *file, const struct span *span, bool *ret_begun,
                                 size_t *ret_values)
{
    const uint8_t *p = span->data;

    *ret_begun = false;
    *ret_values = 0;
    if (!file->stop.set)
        return p;
    if (file->stop.record >= span->offset && file->stop.record - span->offset < span->size) {
        p += file->stop.record - span->offset;
        *ret_begun = file->stop.begun;
        *ret_values = file->stop.values;
    }
    file->stop.set = false;
    return p;
}

static int stop_at(struct filestate *file, uint64_t record, bool begun, size_t values)
{
    file->stop.set = true;
    file->stop.record = record;
    file->stop.begun = begun;
    file->stop.values = values;
    return -ENOMEM;
}

/* One scalar of a known tag. False: a new tag, or no memory. */
static bool take_scalar(struct filestate *file, const uint8_t *payload, size_t size,
                        const struct ef_scalar *scalar)
{
    struct tagcache_entry *entry = tagcache_find(&file->tags, text_of(scalar->tag), SERIES_SCALAR);

    if (!entry || !entry->lane ||
        lane_add(entry->lane, scalar->step, scalar->wall_time, VALUE_F32, scalar->bits) < 0)
        return false;
    ef_scalar_learn(&entry->form, payload, size, scalar);
    return true;
}

/* Any other record, and the ones that a stop left half done. `decoded`: what the decoder said.
 * Returns 0 or -ENOMEM. */
static int take_record(const struct step *s, int decoded, bool begun, size_t values)
{
    if (decoded == 0) {
        if (take_event(s, begun, values, &values) == 0)
            return 0;
        return stop_at(s->file, s->offset, true, values);
    }
    if (decoded == EF_ERR_NOMEM || list_record(s) < 0)
        return stop_at(s->file, s->offset, begun, values);
    s->tally->not_events++;
    return 0;
}

int filestate_span(struct filestate *file, ef_decoder *decoder, const struct span *span,
                   struct filestate_tally *tally)
{
    const uint8_t *end = span->data + span->size;
    uint64_t scalars = 0, others = 0;
    bool begun;
    size_t values;
    int r = 0;

    if (file->replay_wanted) {
        if (generation_replay_begin(file->generation) < 0)
            return -ENOMEM;
        file->replay_wanted = false;
    }
    generation_place(file->generation, NULL);
    const uint8_t *p = find_start(file, span, &begun, &values);
    while (p < end) {
        struct ef_scalar scalar;
        struct ef_event event;
        uint64_t size;
        if (!begun && (p = filestate_scalars(file, p, end, &scalars)) == end)
            break;
        CHECK((size_t)(end - p) >= EF_RECORD_OVERHEAD);
        memcpy(&size, p, sizeof size);
        size = le64toh(size);
        CHECK(size <= (size_t)(end - p) - EF_RECORD_OVERHEAD);
        const uint64_t offset = span->offset + (uint64_t)(p - span->data);
        const uint8_t *payload = p + EF_HEADER_BYTES;
        if (!begun && ef_scalar_match(payload, size, &scalar)) {
            generation_event(file->generation, offset, scalar.wall_time, true);
            if (take_scalar(file, payload, size, &scalar)) {
                scalars++;
                p += size + EF_RECORD_OVERHEAD;
                continue;
            }
            begun = true;
        }
        r = ef_event_decode(decoder, payload, size, &event);
        const struct step s = {.file = file,
                               .tally = tally,
                               .event = &event,
                               .offset = offset,
                               .payload = payload,
                               .size = size};
        r = take_record(&s, r, begun, values);
        if (r < 0)
            break;
        others++;
        begun = false;
        values = 0;
        p += size + EF_RECORD_OVERHEAD;
    }
    tally->points += scalars;
    tally->records += scalars + others;
    return r < 0 ? r : 0;
}

void filestate_replay_begin(struct filestate *file)
{
    tagcache_clear(&file->tags);
    file->stop.set = file->resumed = false;
    file->replay_wanted = generation_replay_begin(file->generation) < 0;
}

int filestate_replay_end(struct filestate *file)
{
    if (file->replay_wanted) { /* no span came: the file has nothing any more, or no memory */
        file->replay_wanted = false;
        if (generation_replay_begin(file->generation) < 0)
            return -ENOMEM;
    }
    return generation_replay_end(file->generation);
}
