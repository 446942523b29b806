/* cmd_verify.c: `tailboard verify`: checks every record of event files and names every gap. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/inputs.h"

struct verify {
    struct inputs inputs;
    struct cli_progress progress;
    bool json, quiet, partial_ok;
    /* of the file that is read now */
    const char *path;
    uint64_t records, gaps, gap_bytes, mended;
    bool partial;
    FILE *line; /* --json: its line, printed as a whole: a message must not come in between */
    /* of all files */
    uint64_t all_records, all_gap_bytes, sound_files, damaged_files, failed_files;
};

static int verify_record(void *ctx, uint64_t offset, const uint8_t *framed, size_t size,
                         const struct ef_event *event)
{
    struct verify *v = ctx;

    v->records++;
    return 0;
}

static int verify_gap(void *ctx, const struct ef_gap *gap)
{
    struct verify *v = ctx;
    bool partial = gap->reason == EF_REASON_PARTIAL_TAIL;
    bool mended = gap->reason == EF_REASON_REPAIRED_HEADER;

    cli_progress_end(&v->progress);
    if (v->json) {
        fprintf(v->line, "%s{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"reason\":\"%s\"%s}",
               (v->gaps + v->mended + v->partial) ? "," : "", gap->offset, gap->length,
               ef_reason_word(gap->reason), gap->limited ? ",\"limited\":true" : "");
    } else {
        input_print_path(stdout, v->path);
        printf(": at %" PRIu64 ", %" PRIu64 " byte%s: %s%s%s\n", gap->offset, gap->length,
               plural(gap->length), ef_reason_word(gap->reason),
               mended ? " (its record is kept)" : "",
               gap->limited ? " (mending was not tried: reading limit met)" : "");
    }
    if (partial)
        v->partial = true;
    else if (mended)
        v->mended++;
    else
        v->gaps++;
    if (!mended)
        v->gap_bytes += gap->length;
    return 0;
}

static bool verify_damaged(const struct verify *v)
{
    return v->gaps > 0 || v->mended > 0 || (v->partial && !v->partial_ok);
}

static void verify_print_file(struct verify *v, int error)
{
    bool damaged = verify_damaged(v);

    if (v->json) {
        fprintf(v->line, "],\"records\":%" PRIu64 ",\"lost_bytes\":%" PRIu64 ",\"sound\":%s",
                v->records, v->gap_bytes, error || damaged ? "false" : "true");
        if (error)
            fprintf(v->line, ",\"error\":\"%s\"", ef_strerror(error));
        fprintf(v->line, "}\n");
        return;
    }
    if (error || (v->quiet && !damaged))
        return;
    input_print_path(stdout, v->path);
    printf(": %s, %" PRIu64 " record%s", damaged ? "damaged" : "sound", v->records,
           plural(v->records));
    if (v->gap_bytes > 0)
        printf(", %" PRIu64 " byte%s lost", v->gap_bytes, plural(v->gap_bytes));
    if (v->mended > 0)
        printf(", %" PRIu64 " header%s mended", v->mended, plural(v->mended));
    if (v->partial)
        printf(", the last record is cut off");
    printf("\n");
}

static int verify_file(struct verify *v, const char *path, uint64_t before)
{
    const struct input_sink sink = {.ctx = v, .record = verify_record, .gap = verify_gap};
    _cleanup_free_ char *line = NULL;
    size_t size = 0;
    int error = 0;

    v->path = path;
    v->records = v->gaps = v->gap_bytes = v->mended = 0;
    v->partial = false;
    if (v->json) {
        v->line = open_memstream(&line, &size);
        if (!v->line) {
            fprintf(stderr, "tailboard verify: out of memory\n");
            v->failed_files++;
            return INPUT_FAILED;
        }
        fprintf(v->line, "{\"file\":");
        cli_json_string(v->line, path, strlen(path));
        fprintf(v->line, ",\"gaps\":[");
    }
    int r = input_walk(&v->inputs, path, &sink, &v->progress, before, &error);
    cli_progress_end(&v->progress);
    if (r == INPUT_FAILED && error == 0)
        error = EF_ERR_NOMEM;
    verify_print_file(v, error);
    if (v->json && fclose(v->line) == 0)
        fwrite(line, 1, size, stdout);
    v->all_records += v->records;
    v->all_gap_bytes += v->gap_bytes;
    if (error)
        v->failed_files++;
    else if (verify_damaged(v))
        v->damaged_files++;
    else
        v->sound_files++;
    return r;
}

static void verify_print_all(const struct verify *v)
{
    if (v->inputs.left_out > 0)
        fprintf(stderr, "tailboard verify: %" PRIu64 " file%s with a temporary name left out\n",
                v->inputs.left_out, plural(v->inputs.left_out));
    if (v->inputs.count == 0 && !v->inputs.failed)
        fprintf(stderr, "tailboard verify: there are no event files\n");
    if (v->json || v->quiet || v->inputs.count < 2)
        return;
    printf("%zu files: %" PRIu64 " sound, %" PRIu64 " damaged", v->inputs.count, v->sound_files,
           v->damaged_files);
    if (v->failed_files > 0)
        printf(", %" PRIu64 " cannot be read", v->failed_files);
    printf("; %" PRIu64 " record%s", v->all_records, plural(v->all_records));
    if (v->all_gap_bytes > 0)
        printf(", %" PRIu64 " byte%s lost", v->all_gap_bytes, plural(v->all_gap_bytes));
    printf("\n");
}

static int verify_all(struct verify *v, int argc, char **argv, int first)
{
    uint64_t before = 0;

    for (int i = first; i < argc; i++)
        if (inputs_add(&v->inputs, argv[i]) < 0) {
            fprintf(stderr, "tailboard verify: out of memory\n");
            return CLI_FAILED;
        }
    v->progress = (struct cli_progress){.verb = "verified", .total = v->inputs.bytes};
    for (size_t i = 0; i < v->inputs.count; i++) {
        verify_file(v, v->inputs.paths[i], before);
        before = v->progress.done;
    }
    verify_print_all(v);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("tailboard verify: standard output");
        return CLI_FAILED;
    }
    if (v->inputs.failed || v->failed_files > 0)
        return CLI_FAILED;
    return v->damaged_files > 0 ? CLI_NO : CLI_OK;
}

static int run(int argc, char **argv)
{
    struct verify v = {.inputs = {.command = &cmd_verify}};
    const struct cli_option options[] = {
        {.name = "json",
         .type = CLI_FLAG,
         .value = &v.json,
         .help = "print one JSON object a file"},
        {.name = "quiet",
         .letter = 'q',
         .type = CLI_FLAG,
         .value = &v.quiet,
         .help = "print damage only"},
        {.name = "partial-ok",
         .type = CLI_FLAG,
         .value = &v.partial_ok,
         .help = "a last record that is cut off is no damage\n"
                 "(for files that are still written)"},
        {0},
    };
    int first = cli_parse(&cmd_verify, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_verify, "name a file or a directory");
    int r = verify_all(&v, argc, argv, first);
    inputs_done(&v.inputs);
    return r;
}

const struct cli_command cmd_verify = {
    .name = "verify",
    .args = "FILE|DIR...",
    .summary = "Check every record of event files and name every gap",
    .run = run,
};
