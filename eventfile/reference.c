/* eventfile/reference.c: events by protobuf-c: unusual ones, and the reference for tests.
 *
 * Guard scan (well-formed? within limits?), join (pieces of oneof members), unpack into the arena,
 * copy to the public structs. Slices point into the arena: protobuf-c copies byte fields. */
#include "eventfile/decoder.h"
#include "eventfile/guard.h"
#include "eventfile/join.h"
#include "eventfile/value.h"

#include "event.pb-c.h"
#include "member.pb-c.h"

#include <string.h>

static struct ef_slice slice_of(ProtobufCBinaryData bytes)
{
    return (struct ef_slice){bytes.data, bytes.len};
}

static struct ef_slice nothing(void)
{
    return (struct ef_slice){NULL, 0};
}

static int unpack_failed(const struct arena *arena)
{
    return arena->failed ? EF_ERR_NOMEM : EF_ERR_NOT_EVENT;
}

static uint64_t bits_of_float(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static uint64_t bits_of_double(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static void copy_shape(const Ef__Pb__TensorShape *shape, struct tensor *t)
{
    t->rank = shape->n_dim;
    for (size_t i = 0; i < shape->n_dim; i++)
        t->ones = t->ones && shape->dim[i]->size == 1;
}

#define FIRST(list) (m->n_##list ? (uint64_t)(int64_t)m->list[0] : 0)

static void copy_tensor(const Ef__Pb__Tensor *m, struct tensor *t)
{
    tensor_init(t);
    t->dtype = m->dtype;
    t->content = slice_of(m->tensor_content);
    if (m->tensor_shape)
        copy_shape(m->tensor_shape, t);
    tensor_list_add(t, TENSOR_FLOAT, m->n_float_val,
                    m->n_float_val ? bits_of_float(m->float_val[0]) : 0);
    tensor_list_add(t, TENSOR_DOUBLE, m->n_double_val,
                    m->n_double_val ? bits_of_double(m->double_val[0]) : 0);
    tensor_list_add(t, TENSOR_INT, m->n_int_val, FIRST(int_val));
    tensor_list_add(t, TENSOR_INT64, m->n_int64_val, FIRST(int64_val));
    tensor_list_add(t, TENSOR_BOOL, m->n_bool_val, FIRST(bool_val));
    tensor_list_add(t, TENSOR_HALF, m->n_half_val, FIRST(half_val));
    tensor_list_add(t, TENSOR_UINT32, m->n_uint32_val, FIRST(uint32_val));
    tensor_list_add(t, TENSOR_UINT64, m->n_uint64_val, FIRST(uint64_val));
    tensor_list_add(t, TENSOR_FLOAT8, m->float8_val.len,
                    m->float8_val.len ? m->float8_val.data[0] : 0);
}

static int copy_tensor_member(struct arena *arena, struct ef_slice bytes, struct ef_value *v)
{
    ProtobufCAllocator allocator = arena_allocator(arena);
    Ef__Pb__Tensor *m = ef__pb__tensor__unpack(&allocator, bytes.size, bytes.data);
    struct tensor t;

    if (!m)
        return unpack_failed(arena);
    copy_tensor(m, &t);
    value_from_tensor(v, &t, bytes);
    return 0;
}

/* The guard scan has looked into these; unpacking them as well keeps the reference honest. */
static int unpack_member(struct arena *arena, enum ef_value_kind kind, struct ef_slice bytes)
{
    ProtobufCAllocator allocator = arena_allocator(arena);
    const void *m = NULL;

    if (kind == EF_VALUE_IMAGE)
        m = ef__pb__image__unpack(&allocator, bytes.size, bytes.data);
    else if (kind == EF_VALUE_HISTOGRAM)
        m = ef__pb__histogram__unpack(&allocator, bytes.size, bytes.data);
    else
        m = ef__pb__audio__unpack(&allocator, bytes.size, bytes.data);
    return m ? 0 : unpack_failed(arena);
}

static int copy_member(struct arena *arena, const Ef__Pb__Value *m, struct ef_value *v)
{
    v->payload = nothing();
    switch (m->value_case) {
    case EF__PB__VALUE__VALUE_SIMPLE_VALUE:
        v->kind = EF_VALUE_SCALAR;
        v->number = EF_NUMBER_F32;
        v->bits = bits_of_float(m->simple_value);
        return 0;
    case EF__PB__VALUE__VALUE_OBSOLETE_OLD_STYLE_HISTOGRAM:
        v->kind = EF_VALUE_OBSOLETE;
        v->payload = slice_of(m->obsolete_old_style_histogram);
        return 0;
    case EF__PB__VALUE__VALUE_IMAGE:
        v->kind = EF_VALUE_IMAGE;
        v->payload = slice_of(m->image);
        break;
    case EF__PB__VALUE__VALUE_HISTO:
        v->kind = EF_VALUE_HISTOGRAM;
        v->payload = slice_of(m->histo);
        break;
    case EF__PB__VALUE__VALUE_AUDIO:
        v->kind = EF_VALUE_AUDIO;
        v->payload = slice_of(m->audio);
        break;
    case EF__PB__VALUE__VALUE_TENSOR:
        return copy_tensor_member(arena, slice_of(m->tensor), v);
    default:
        v->kind = EF_VALUE_NONE;
        return 0;
    }
    return unpack_member(arena, (enum ef_value_kind)v->kind, v->payload);
}

static int copy_value(struct arena *arena, const Ef__Pb__Value *m, struct ef_value *v)
{
    v->tag = slice_of(m->tag);
    v->number = 0;
    v->bits = 0;
    v->dtype = 0;
    v->has_metadata = m->metadata != NULL;
    if (m->metadata) {
        const Ef__Pb__PluginData *plugin = m->metadata->plugin_data;
        v->metadata.plugin = plugin ? slice_of(plugin->plugin_name) : nothing();
        v->metadata.content = plugin ? slice_of(plugin->content) : nothing();
        v->metadata.display_name = slice_of(m->metadata->display_name);
        v->metadata.description = slice_of(m->metadata->summary_description);
        v->metadata.data_class = m->metadata->data_class;
    }
    return copy_member(arena, m, v);
}

static int copy_summary(ef_decoder *d, const Ef__Pb__Summary *m, struct ef_event *event)
{
    int r = decoder_reserve(d, m->n_value);

    for (size_t i = 0; r == 0 && i < m->n_value; i++)
        r = copy_value(&d->arena, m->value[i], &d->values[i]);
    event->n_values = m->n_value;
    event->values = d->values;
    return r;
}

static int copy_event(ef_decoder *d, const Ef__Pb__Event *m, struct ef_event *event)
{
    *event = (struct ef_event){.wall_time = m->wall_time, .step = m->step};
    event->what = (uint8_t)m->what_case;
    switch (event->what) {
    case EF_WHAT_FILE_VERSION:
        event->text = slice_of(m->file_version);
        break;
    case EF_WHAT_GRAPH_DEF:
        event->bytes = slice_of(m->graph_def);
        break;
    case EF_WHAT_SUMMARY:
        return copy_summary(d, m->summary, event);
    case EF_WHAT_SESSION_LOG:
        event->session_status = m->session_log->status;
        break;
    case EF_WHAT_RUN_METADATA:
        event->text = slice_of(m->tagged_run_metadata->tag);
        event->bytes = slice_of(m->tagged_run_metadata->run_metadata);
        break;
    case EF_WHAT_META_GRAPH_DEF:
        event->bytes = slice_of(m->meta_graph_def);
        break;
    default:
        break;
    }
    return 0;
}

int reference_decode(ef_decoder *d, struct ef_slice payload, struct ef_event *ret_event)
{
    ProtobufCAllocator allocator = arena_allocator(&d->arena);
    struct ef_event event;

    d->fallbacks++;
    d->bulky = true;
    arena_reset(&d->arena);
    int r = guard_scan(&ef__pb__event__descriptor, payload);
    if (r < 0)
        return r;
    r = join_event(&d->arena, payload, &payload);
    if (r < 0)
        return r;
    Ef__Pb__Event *m = ef__pb__event__unpack(&allocator, payload.size, payload.data);
    if (!m)
        return unpack_failed(&d->arena);
    r = copy_event(d, m, &event);
    if (r == 0)
        *ret_event = event;
    return r;
}
