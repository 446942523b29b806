/* cmd_recover.c: `tailboard recover`: a clean event file with every intact record of another.
 *
 * The clean file is written under a temporary name beside its target and renamed when it is
 * complete and durable, so that nobody meets a half of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/inputs.h"

struct recover {
    struct inputs inputs;
    struct cli_progress progress;
    const char *in, *out;
    bool force, json, quiet;
    char temporary[LIMIT_PATH_BYTES];
    FILE *file; /* the temporary one */
    uint64_t records, gaps, lost_bytes, mended;
};

static int recover_record(void *ctx, uint64_t offset, const uint8_t *framed, size_t size,
                          const struct ef_event *event)
{
    struct recover *rec = ctx;

    if (fwrite(framed, 1, size, rec->file) != size)
        return INPUT_FAILED;
    rec->records++;
    return 0;
}

static int recover_gap(void *ctx, const struct ef_gap *gap)
{
    struct recover *rec = ctx;
    bool mended = gap->reason == EF_REASON_REPAIRED_HEADER;

    cli_progress_end(&rec->progress);
    if (rec->json) {
        printf("%s{\"offset\":%" PRIu64 ",\"length\":%" PRIu64 ",\"reason\":\"%s\"}",
               rec->gaps + rec->mended ? "," : "", gap->offset, gap->length,
               ef_reason_word(gap->reason));
    } else if (!rec->quiet) {
        printf("%s at %" PRIu64 ", %" PRIu64 " byte%s: %s\n", mended ? "mended" : "lost",
               gap->offset, gap->length, plural(gap->length), ef_reason_word(gap->reason));
    }
    if (mended) {
        rec->mended++;
    } else {
        rec->gaps++;
        rec->lost_bytes += gap->length;
    }
    return 0;
}

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "tailboard recover: ");
    input_print_path(stderr, path);
    fprintf(stderr, ": %s\n", why);
    return CLI_FAILED;
}

/* Refuses what would destroy something: a target that is there, or that is the source. */
static int recover_check_target(const struct recover *rec)
{
    struct stat in, out;

    if (stat(rec->out, &out) < 0)
        return errno == ENOENT ? CLI_OK : complain(rec->out, strerror(errno));
    if (stat(rec->in, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
        complain(rec->out, "is the file to recover from; name another one");
        return CLI_USAGE;
    }
    if (!S_ISREG(out.st_mode))
        return complain(rec->out, "not a regular file");
    if (!rec->force)
        return complain(rec->out, "is there already; --force replaces it");
    return CLI_OK;
}

static int recover_open(struct recover *rec)
{
    int n = snprintf(rec->temporary, sizeof rec->temporary, "%s.%d.part", rec->out, (int)getpid());

    if (n < 0 || (size_t)n >= sizeof rec->temporary)
        return complain(rec->out, strerror(ENAMETOOLONG));
    int fd = open(rec->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return complain(rec->out, strerror(errno));
    rec->file = fdopen(fd, "w");
    if (!rec->file) {
        close(fd);
        unlink(rec->temporary);
        return complain(rec->temporary, strerror(errno));
    }
    return CLI_OK;
}

/* rename() would replace what came to be there meanwhile; link() does not. */
static int recover_rename(const struct recover *rec)
{
    if (rec->force)
        return rename(rec->temporary, rec->out);
    if (link(rec->temporary, rec->out) == 0)
        return unlink(rec->temporary);
    if (errno == EEXIST)
        return -1;
    return rename(rec->temporary, rec->out); /* a file system without links */
}

static int recover_close(struct recover *rec)
{
    FILE *file = TAKE_PTR(rec->file);
    bool failed = fflush(file) != 0 || fsync(fileno(file)) < 0;

    if (failed)
        complain(rec->temporary, strerror(errno));
    if (fclose(file) != 0 && !failed) {
        complain(rec->temporary, strerror(errno));
        failed = true;
    }
    if (!failed && recover_rename(rec) < 0) {
        complain(rec->out, strerror(errno));
        failed = true;
    }
    if (failed)
        unlink(rec->temporary);
    return failed ? CLI_FAILED : CLI_OK;
}

static void recover_print(const struct recover *rec)
{
    if (rec->json) {
        printf("],\"records\":%" PRIu64 ",\"lost_bytes\":%" PRIu64 ",\"mended_headers\":%" PRIu64
               "}\n",
               rec->records, rec->lost_bytes, rec->mended);
    } else if (!rec->quiet) {
        input_print_path(stdout, rec->out);
        printf(": %" PRIu64 " record%s; %" PRIu64 " gap%s, %" PRIu64 " byte%s lost", rec->records,
               plural(rec->records), rec->gaps, plural(rec->gaps), rec->lost_bytes,
               plural(rec->lost_bytes));
        if (rec->mended > 0)
            printf("; %" PRIu64 " header%s mended", rec->mended, plural(rec->mended));
        printf("\n");
    }
}

static int recover_run(struct recover *rec)
{
    const struct input_sink sink = {.ctx = rec, .record = recover_record, .gap = recover_gap};
    int error = 0;

    int r = recover_check_target(rec);
    if (r != CLI_OK)
        return r;
    struct stat st;
    if (stat(rec->in, &st) < 0)
        return complain(rec->in, strerror(errno));
    rec->progress = (struct cli_progress){.verb = "read", .total = (uint64_t)st.st_size};
    r = recover_open(rec);
    if (r != CLI_OK)
        return r;
    input_catch_signals();
    if (rec->json) {
        printf("{\"file\":");
        cli_json_string(stdout, rec->in, strlen(rec->in));
        printf(",\"gaps\":[");
    }
    r = input_walk(&rec->inputs, rec->in, &sink, &rec->progress, 0, &error);
    cli_progress_end(&rec->progress);
    if (rec->json && r < 0)
        printf("],\"error\":\"%s\"}\n", error ? ef_strerror(error) : "not written");
    if (r < 0) {
        if (r == INPUT_FAILED && error == 0) /* else it was printed */
            complain(rec->temporary, strerror(errno));
        fclose(rec->file);
        unlink(rec->temporary);
        return r == INPUT_INTERRUPTED ? CLI_INTERRUPTED : CLI_FAILED;
    }
    if (recover_close(rec) != CLI_OK)
        return CLI_FAILED;
    recover_print(rec);
    return rec->gaps > 0 ? CLI_NO : CLI_OK;
}

static int run(int argc, char **argv)
{
    struct recover rec = {.inputs = {.command = &cmd_recover}};
    const struct cli_option options[] = {
        {.name = "output",
         .letter = 'o',
         .type = CLI_STRING,
         .value = &rec.out,
         .meta = "OUT",
         .help = "the clean file to write"},
        {.name = "force",
         .letter = 'f',
         .type = CLI_FLAG,
         .value = &rec.force,
         .help = "replace OUT if it is there"},
        {.name = "json", .type = CLI_FLAG, .value = &rec.json, .help = "print one JSON object"},
        {.name = "quiet",
         .letter = 'q',
         .type = CLI_FLAG,
         .value = &rec.quiet,
         .help = "print errors only"},
        {0},
    };
    int first = cli_parse(&cmd_recover, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first + 1 != argc)
        return cli_usage_error(&cmd_recover, "name one file to recover from");
    if (!rec.out)
        return cli_usage_error(&cmd_recover, "say where to write with -o OUT");
    rec.in = argv[first];
    return recover_run(&rec);
}

const struct cli_command cmd_recover = {
    .name = "recover",
    .args = "IN -o OUT",
    .summary = "Write a clean event file with every intact record of a damaged one",
    .run = run,
};
