/* cmd_export.c: `tailboard export`: every point of runs as CSV or JSON lines, or their event files.
 *
 * Points are those of the view `all`: hidden ones are there too, with their attempt. Numbers are
 * written so that they read back equal. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/fetch.h"

struct export {
    struct asker_options asker;
    const char *format, *to, *match;
    FILE *out;
    bool began;       /* the head of the CSV is written */
    /* of the series that is written now */
    const char *run, *name, *dir, *tag;
    struct buf line;  /* not whole yet */
    uint64_t lines;
};

static void put_field(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

/* A line of the server's CSV; the first names its columns. */
static void put_csv(struct export *export, const char *line)
{
    if (export->lines++ == 0) {
        if (!export->began)
            fprintf(export->out, "run,name,dir,tag,%s\n", line);
        export->began = true;
        return;
    }
    put_field(export->out, export->run);
    putc(',', export->out);
    put_field(export->out, export->name);
    putc(',', export->out);
    put_field(export->out, export->dir);
    putc(',', export->out);
    put_field(export->out, export->tag);
    fprintf(export->out, ",%s\n", line);
}

static int take(void *ctx, const char *data, size_t size)
{
    struct export *export = ctx;

    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;

        if (buf_add(&export->line, data, n) < 0)
            return -ENOMEM;
        data += n;
        size -= n;
        if (!end)
            break;
        data++;
        size--;
        if (!buf_text(&export->line))
            return -ENOMEM;
        export->line.data[strcspn(export->line.data, "\r")] = '\0';
        if (strcmp(export->format, "csv") == 0)
            put_csv(export, export->line.data);
        else
            fprintf(export->out, "%s\n", export->line.data);
        buf_clear(&export->line);
    }
    return ferror(export->out) ? -EIO : 0;
}

static int export_series(struct asker *asker, struct export *export, const json_t *series)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(1 << 16);
    struct asker_request request = ASKER_REQUEST("GET", "");
    struct asker_reply reply;
    int r;

    export->dir = asker_text(series, "dir");
    export->tag = asker_text(series, "tag");
    export->lines = 0;
    buf_printf(&target, "/api/v1/runs/%s/points?view=all&format=%s&tag=", export->run,
               strcmp(export->format, "csv") == 0 ? "csv" : "ndjson");
    asker_quote(&target, export->tag, false);
    buf_str(&target, "&dir=");
    asker_quote(&target, export->dir, false);
    request.target = buf_text(&target);
    request.take = take;
    request.ctx = export;
    r = asker_ask(asker, &request, &reply);
    if (r != 0)
        return r;
    if (reply.status != 200)
        r = asker_refused(asker, &reply);
    else if (!reply.whole)
        r = CLI_FAILED;
    asker_reply_done(&reply);
    return r;
}

static int export_points(struct asker *asker, struct export *export)
{
    char after[24] = "";
    size_t i, count;
    int r = 0;

    do {
        _cleanup_(buf_done) struct buf target = BUF_INIT(1 << 16);
        json_t *root, *series;

        buf_printf(&target, "/api/v1/runs/%s/series?view=all&kind=scalar&limit=10000%s%s",
                   export->run, *after ? "&after=" : "", after);
        if (export->match) {
            buf_str(&target, "&q=");
            asker_quote(&target, export->match, false);
        }
        root = asker_get(asker, buf_text(&target), NULL);
        if (!root)
            return CLI_FAILED;
        count = json_array_size(json_object_get(root, "series"));
        json_array_foreach(json_object_get(root, "series"), i, series)
            r = r == 0 ? export_series(asker, export, series) : r;
        snprintf(after, sizeof after, "%zu", strtoul(after, NULL, 10) + count);
        json_decref(root);
    } while (r == 0 && count == 10000);
    return r;
}

/* Event files under their own names, a folder a run. */
static int export_files(struct asker *asker, const struct export *export)
{
    json_t *list = fetch_list(asker, export->run, NULL), *file;
    size_t i;
    int r = list ? 0 : CLI_FAILED;

    json_array_foreach(list, i, file) {
        _cleanup_(buf_done) struct buf to = BUF_INIT(LIMIT_PATH_BYTES + 1);

        if (!json_is_true(json_object_get(file, "event_file")))
            continue;
        buf_printf(&to, "%s/%s/%s", export->to ? export->to : ".", export->run,
                   asker_text(file, "path"));
        r = worse(r, buf_text(&to) ? fetch_file(asker, export->run, file, to.data) : CLI_FAILED);
    }
    json_decref(list);
    return r;
}

static int export_run(struct asker *asker, struct export *export, const char *name)
{
    json_t *run = asker_find_run(asker, name);
    int r;

    if (!run)
        return CLI_FAILED;
    export->run = asker_text(run, "id");
    export->name = asker_text(run, "name");
    r = strcmp(export->format, "events") == 0 ? export_files(asker, export)
                                              : export_points(asker, export);
    json_decref(run);
    return r;
}

static bool is_format(const char *word)
{
    return strcmp(word, "csv") == 0 || strcmp(word, "jsonl") == 0 || strcmp(word, "events") == 0;
}

static int export_all(struct asker *asker, struct export *export, int count, char **names)
{
    bool to_file = export->to && strcmp(export->format, "events") != 0 &&
                   strcmp(export->to, "-") != 0;
    int r = 0;

    export->out = to_file ? fopen(export->to, "we") : stdout;
    if (!export->out) {
        fprintf(stderr, "tailboard export: %s: %s\n", export->to, strerror(errno));
        return CLI_FAILED;
    }
    for (int i = 0; i < count && r == 0; i++)
        r = export_run(asker, export, names[i]);
    if (fflush(export->out) != 0 || (to_file && fclose(export->out) != 0)) {
        fprintf(stderr, "tailboard export: %s\n", strerror(errno));
        r = CLI_FAILED;
    }
    return r;
}

static int run_export(int argc, char **argv)
{
    struct export export = {.format = "csv", .line = BUF_INIT(1 << 24)};
    struct asker *asker;
    const struct cli_option options[] = {
        {"format", 'f', CLI_STRING, &export.format, "WORD",
         "csv, jsonl (one object a series), or events (the files)", 0, 0, NULL},
        {"output", 'o', CLI_STRING, &export.to, "PATH", "a file, or for events a folder", 0, 0,
         NULL},
        {"match", 'm', CLI_STRING, &export.match, "REGEX", "only tags that match", 0, 0, NULL},
        ASKER_OPTION_ROWS(&export.asker),
        {0},
    };
    int first = cli_parse(&cmd_export, options, argc, argv), r;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_export, "which run?");
    if (!is_format(export.format))
        return cli_usage_error(&cmd_export, "--format: csv, jsonl or events");
    r = asker_open(&cmd_export, &export.asker, &asker);
    if (r != 0)
        return r;
    r = export_all(asker, &export, argc - first, argv + first);
    buf_done(&export.line);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_export = {
    .name = "export",
    .args = "RUN...",
    .summary = "Write all points of runs, or their event files",
    .run = run_export,
};
