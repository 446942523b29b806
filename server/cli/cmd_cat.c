/* cmd_cat.c: `tailboard cat`: prints what event files hold, one line a value.
 *
 * Text is for people, --json for programs. Damage is named on standard error and passed. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/double.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/inputs.h"

struct cat {
    struct inputs inputs;
    bool json;
    struct cli_list tags;
    const char *path;
    bool damaged;
};

static const char *const number_names[] = {
    [EF_NUMBER_F32] = "f32", [EF_NUMBER_F64] = "f64",   [EF_NUMBER_I8] = "i8",
    [EF_NUMBER_I16] = "i16", [EF_NUMBER_I32] = "i32",   [EF_NUMBER_I64] = "i64",
    [EF_NUMBER_U8] = "u8",   [EF_NUMBER_U16] = "u16",   [EF_NUMBER_U32] = "u32",
    [EF_NUMBER_U64] = "u64", [EF_NUMBER_BOOL] = "bool",
};

static const char *const kind_names[] = {
    [EF_VALUE_NONE] = "none",           [EF_VALUE_SCALAR] = "scalar", [EF_VALUE_TENSOR] = "tensor",
    [EF_VALUE_HISTOGRAM] = "histogram", [EF_VALUE_IMAGE] = "image",   [EF_VALUE_AUDIO] = "audio",
    [EF_VALUE_OBSOLETE] = "obsolete",
};

static const char *const what_names[] = {
    [EF_WHAT_NONE] = "nothing",
    [EF_WHAT_FILE_VERSION] = "file_version",
    [EF_WHAT_GRAPH_DEF] = "graph_def",
    [EF_WHAT_SUMMARY] = "summary",
    [EF_WHAT_LOG_MESSAGE] = "log_message",
    [EF_WHAT_SESSION_LOG] = "session_log",
    [EF_WHAT_RUN_METADATA] = "run_metadata",
    [EF_WHAT_META_GRAPH_DEF] = "meta_graph_def",
};

static const char *const session_names[] = {
    [EF_SESSION_NONE] = "unspecified",
    [EF_SESSION_START] = "start",
    [EF_SESSION_STOP] = "stop",
    [EF_SESSION_CHECKPOINT] = "checkpoint",
};

static const char *name_of(const char *const *names, size_t count, int number)
{
    return number >= 0 && (size_t)number < count && names[number] ? names[number] : "unknown";
}

#define NAME_OF(names, number) name_of(names, ARRAY_LEN(names), (int)(number))

/* --- numbers --- */

/* A scalar as it was written: integers exactly, a float by its shortest text. */
static void print_number(const struct cat *cat, const struct ef_value *value)
{
    char text[DOUBLE_TEXT_BYTES];
    double number = ef_number_double((enum ef_number)value->number, value->bits);

    switch (value->number) {
    case EF_NUMBER_F32:
    case EF_NUMBER_F64:
        if (!isfinite(number)) {
            const char *word = isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";
            printf(cat->json ? "\"%s\"" : "%s", word);
            return;
        }
        if (value->number == EF_NUMBER_F32)
            double_float_text(text, (float)number);
        else
            double_text(text, number);
        fputs(text, stdout);
        return;
    case EF_NUMBER_U8:
    case EF_NUMBER_U16:
    case EF_NUMBER_U32:
    case EF_NUMBER_U64:
        printf("%" PRIu64, value->bits);
        return;
    case EF_NUMBER_BOOL:
        fputs(value->bits ? "true" : "false", stdout);
        return;
    default:
        printf("%" PRId64, (int64_t)value->bits);
    }
}

/* Text for people: control characters escaped, long text cut. */
static void print_text(struct ef_slice text)
{
    char safe[256];
    bool cut = text.size > LIMIT_NAME_BYTES / 4;

    log_escape(safe, sizeof safe, (const char *)text.data, cut ? LIMIT_NAME_BYTES / 4 : text.size);
    printf("%s%s", safe, cut ? "…" : "");
}

static void print_tag(struct ef_slice tag)
{
    char safe[LIMIT_TAG_BYTES];

    log_escape(safe, sizeof safe, (const char *)tag.data, tag.size);
    fputs(tag.size ? safe : "\"\"", stdout);
}

/* --- text --- */

/* Times of no sensible year are printed as the number they are. */
static void print_wall_time(double wall_time)
{
    const double year_10000 = 253402300800.0;
    struct tm tm;
    char text[32];

    if (!(wall_time >= 0 && wall_time < year_10000)) {
        printf("%g", wall_time);
        return;
    }
    time_t seconds = (time_t)wall_time;
    int milliseconds = (int)((wall_time - (double)seconds) * 1000);
    if (!gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        text[0] = '\0';
    printf("%s.%03dZ", text, milliseconds);
}

static void text_head(const struct ef_event *event)
{
    printf("%" PRId64 "  ", event->step);
    print_wall_time(event->wall_time);
    fputs("  ", stdout);
}

static void text_value(const struct cat *cat, const struct ef_event *event,
                       const struct ef_value *value)
{
    text_head(event);
    print_tag(value->tag);
    fputs("  ", stdout);
    if (value->kind == EF_VALUE_SCALAR) {
        print_number(cat, value);
    } else {
        printf("%s", NAME_OF(kind_names, value->kind));
        if (value->has_metadata && value->metadata.plugin.size > 0) {
            fputs(" of ", stdout);
            print_text(value->metadata.plugin);
        }
        printf(", %zu bytes", value->payload.size);
    }
    fputc('\n', stdout);
}

static void text_other(const struct ef_event *event)
{
    text_head(event);
    printf("%s", NAME_OF(what_names, event->what));
    if (event->text.size > 0) {
        fputc(' ', stdout);
        print_text(event->text);
    }
    if (event->what == EF_WHAT_SESSION_LOG)
        printf(" %s", NAME_OF(session_names, event->session_status));
    if (event->bytes.size > 0)
        printf(", %zu bytes", event->bytes.size);
    fputc('\n', stdout);
}

/* --- JSON --- */

static void json_text(const char *name, struct ef_slice text)
{
    printf(",\"%s\":", name);
    cli_json_string(stdout, text.data, text.size);
}

static void json_head(const struct cat *cat, uint64_t offset, const struct ef_event *event)
{
    printf("{\"file\":");
    cli_json_string(stdout, cat->path, strlen(cat->path));
    printf(",\"offset\":%" PRIu64 ",\"wall_time\":", offset);
    cli_json_double(stdout, event->wall_time);
    printf(",\"step\":%" PRId64, event->step);
}

static void json_value(const struct cat *cat, uint64_t offset, const struct ef_event *event,
                       const struct ef_value *value)
{
    json_head(cat, offset, event);
    json_text("tag", value->tag);
    printf(",\"kind\":\"%s\"", NAME_OF(kind_names, value->kind));
    if (value->kind == EF_VALUE_SCALAR) {
        printf(",\"type\":\"%s\",\"value\":", NAME_OF(number_names, value->number));
        print_number(cat, value);
    } else {
        printf(",\"bytes\":%zu", value->payload.size);
    }
    if (value->kind == EF_VALUE_TENSOR)
        printf(",\"dtype\":%d", value->dtype);
    if (value->has_metadata) {
        if (value->metadata.plugin.size > 0)
            json_text("plugin", value->metadata.plugin);
        if (value->metadata.display_name.size > 0)
            json_text("display_name", value->metadata.display_name);
        if (value->metadata.description.size > 0)
            json_text("description", value->metadata.description);
    }
    printf("}\n");
}

static void json_other(const struct cat *cat, uint64_t offset, const struct ef_event *event)
{
    json_head(cat, offset, event);
    printf(",\"kind\":\"%s\"", NAME_OF(what_names, event->what));
    if (event->text.size > 0)
        json_text("text", event->text);
    if (event->what == EF_WHAT_SESSION_LOG)
        printf(",\"status\":\"%s\"", NAME_OF(session_names, event->session_status));
    if (event->bytes.size > 0)
        printf(",\"bytes\":%zu", event->bytes.size);
    printf("}\n");
}

/* --- the walk --- */

static bool cat_wants(const struct cat *cat, struct ef_slice tag)
{
    for (size_t i = 0; i < cat->tags.count; i++)
        if (strlen(cat->tags.items[i]) == tag.size &&
            memcmp(cat->tags.items[i], tag.data, tag.size) == 0)
            return true;
    return cat->tags.count == 0;
}

static int cat_record(void *ctx, uint64_t offset, const uint8_t *framed, size_t size,
                      const struct ef_event *event)
{
    const struct cat *cat = ctx;

    if (event->what != EF_WHAT_SUMMARY && cat->tags.count == 0) {
        if (cat->json)
            json_other(cat, offset, event);
        else
            text_other(event);
    }
    for (size_t i = 0; i < event->n_values; i++) {
        const struct ef_value *value = &event->values[i];
        if (!cat_wants(cat, value->tag))
            continue;
        if (cat->json)
            json_value(cat, offset, event, value);
        else
            text_value(cat, event, value);
    }
    return ferror(stdout) ? INPUT_FAILED : 0;
}

static int cat_gap(void *ctx, const struct ef_gap *gap)
{
    struct cat *cat = ctx;
    bool mended = gap->reason == EF_REASON_REPAIRED_HEADER;

    cat->damaged |= gap->reason != EF_REASON_PARTIAL_TAIL;
    fflush(stdout);
    fprintf(stderr, "tailboard cat: ");
    input_print_path(stderr, cat->path);
    fprintf(stderr, ": at %" PRIu64 ", %" PRIu64 " byte%s %s: %s\n", gap->offset, gap->length,
            plural(gap->length), mended ? "mended" : "left out", ef_reason_word(gap->reason));
    return 0;
}

static int cat_all(struct cat *cat, int argc, char **argv, int first)
{
    const struct input_sink sink = {.ctx = cat, .record = cat_record, .gap = cat_gap};
    bool failed = false;

    for (int i = first; i < argc; i++)
        if (inputs_add(&cat->inputs, argv[i]) < 0) {
            fprintf(stderr, "tailboard cat: out of memory\n");
            return CLI_FAILED;
        }
    for (size_t i = 0; i < cat->inputs.count && !ferror(stdout); i++) {
        cat->path = cat->inputs.paths[i];
        if (!cat->json && cat->inputs.count > 1) {
            printf("%s==> ", i ? "\n" : "");
            input_print_path(stdout, cat->path);
            printf(" <==\n");
        }
        failed |= input_walk(&cat->inputs, cat->path, &sink, NULL, 0, NULL) < 0;
    }
    if (cat->inputs.count == 0 && !cat->inputs.failed)
        fprintf(stderr, "tailboard cat: there are no event files\n");
    if (ferror(stdout) || fflush(stdout) != 0) {
        perror("tailboard cat: standard output");
        return CLI_FAILED;
    }
    if (failed || cat->inputs.failed)
        return CLI_FAILED;
    return cat->damaged ? CLI_NO : CLI_OK;
}

static int run(int argc, char **argv)
{
    struct cat cat = {.inputs = {.command = &cmd_cat}};
    const struct cli_option options[] = {
        {.name = "json",
         .type = CLI_FLAG,
         .value = &cat.json,
         .help = "print one JSON object a value"},
        {.name = "tag",
         .type = CLI_LIST,
         .value = &cat.tags,
         .meta = "TAG",
         .help = "print values of this tag only; may be given several times"},
        {0},
    };
    int first = cli_parse(&cmd_cat, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_cat, "name a file or a directory");
    int r = cat_all(&cat, argc, argv, first);
    inputs_done(&cat.inputs);
    return r;
}

const struct cli_command cmd_cat = {
    .name = "cat",
    .args = "FILE|DIR...",
    .summary = "Print what event files hold",
    .run = run,
};
