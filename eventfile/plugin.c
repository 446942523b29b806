/* eventfile/plugin.c: from a value and its metadata to the kind of series it belongs to. */
#include "eventfile/plugin.h"

#include "eventfile/tensor.h"
#include "eventfile/wire.h"

static const struct plugin {
    const char *name;
    enum ef_data_class data_class;
    enum ef_series_kind kind;
} plugins[] = {
    {"scalars", EF_CLASS_SCALAR, EF_SERIES_SCALAR},
    {"histograms", EF_CLASS_TENSOR, EF_SERIES_HISTOGRAM},
    {"text", EF_CLASS_TENSOR, EF_SERIES_TEXT},
    {"hparams", EF_CLASS_TENSOR, EF_SERIES_HPARAMS},
    {"pr_curves", EF_CLASS_TENSOR, EF_SERIES_TENSOR},
    {"mesh", EF_CLASS_TENSOR, EF_SERIES_TENSOR},
    {"custom_scalars", EF_CLASS_TENSOR, EF_SERIES_TENSOR},
    {"images", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_IMAGE},
    {"audio", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_AUDIO},
    {"graphs", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_GRAPH},
    {"graph_tagged_run_metadata", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_GRAPH},
    {"graph_run_metadata", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_GRAPH},
    {"graph_run_metadata_graph", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_GRAPH},
    {"graph_keras_model", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_GRAPH},
};

static const struct plugin *plugin_find(struct ef_slice name)
{
    for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++)
        if (slice_is(name, plugins[i].name))
            return &plugins[i];
    return NULL;
}

bool plugin_allows_scalar(const struct ef_value *value, bool rank_0)
{
    if (!value->has_metadata)
        return rank_0;
    if (value->metadata.data_class != EF_CLASS_UNKNOWN)
        return value->metadata.data_class == EF_CLASS_SCALAR;
    if (value->metadata.plugin.size == 0)
        return rank_0;
    const struct plugin *plugin = plugin_find(value->metadata.plugin);
    return plugin ? plugin->data_class == EF_CLASS_SCALAR : rank_0;
}

static struct ef_series series_named(const char *plugin, enum ef_data_class data_class,
                                     enum ef_series_kind kind, struct ef_slice content)
{
    struct ef_slice name = {(const uint8_t *)plugin, strlen(plugin)};

    return (struct ef_series){kind, data_class, name, content};
}

static enum ef_series_kind kind_of_class(int data_class)
{
    switch (data_class) {
    case EF_CLASS_SCALAR:
        return EF_SERIES_SCALAR;
    case EF_CLASS_BLOB_SEQUENCE:
        return EF_SERIES_BLOB;
    default:
        return EF_SERIES_TENSOR;
    }
}

/* The kind where neither member nor plugin name tells. */
static enum ef_series_kind kind_of_value(const struct ef_value *value)
{
    switch (value->kind) {
    case EF_VALUE_SCALAR:
        return EF_SERIES_SCALAR;
    case EF_VALUE_OBSOLETE:
        return EF_SERIES_BLOB;
    default:
        return EF_SERIES_TENSOR;
    }
}

/* Old-style members name their plugin, whatever the metadata says. */
static bool series_of_member(const struct ef_value *value, struct ef_series *ret_series)
{
    static const uint8_t image_content[] = {0x10, 0x01}; /* converted_to_tensor */
    static const uint8_t audio_content[] = {0x18, 0x01};
    const struct ef_slice nothing = {NULL, 0};

    switch (value->kind) {
    case EF_VALUE_SCALAR:
        if (value->dtype != 0) /* came as a tensor */
            return false;
        *ret_series = series_named("scalars", EF_CLASS_SCALAR, EF_SERIES_SCALAR, nothing);
        return true;
    case EF_VALUE_HISTOGRAM:
        *ret_series = series_named("histograms", EF_CLASS_TENSOR, EF_SERIES_HISTOGRAM, nothing);
        return true;
    case EF_VALUE_IMAGE:
        *ret_series = series_named("images", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_IMAGE,
                                   (struct ef_slice){image_content, sizeof image_content});
        return true;
    case EF_VALUE_AUDIO:
        *ret_series = series_named("audio", EF_CLASS_BLOB_SEQUENCE, EF_SERIES_AUDIO,
                                   (struct ef_slice){audio_content, sizeof audio_content});
        return true;
    default:
        return false;
    }
}

void ef_value_series(const struct ef_value *value, struct ef_series *ret_series)
{
    const struct ef_metadata none = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0};
    const struct ef_metadata *metadata = value->has_metadata ? &value->metadata : &none;
    const struct plugin *plugin = plugin_find(metadata->plugin);

    if (metadata->data_class == EF_CLASS_UNKNOWN && series_of_member(value, ret_series))
        return;
    ret_series->data_class = metadata->data_class;
    ret_series->plugin = metadata->plugin;
    ret_series->content = metadata->content;
    if (plugin) {
        ret_series->kind = plugin->kind;
        if (metadata->data_class == EF_CLASS_UNKNOWN)
            ret_series->data_class = plugin->data_class;
    } else if (metadata->data_class != EF_CLASS_UNKNOWN) {
        ret_series->kind = kind_of_class(metadata->data_class);
    } else {
        ret_series->kind = kind_of_value(value);
    }
}

bool ef_value_single(const struct ef_value *value, enum ef_number *ret_number, uint64_t *ret_bits)
{
    struct tensor tensor;

    if (value->kind == EF_VALUE_SCALAR) {
        *ret_number = (enum ef_number)value->number;
        *ret_bits = value->bits;
        return true;
    }
    if (value->kind != EF_VALUE_TENSOR)
        return false;
    tensor_init(&tensor);
    return tensor_piece(&tensor, value->payload) && tensor_single(&tensor, ret_number, ret_bits);
}
