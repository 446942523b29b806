/* cmd_download.c: `tailboard download`: files of a run, byte for byte. */
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "cli/fetch.h"

struct download {
    struct asker_options asker;
    const char *to;
    bool list;
};

static bool is_folder(const char *path)
{
    struct stat st;

    return path[strlen(path) - 1] == '/' || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int print_file(const json_t *file)
{
    printf("%12.0f  %.19s  ", asker_number(file, "size"), asker_text(file, "changed_time"));
    asker_print(stdout, asker_text(file, "path"));
    printf("%s\n", json_is_true(json_object_get(file, "complete")) ? "" : "  (open)");
    return 0;
}

/* Several files, or one into a folder: each below it under its own path. */
static int fetch_below(struct asker *asker, const char *run, const json_t *list,
                       const char *folder)
{
    json_t *file;
    size_t i;
    int r = 0;

    json_array_foreach((json_t *)(uintptr_t)list, i, file) {
        _cleanup_(buf_done) struct buf to = BUF_INIT(LIMIT_PATH_BYTES + 1);

        buf_printf(&to, "%s/%s", folder, asker_text(file, "path"));
        if (!buf_text(&to))
            return CLI_FAILED;
        r = worse(r, fetch_file(asker, run, file, to.data));
    }
    return r;
}

static int fetch_fitting(struct asker *asker, const struct download *download, const char *run,
                         const char *pattern)
{
    json_t *list = fetch_list(asker, run, pattern), *file;
    const char *to = download->to, *name;
    int r = CLI_FAILED;
    size_t i;

    if (!list)
        return r;
    if (json_array_size(list) == 0) {
        fprintf(stderr, "tailboard download: no file of the run fits '%s'\n",
                pattern ? pattern : "*");
    } else if (download->list) {
        json_array_foreach(list, i, file)
            r = print_file(file);
    } else if (json_array_size(list) == 1 && pattern && !strpbrk(pattern, "*?") &&
               !(to && is_folder(to))) {
        file = json_array_get(list, 0);
        name = strrchr(asker_text(file, "path"), '/');
        r = fetch_file(asker, run, file,
                       !to ? name ? name + 1 : asker_text(file, "path")
                       : strcmp(to, "-") == 0 ? NULL : to);
    } else {
        r = fetch_below(asker, run, list, to ? to : run);
    }
    json_decref(list);
    return r;
}

static int run_download(int argc, char **argv)
{
    struct download download = {0};
    struct asker *asker;
    const struct cli_option options[] = {
        {"output", 'o', CLI_STRING, &download.to, "PATH",
         "where to: a file, a folder, or - for standard output", 0, 0, NULL},
        {"list", 'l', CLI_FLAG, &download.list, NULL, "print what would be downloaded", 0, 0,
         NULL},
        ASKER_OPTION_ROWS(&download.asker),
        {0},
    };
    int first = cli_parse(&cmd_download, options, argc, argv), r;
    json_t *run;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_download, "which run?");
    if (download.to && !*download.to)
        return cli_usage_error(&cmd_download, "--output: an empty path");
    r = asker_open(&cmd_download, &download.asker, &asker);
    if (r != 0)
        return r;
    run = asker_find_run(asker, argv[first]);
    r = run ? CLI_OK : CLI_FAILED;
    if (run && first + 1 == argc)
        r = fetch_fitting(asker, &download, asker_text(run, "id"), NULL);
    for (int i = first + 1; run && i < argc; i++)
        r = worse(r, fetch_fitting(asker, &download, asker_text(run, "id"), argv[i]));
    json_decref(run);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_download = {
    .name = "download",
    .args = "RUN [FILE | PATTERN...]",
    .summary = "Bring files of a run here, byte for byte",
    .run = run_download,
};
