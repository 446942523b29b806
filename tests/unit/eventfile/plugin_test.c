/* plugin_test.c: which series a value starts, by the rules that TensorBoard's readers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <eventfile/event.h>

#include "event_message.h"

static struct ef_slice slice(const char *text)
{
    return (struct ef_slice){(const uint8_t *)text, strlen(text)};
}

static struct ef_series series_of(uint8_t kind, int dtype, const char *plugin, int data_class)
{
    struct ef_value value = {.kind = kind, .dtype = dtype, .has_metadata = plugin != NULL};
    struct ef_series series;

    if (plugin) {
        value.metadata.plugin = slice(plugin);
        value.metadata.content = slice("content");
        value.metadata.data_class = data_class;
    }
    ef_value_series(&value, &series);
    return series;
}

static void assert_series(struct ef_series s, enum ef_series_kind kind, int data_class,
                          const char *plugin)
{
    assert_int_equal(s.kind, kind);
    assert_int_equal(s.data_class, data_class);
    assert_int_equal(s.plugin.size, strlen(plugin));
    if (s.plugin.size > 0)
        assert_memory_equal(s.plugin.data, plugin, s.plugin.size);
}

static void old_style_members_name_their_plugin(void **state)
{
    const char *const given[] = {NULL, "ignored"};

    for (int i = 0; i < 2; i++) {
        assert_series(series_of(EF_VALUE_SCALAR, 0, given[i], 0), EF_SERIES_SCALAR,
                      EF_CLASS_SCALAR, "scalars");
        assert_series(series_of(EF_VALUE_HISTOGRAM, 0, given[i], 0), EF_SERIES_HISTOGRAM,
                      EF_CLASS_TENSOR, "histograms");
        assert_series(series_of(EF_VALUE_IMAGE, 0, given[i], 0), EF_SERIES_IMAGE,
                      EF_CLASS_BLOB_SEQUENCE, "images");
        assert_series(series_of(EF_VALUE_AUDIO, 0, given[i], 0), EF_SERIES_AUDIO,
                      EF_CLASS_BLOB_SEQUENCE, "audio");
    }
    assert_memory_equal(series_of(EF_VALUE_IMAGE, 0, NULL, 0).content.data, "\x10\x01", 2);
    assert_memory_equal(series_of(EF_VALUE_AUDIO, 0, NULL, 0).content.data, "\x18\x01", 2);
}

static void an_explicit_class_is_taken_verbatim(void **state)
{
    struct ef_series s = series_of(EF_VALUE_SCALAR, 0, "mine", EF_CLASS_TENSOR);

    assert_series(s, EF_SERIES_TENSOR, EF_CLASS_TENSOR, "mine");
    assert_int_equal(s.content.size, strlen("content"));
    assert_series(series_of(EF_VALUE_TENSOR, 7, "mine", EF_CLASS_BLOB_SEQUENCE), EF_SERIES_BLOB,
                  EF_CLASS_BLOB_SEQUENCE, "mine");
    assert_series(series_of(EF_VALUE_SCALAR, 1, "", EF_CLASS_SCALAR), EF_SERIES_SCALAR,
                  EF_CLASS_SCALAR, "");
}

static void tensors_go_by_the_name_of_their_plugin(void **state)
{
    static const struct {
        const char *plugin;
        enum ef_series_kind kind;
        int data_class;
    } rules[] = {
        {"scalars", EF_SERIES_SCALAR, EF_CLASS_SCALAR},
        {"histograms", EF_SERIES_HISTOGRAM, EF_CLASS_TENSOR},
        {"text", EF_SERIES_TEXT, EF_CLASS_TENSOR},
        {"hparams", EF_SERIES_HPARAMS, EF_CLASS_TENSOR},
        {"pr_curves", EF_SERIES_TENSOR, EF_CLASS_TENSOR},
        {"mesh", EF_SERIES_TENSOR, EF_CLASS_TENSOR},
        {"custom_scalars", EF_SERIES_TENSOR, EF_CLASS_TENSOR},
        {"images", EF_SERIES_IMAGE, EF_CLASS_BLOB_SEQUENCE},
        {"audio", EF_SERIES_AUDIO, EF_CLASS_BLOB_SEQUENCE},
        {"graph_run_metadata", EF_SERIES_GRAPH, EF_CLASS_BLOB_SEQUENCE},
        {"graph_keras_model", EF_SERIES_GRAPH, EF_CLASS_BLOB_SEQUENCE},
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        assert_series(series_of(EF_VALUE_TENSOR, 1, rules[i].plugin, 0), rules[i].kind,
                      rules[i].data_class, rules[i].plugin);
        assert_series(series_of(EF_VALUE_NONE, 0, rules[i].plugin, 0), rules[i].kind,
                      rules[i].data_class, rules[i].plugin);
    }
}

static void what_nobody_knows_keeps_class_unknown(void **state)
{
    assert_series(series_of(EF_VALUE_SCALAR, 1, "mine", 0), EF_SERIES_SCALAR, 0, "mine");
    assert_series(series_of(EF_VALUE_TENSOR, 1, NULL, 0), EF_SERIES_TENSOR, 0, "");
    assert_series(series_of(EF_VALUE_NONE, 0, NULL, 0), EF_SERIES_TENSOR, 0, "");
    assert_series(series_of(EF_VALUE_OBSOLETE, 0, NULL, 0), EF_SERIES_BLOB, 0, "");
}

static void a_single_number_is_found_whatever_the_rank(void **state)
{
    struct event_message tensor = {0};
    struct ef_value value = {.kind = EF_VALUE_TENSOR, .dtype = 1};
    enum ef_number number = EF_NUMBER_BOOL;
    uint64_t bits = 0;

    event_message_number(&tensor, 1, 1);
    event_message_bytes(&tensor, 2, "\x12\x02\x08\x01\x12\x02\x08\x01", 8); /* [1, 1] */
    event_message_float(&tensor, 5, 0.5f);
    value.payload = (struct ef_slice){tensor.bytes, tensor.size};
    assert_true(ef_value_single(&value, &number, &bits));
    assert_int_equal(number, EF_NUMBER_F32);
    assert_true(ef_number_double(number, bits) == 0.5);
    event_message_float(&tensor, 5, 0.5f);
    value.payload.size = tensor.size;
    assert_false(ef_value_single(&value, &number, &bits));
    value.kind = EF_VALUE_NONE;
    assert_false(ef_value_single(&value, &number, &bits));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_style_members_name_their_plugin),
        cmocka_unit_test(an_explicit_class_is_taken_verbatim),
        cmocka_unit_test(tensors_go_by_the_name_of_their_plugin),
        cmocka_unit_test(what_nobody_knows_keeps_class_unknown),
        cmocka_unit_test(a_single_number_is_found_whatever_the_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
