/* cmd_retain.c: `tailboard retain`: old runs leave the archive; shown first, done with --delete.
 *
 * The server that has the archive does it; where none runs, one of this process. */
#include <time.h>

#include "base/clock.h"
#include "cli/asker.h"
#include "config.h"

enum { GRACE_HOURS = 24 };

struct retain {
    struct asker_options asker;
    double days, grace_hours;
    uint64_t keep_bytes, keep_runs;
    bool delete;
};

static void print_run(const json_t *run)
{
    printf("%s  ", asker_text(run, "id"));
    asker_print(stdout, asker_text(run, "name"));
    printf("  %.1f MB  last bytes %.10s  (%s)\n", asker_number(run, "bytes") / 1e6,
           asker_text(run, "last_time"), asker_text(run, "why"));
}

static int retain(const struct retain *o, struct asker *asker)
{
    json_t *wish = json_pack("{s:f,s:I,s:I,s:f,s:b}", "older_days", o->days, "keep_bytes",
                             (json_int_t)o->keep_bytes, "keep_runs", (json_int_t)o->keep_runs,
                             "grace_hours", o->grace_hours, "delete", o->delete);
    json_t *answer = asker_send(asker, "POST", "/api/v1/retain", wish), *run;
    size_t i;

    json_decref(wish);
    if (!answer)
        return CLI_FAILED;
    json_array_foreach(json_object_get(answer, "runs"), i, run)
        print_run(run);
    printf(o->delete ? "%.0f of %.0f runs deleted; for %g hours they can be taken back\n"
                     : "%.0f of %.0f runs would be deleted: --delete does it (for %g hours they "
                       "can be taken back)\n",
           asker_number(answer, "count"), asker_number(answer, "of"), o->grace_hours);
    json_decref(answer);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    struct retain o = {.grace_hours = GRACE_HOURS};
    struct asker *asker;
    char dir[LIMIT_PATH_BYTES];
    const struct cli_option options[] = {
        {"older", 0, CLI_DOUBLE, &o.days, "DAYS",
         "runs whose newest bytes are older than that go", 0, 0, NULL},
        {"keep-size", 0, CLI_BYTES, &o.keep_bytes, "SIZE",
         "the oldest runs go until no more than that is kept", 0, 0, NULL},
        {"keep-runs", 0, CLI_UINT, &o.keep_runs, "COUNT",
         "the oldest runs go until no more than so many are kept", 0, 0, NULL},
        {"grace", 0, CLI_DOUBLE, &o.grace_hours, "HOURS",
         "bytes of deleted runs stay that long (default 24)", 0, 0, NULL},
        {"delete", 0, CLI_FLAG, &o.delete, NULL, "do it; without, it is only shown", 0, 0, NULL},
        ASKER_OPTION_ROWS(&o.asker),
        {0},
    };

    int first = cli_parse(&cmd_retain, options, argc, argv);
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc || o.days < 0 || o.grace_hours < 0)
        return cli_usage_error(&cmd_retain, first < argc ? "'%s' is too much"
                                                         : "a time below zero", argv[first]);
    if (!o.asker.server && config_archive_place(o.asker.archive, dir, sizeof dir) < 0)
        return cli_usage_error(&cmd_retain, "there is no usual place: give --archive DIR");
    if (!o.asker.server) {
        o.asker.archive = dir;
        o.asker.exact = true;
    }
    int code = asker_open(&cmd_retain, &o.asker, &asker);
    if (code != 0)
        return code;
    code = retain(&o, asker);
    asker_close(asker);
    return code;
}

const struct cli_command cmd_retain = {
    .name = "retain",
    .args = "",
    .summary = "Delete old runs from the archive, after showing which",
    .run = run,
};
