/* eventfile/event.h: a record's payload to an event and its values.
 *
 * Field numbers and rules: tensorboard/compat/proto event.proto, summary.proto, tensor.proto
 * (wire format of TensorFlow's Event). Nothing is copied: slices point into the payload, except
 * where unusual input (a singular message in several pieces) had to be merged, which the decoder
 * keeps until its next call.
 *
 * Scalars of every shape that writers emit are decoded by hand; unusual input goes to protobuf-c.
 * Which way was taken never shows in the result. Unknown fields are skipped, fields may come in
 * any order, the last of a repeated singular field wins.
 *
 * Thread: a decoder belongs to one thread at a time; different decoders are independent. */
#ifndef EVENTFILE_EVENT_H
#define EVENTFILE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/error.h>
#include <eventfile/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that somebody else owns. Strings are as in the file: not terminated, perhaps not UTF-8. */
struct ef_slice {
    const uint8_t *data;
    size_t size;
};

enum ef_what { /* what an event carries; numbers are the field numbers of Event */
    EF_WHAT_NONE = 0,
    EF_WHAT_FILE_VERSION = 3,
    EF_WHAT_GRAPH_DEF = 4,
    EF_WHAT_SUMMARY = 5,
    EF_WHAT_LOG_MESSAGE = 6,
    EF_WHAT_SESSION_LOG = 7,
    EF_WHAT_RUN_METADATA = 8,
    EF_WHAT_META_GRAPH_DEF = 9,
};

enum ef_session_status { EF_SESSION_NONE = 0, EF_SESSION_START, EF_SESSION_STOP,
                         EF_SESSION_CHECKPOINT };

enum ef_value_kind {
    EF_VALUE_NONE = 0,  /* tag and metadata only, no member set */
    EF_VALUE_SCALAR,    /* simple_value, or a tensor that holds exactly one number of a type below
                           and has data class SCALAR, or no class and plugin "scalars", or rank 0
                           and neither a class nor a plugin known to have another class */
    EF_VALUE_TENSOR,    /* any other tensor */
    EF_VALUE_HISTOGRAM, /* old-style histo */
    EF_VALUE_IMAGE,     /* old-style image */
    EF_VALUE_AUDIO,     /* old-style audio */
    EF_VALUE_OBSOLETE,  /* member 3, kept as bytes */
};

/* Number type of a scalar as it was written. HALF, BFLOAT16 and FLOAT8 widen exactly to F32. */
enum ef_number {
    EF_NUMBER_F32 = 1, EF_NUMBER_F64,
    EF_NUMBER_I8, EF_NUMBER_I16, EF_NUMBER_I32, EF_NUMBER_I64,
    EF_NUMBER_U8, EF_NUMBER_U16, EF_NUMBER_U32, EF_NUMBER_U64,
    EF_NUMBER_BOOL,
};

enum ef_data_class { EF_CLASS_UNKNOWN = 0, EF_CLASS_SCALAR, EF_CLASS_TENSOR,
                     EF_CLASS_BLOB_SEQUENCE };

struct ef_metadata { /* SummaryMetadata; all empty when the value has none */
    struct ef_slice plugin;       /* plugin_data.plugin_name */
    struct ef_slice content;      /* plugin_data.content */
    struct ef_slice display_name;
    struct ef_slice description;
    int data_class;               /* enum ef_data_class, or a number that is none of them */
};

struct ef_value {
    struct ef_slice tag;
    uint8_t kind;       /* enum ef_value_kind */
    uint8_t number;     /* SCALAR: enum ef_number */
    bool has_metadata;  /* `metadata` below is filled only if set */
    uint64_t bits;      /* SCALAR: F32: the 32 bits; F64: the 64 bits; signed types sign-extended,
                           unsigned and bool zero-extended */
    struct ef_slice payload; /* other kinds: the member's message bytes, in the record's payload */
    int dtype;          /* TENSOR, and a SCALAR that came as a tensor: DataType number, else 0 */
    struct ef_metadata metadata;
};

struct ef_event { /* fields that are not named for `what` are 0 or empty */
    double wall_time; /* seconds since 1970; 0 when missing */
    int64_t step;     /* 0 when missing */
    uint8_t what;     /* enum ef_what: the last member wins */
    int session_status;          /* SESSION_LOG: enum ef_session_status */
    struct ef_slice text;        /* FILE_VERSION: it; RUN_METADATA: its tag */
    struct ef_slice bytes;       /* GRAPH_DEF, META_GRAPH_DEF, RUN_METADATA: the bytes */
    size_t n_values;             /* SUMMARY */
    const struct ef_value *values; /* owned by the decoder, until its next call */
};

typedef struct ef_decoder ef_decoder;

/* A decoder; it keeps memory from event to event, so use one for many. NULL when out of memory. */
EF_API ef_decoder *ef_decoder_new(void);
/* Releases, with all values it gave; accepts NULL; returns NULL. */
EF_API ef_decoder *ef_decoder_free(ef_decoder *decoder);

/* Decodes one payload. 0; EF_ERR_NOT_EVENT; EF_ERR_LIMIT (counted as damage by callers);
 * EF_ERR_NOMEM. Slices in *ret_event are valid while the payload is, and until the next call. */
EF_API EF_MUST_CHECK int ef_event_decode(ef_decoder *decoder, const void *data, size_t size,
                                         struct ef_event *ret_event);

/* The same by protobuf-c alone: the reference that tests hold the hand-written path against. */
EF_API EF_MUST_CHECK int ef_event_decode_reference(ef_decoder *decoder, const void *data,
                                                   size_t size, struct ef_event *ret_event);

/* What kind of series a value starts if it is the first of its tag, by the rules that TensorBoard's
 * readers share: an explicit data class is taken as it is; simple_value, histo, image and audio
 * name their plugin whatever the metadata says; else the plugin's name tells. */
enum ef_series_kind {
    EF_SERIES_SCALAR = 1,
    EF_SERIES_TENSOR, /* any tensor without a kind of its own: pr_curves, mesh, custom_scalars … */
    EF_SERIES_HISTOGRAM,
    EF_SERIES_IMAGE,
    EF_SERIES_AUDIO,
    EF_SERIES_TEXT,
    EF_SERIES_HPARAMS,
    EF_SERIES_GRAPH,
    EF_SERIES_BLOB, /* any other sequence of blobs */
};

struct ef_series {
    enum ef_series_kind kind;
    int data_class;          /* UNKNOWN: stock readers do not show it; `kind` is then derived */
    struct ef_slice plugin;  /* perhaps empty; a constant or in the payload */
    struct ef_slice content; /* plugin content; likewise */
};

/* Never fails. Thread: any. */
EF_API void ef_value_series(const struct ef_value *value, struct ef_series *ret_series);

/* The number in a SCALAR, or in a TENSOR that holds exactly one number, whatever its rank and
 * metadata: for a series known to be a scalar, whose later values have no metadata of their own.
 * False and `ret_` parameters untouched: it is not one number. Thread: any. */
EF_API bool ef_value_single(const struct ef_value *value, enum ef_number *ret_number,
                            uint64_t *ret_bits);

/* How many events this decoder gave to protobuf-c. */
EF_API uint64_t ef_decoder_fallbacks(const ef_decoder *decoder);

/* A scalar's bits as double: exact but for integers beyond 2^53. */
EF_API double ef_number_double(enum ef_number number, uint64_t bits);

#ifdef __cplusplus
}
#endif

#endif
