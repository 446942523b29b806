/* List* and Read*: series of the three classes, written as they come. */
#include "eventfile/wire.h"
#include "grpc/call.h"
#include "grpc/protoout.h"

/* ---- the request -------------------------------------------------------------------------- */

struct names {
    struct text *items;
    size_t count, capacity;
};

struct asked {
    struct provider_query query;
    struct names runs, tags;
    bool no_memory;
};

static void asked_done(struct asked *a)
{
    free(a->runs.items);
    free(a->tags.items);
}

static struct text text_of(struct ef_slice s)
{
    return (struct text){(const char *)s.data, s.size};
}

/* RunFilter, TagFilter: names. */
static bool read_names(struct ef_slice message, struct asked *a, struct names *names)
{
    struct wire w = wire_over(message);
    struct ef_slice name;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag != WIRE_TAG(1, WIRE_LEN)) {
            if (!wire_skip(&w, tag))
                return false;
            continue;
        }
        if (!wire_len(&w, &name))
            return false;
        if (names->count == names->capacity) {
            size_t capacity = names->capacity ? 2 * names->capacity : 64;
            void *items = realloc(names->items, capacity * sizeof *names->items);
            if (!items) {
                a->no_memory = true;
                return false;
            }
            names->items = items;
            names->capacity = capacity;
        }
        names->items[names->count++] = text_of(name);
    }
    return true;
}

static bool read_filter(struct ef_slice message, struct asked *a)
{
    struct wire w = wire_over(message);
    struct ef_slice inner;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (tag == WIRE_TAG(1, WIRE_LEN) || tag == WIRE_TAG(2, WIRE_LEN)) {
            const bool runs = tag >> 3 == 1;
            *(runs ? &a->query.by_runs : &a->query.by_tags) = true;
            if (!wire_len(&w, &inner) || !read_names(inner, a, runs ? &a->runs : &a->tags))
                return false;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

/* A message of one field: its string (bytes) or its number. */
static bool read_one(struct ef_slice message, struct ef_slice *bytes, int64_t *number)
{
    struct wire w = wire_over(message);
    uint64_t value;
    uint32_t tag;

    while (w.at < w.end) {
        if (!wire_tag(&w, &tag))
            return false;
        if (bytes && tag == WIRE_TAG(1, WIRE_LEN)) {
            if (!wire_len(&w, bytes))
                return false;
        } else if (number && tag == WIRE_TAG(1, WIRE_VARINT)) {
            if (!wire_varint(&w, &value))
                return false;
            *number = (int64_t)value;
        } else if (!wire_skip(&w, tag)) {
            return false;
        }
    }
    return true;
}

static bool read_request(struct text request, struct asked *a)
{
    struct wire w = wire_over((struct ef_slice){(const uint8_t *)request.data, request.size});
    struct ef_slice inner, plugin = {NULL, 0}, experiment = {NULL, 0};
    uint32_t tag;

    while (w.at < w.end) {
        bool fine;
        if (!wire_tag(&w, &tag))
            return false;
        if (tag > WIRE_TAG(4, WIRE_LEN) || (tag & 7) != WIRE_LEN) {
            if (!wire_skip(&w, tag))
                return false;
            continue;
        }
        if (!wire_len(&w, &inner))
            return false;
        switch (tag >> 3) {
        case 1:
            experiment = inner;
            fine = true;
            break;
        case 2:
            fine = read_one(inner, &plugin, NULL);
            break;
        case 3:
            fine = read_filter(inner, a);
            break;
        default:
            a->query.has_limit = true;
            fine = read_one(inner, NULL, &a->query.limit);
            break;
        }
        if (!fine)
            return false;
    }
    a->query.experiment = text_of(experiment);
    a->query.plugin = text_of(plugin);
    a->query.runs = a->runs.items;
    a->query.n_runs = a->runs.count;
    a->query.tags = a->tags.items;
    a->query.n_tags = a->tags.count;
    return true;
}

static bool ask(struct call *call, const struct rpc *rpc, struct asked *a)
{
    *a = (struct asked){.query.data_class = (enum provider_class)rpc->which};
    if (read_request(call->message, a))
        return true;
    if (a->no_memory)
        call_fail(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
    else
        call_fail(call, GRPC_INTERNAL, "the request is no valid message");
    return false;
}

/* ---- answers ------------------------------------------------------------------------------ */

static bool same_run(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Opens the run's entry if the row is of another run than the last one. */
static void turn_to(struct call *call, const char **run, size_t *entry, const char *next)
{
    if (same_run(*run, next))
        return;
    if (*run)
        proto_close(&call->out, *entry);
    *run = next;
    if (!next)
        return;
    *entry = proto_open(&call->out, 1);
    proto_bytes(&call->out, 1, next, strlen(next));
}

static void write_metadata(struct buf *out, const struct provider_row *row, int class)
{
    const bool blobs = class == PROVIDER_BLOBS;
    size_t metadata = proto_open(out, 2), summary, plugin;

    proto_i64(out, 1, row->max_step);
    proto_double(out, 2, row->max_wall);
    if (blobs)
        proto_i64(out, 3, row->max_length);
    summary = proto_open(out, blobs ? 4 : 3);
    plugin = proto_open(out, 1);
    proto_text(out, 1, row->plugin);
    proto_text(out, 2, row->content);
    proto_close(out, plugin);
    proto_text(out, 2, row->display_name);
    proto_text(out, 3, row->description);
    proto_i64(out, 4, class);
    proto_close(out, summary);
    proto_close(out, metadata);
}

static void list_series(struct call *call, const struct rpc *rpc)
{
    struct provider_error error;
    struct provider_list list;
    const char *run = NULL;
    struct asked a;
    size_t entry = 0;

    int r = ask(call, rpc, &a) ? provider_list(call->provider, &a.query, &list, &error) : 1;
    asked_done(&a);
    if (r < 0)
        call_broken(call, r, &error);
    if (r != 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        turn_to(call, &run, &entry, list.rows[i].run);
        size_t tag = proto_open(&call->out, 2);
        proto_text(&call->out, 1, list.rows[i].tag);
        write_metadata(&call->out, &list.rows[i], rpc->which);
        proto_close(&call->out, tag);
    }
    turn_to(call, &run, &entry, NULL);
    provider_list_done(&list);
}

static void write_steps(struct buf *out, const struct provider_points *p)
{
    size_t steps = proto_open(out, 1);

    if (buf_reserve(out, 10 * p->count) == 0) {
        uint8_t *to = (uint8_t *)out->data + out->length;
        for (size_t i = 0; i < p->count; i++) {
            uint64_t step = (uint64_t)p->step[i];
            while (step >= 0x80) {
                *to++ = (uint8_t)(step | 0x80);
                step >>= 7;
            }
            *to++ = (uint8_t)step;
        }
        out->length = (size_t)(to - (uint8_t *)out->data);
    }
    proto_close(out, steps);
}

static void write_walls(struct buf *out, const struct provider_points *p)
{
    proto_varint(out, 2 << 3 | 2);
    proto_varint(out, 8 * p->count);
    if (buf_reserve(out, 8 * p->count) < 0)
        return;
    char *to = out->data + out->length;
    for (size_t i = 0; i < p->count; i++) {
        uint64_t bits;
        memcpy(&bits, &p->wall[i], 8);
        bits = htole64(bits);
        memcpy(to + 8 * i, &bits, 8);
    }
    out->length += 8 * p->count;
}

static void write_values(struct buf *out, const struct provider_points *p)
{
    proto_varint(out, 3 << 3 | 2);
    proto_varint(out, 4 * p->count);
    if (buf_reserve(out, 4 * p->count) < 0)
        return;
    char *to = out->data + out->length;
    for (size_t i = 0; i < p->count; i++) {
        float value = (float)p->value[i];
        uint32_t bits;
        memcpy(&bits, &value, 4);
        bits = htole32(bits);
        memcpy(to + 4 * i, &bits, 4);
    }
    out->length += 4 * p->count;
}

static void write_sequences(struct buf *out, const struct provider_points *p)
{
    const char *const *key = p->keys;

    for (size_t i = 0; i < p->count; i++) {
        size_t sequence = proto_open(out, 3);
        for (size_t k = 0; k < p->blobs[i]; k++, key++) {
            size_t reference = proto_open(out, 1);
            proto_bytes(out, 1, *key, strlen(*key));
            proto_close(out, reference);
        }
        proto_close(out, sequence);
    }
}

static void write_points(struct buf *out, const struct provider_points *p, int class)
{
    size_t data = proto_open(out, 2);

    if (p->count > 0) {
        write_steps(out, p);
        write_walls(out, p);
    }
    if (p->count > 0 && class == PROVIDER_SCALARS)
        write_values(out, p);
    for (size_t i = 0; class == PROVIDER_TENSORS && i < p->count; i++) {
        proto_varint(out, 3 << 3 | 2);
        proto_varint(out, p->tensor[i].size);
        buf_add(out, p->tensor[i].data, p->tensor[i].size);
    }
    if (class == PROVIDER_BLOBS)
        write_sequences(out, p);
    proto_close(out, data);
}

static void read_series(struct call *call, const struct rpc *rpc)
{
    struct provider_reader *reader = NULL;
    struct provider_points points;
    struct provider_error error;
    const char *run = NULL;
    size_t entry = 0;
    struct asked a;

    int r = ask(call, rpc, &a) ? provider_read(call->provider, &a.query, &reader, &error) : 1;
    asked_done(&a);
    if (r < 0)
        call_broken(call, r, &error);
    if (r != 0)
        return;
    while (!atomic_load(&call->cancelled) && !buf_failed(&call->out) &&
           (r = provider_read_next(reader, &points, &error)) > 0) {
        turn_to(call, &run, &entry, points.row->run);
        size_t tag = proto_open(&call->out, 2);
        proto_text(&call->out, 1, points.row->tag);
        write_points(&call->out, &points, rpc->which);
        proto_close(&call->out, tag);
    }
    turn_to(call, &run, &entry, NULL);
    if (r < 0)
        call_broken(call, r, &error);
    provider_read_end(reader);
}

#define METHOD(name) "/tensorboard.data.TensorBoardDataProvider/" name

const struct rpc rpc_series[6] = {
    {METHOD("ListScalars"), list_series, PROVIDER_SCALARS},
    {METHOD("ReadScalars"), read_series, PROVIDER_SCALARS},
    {METHOD("ListTensors"), list_series, PROVIDER_TENSORS},
    {METHOD("ReadTensors"), read_series, PROVIDER_TENSORS},
    {METHOD("ListBlobSequences"), list_series, PROVIDER_BLOBS},
    {METHOD("ReadBlobSequences"), read_series, PROVIDER_BLOBS},
};
