/* cmd_runs.c: `tailboard runs`: the list of runs, deleting and taking that back. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/asker.h"

struct runs {
    struct asker_options asker;
    const char *experiment, *status, *tag, *match, *sort, *restore, *delete;
    bool json, deleted, force;
    uint64_t count;
};

static int print_json(json_t *run)
{
    _cleanup_free_ char *line = json_dumps(run, JSON_COMPACT);

    if (!line)
        return CLI_FAILED;
    printf("%s\n", line);
    return 0;
}

static void print_bytes(double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    for (; bytes >= 999.5 && unit + 1 < ARRAY_LEN(units); unit++)
        bytes /= 1000;
    printf(unit ? "%6.1f %-2s" : "%6.0f %-2s", bytes, units[unit]);
}

static int print_run(void *ctx, json_t *run)
{
    struct runs *runs = ctx;
    const char *status = asker_text(run, "status"), *title = asker_text(run, "title");

    if (runs->json)
        return print_json(run);
    if (runs->count++ == 0)
        printf("%-16s  %-12s  %9s  %9s  %-20s  %s\n", "ID", "STATUS", "POINTS", "BYTES",
               "LAST EVENT", "NAME");
    asker_print(stdout, asker_text(run, "id"));
    for (size_t i = strlen(asker_text(run, "id")); i < 16; i++)
        putchar(' ');
    printf("  %-12s  %9.0f  ", *status ? status : asker_text(run, "activity"),
           asker_number(run, "points"));
    print_bytes(asker_number(run, "bytes"));
    printf("  %-20.19s  ", asker_text(run, "last_time"));
    asker_print(stdout, *title ? title : asker_text(run, "name"));
    printf("\n");
    return 0;
}

static void add(struct buf *query, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(query, "&%s=", name);
    asker_quote(query, value, false);
}

static int list(struct asker *asker, struct runs *runs)
{
    _cleanup_(buf_done) struct buf query = BUF_INIT(1 << 16);

    buf_printf(&query, "deleted=%d", runs->deleted);
    add(&query, "experiment", runs->experiment);
    add(&query, "status", runs->status);
    add(&query, "tag", runs->tag);
    add(&query, "q", runs->match);
    add(&query, "sort", runs->sort);
    return buf_text(&query) ? asker_each_run(asker, buf_text(&query), print_run, runs)
                            : CLI_FAILED;
}

static int change(struct asker *asker, const struct runs *runs)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    json_t *run = NULL, *answer;

    buf_str(&target, "/api/v1/runs/");
    if (runs->restore) { /* not in the list: only its id names it */
        asker_quote(&target, runs->restore, false);
        buf_str(&target, "/restore");
    } else {
        run = asker_find_run(asker, runs->delete);
        if (!run)
            return CLI_FAILED;
        asker_quote(&target, asker_text(run, "id"), false);
        buf_str(&target, runs->force ? "?force=1" : "");
    }
    answer = asker_send(asker, runs->restore ? "POST" : "DELETE", buf_text(&target), NULL);
    json_decref(run);
    if (!answer)
        return CLI_FAILED;
    json_decref(answer);
    return CLI_OK;
}

static int run_runs(int argc, char **argv)
{
    struct runs runs = {0};
    struct asker *asker;
    const struct cli_option options[] = {
        {"experiment", 'e', CLI_STRING, &runs.experiment, "NAME", "only of this experiment", 0, 0,
         NULL},
        {"status", 0, CLI_STRING, &runs.status, "WORD", "only of this status: Running, Failed, …",
         0, 0, NULL},
        {"tag", 't', CLI_STRING, &runs.tag, "KEY:VALUE", "only with this tag", 0, 0, NULL},
        {"match", 'm', CLI_STRING, &runs.match, "REGEX", "only names that match", 0, 0, NULL},
        {"sort", 0, CLI_STRING, &runs.sort, "WORD",
         "name, start, last, points, bytes or damage; - in front\nturns it", 0, 0, NULL},
        {"json", 0, CLI_FLAG, &runs.json, NULL, "one JSON object a line", 0, 0, NULL},
        {"deleted", 0, CLI_FLAG, &runs.deleted, NULL, "those that can be restored", 0, 0, NULL},
        {"restore", 0, CLI_STRING, &runs.restore, "ID", "take a deletion back", 0, 0, NULL},
        {"delete", 0, CLI_STRING, &runs.delete, "RUN", "delete a run; nothing at its source", 0, 0,
         NULL},
        {"force", 0, CLI_FLAG, &runs.force, NULL, "also one that was heard of lately", 0, 0, NULL},
        ASKER_OPTION_ROWS(&runs.asker),
        {0},
    };
    int first = cli_parse(&cmd_runs, options, argc, argv), r;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_runs, "takes no operands");
    r = asker_open(&cmd_runs, &runs.asker, &asker);
    if (r != 0)
        return r;
    r = runs.restore || runs.delete ? change(asker, &runs) : list(asker, &runs);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_runs = {
    .name = "runs",
    .args = "",
    .summary = "List, delete and restore runs",
    .run = run_runs,
};
