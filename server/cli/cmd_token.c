/* cmd_token.c: `tailboard token`: the server's own token, and further ones with a right each. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/asker.h"
#include "config.h"

static int print_own(const char *state)
{
    struct config config = {.auth = "user", .state = state};
    char why[256], path[LIMIT_PATH_BYTES + 16], token[128] = "";
    _cleanup_fclose_ FILE *file = NULL;
    int r = config_resolve(&config, why, sizeof why);

    if (r == 0) {
        snprintf(path, sizeof path, "%s/token", config.state_dir);
        file = fopen(path, "re");
    }
    config_done(&config);
    if (!file || !fgets(token, sizeof token, file)) {
        fprintf(stderr, "tailboard token: there is none yet: 'tailboard serve' makes it\n");
        return CLI_FAILED;
    }
    printf("%s", token);
    return CLI_OK;
}

static int list(struct asker *asker)
{
    json_t *root = asker_get(asker, "/api/v1/tokens", NULL), *row;
    size_t i;

    if (!root)
        return CLI_FAILED;
    json_array_foreach(json_object_get(root, "tokens"), i, row) {
        printf("%s  %-5s  %.10s  ", asker_text(row, "id"), asker_text(row, "right"),
               asker_text(row, "made_time"));
        asker_print(stdout, asker_text(row, "name"));
        printf("\n");
    }
    json_decref(root);
    return CLI_OK;
}

static int make_token(struct asker *asker, const char *right, const char *name)
{
    json_t *body = json_pack("{s:s, s:s}", "right", right, "name", name);
    json_t *answer = body ? asker_send(asker, "POST", "/api/v1/tokens", body) : NULL;

    json_decref(body);
    if (!answer)
        return CLI_FAILED;
    printf("%s\n", asker_text(answer, "token"));
    json_decref(answer);
    return CLI_OK;
}

static int end_token(struct asker *asker, const char *id)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    json_t *answer;

    buf_str(&target, "/api/v1/tokens/");
    asker_quote(&target, id, false);
    answer = asker_send(asker, "DELETE", buf_text(&target), NULL);
    if (!answer)
        return CLI_FAILED;
    json_decref(answer);
    return CLI_OK;
}

static int run_token(int argc, char **argv)
{
    struct asker_options asker_options = {0};
    const struct cli_option options[] = {ASKER_OPTION_ROWS(&asker_options), {0}};
    int first = cli_parse(&cmd_token, options, argc, argv), r, count = argc - first;
    const char *verb = count > 0 ? argv[first] : "";
    struct asker *asker;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (count == 0)
        return print_own(asker_options.state);
    if (!(strcmp(verb, "list") == 0 && count == 1) &&
        !(strcmp(verb, "add") == 0 && (count == 2 || count == 3)) &&
        !(strcmp(verb, "revoke") == 0 && count == 2))
        return cli_usage_error(&cmd_token, "list, add RIGHT [NAME], or revoke ID");
    r = asker_open(&cmd_token, &asker_options, &asker);
    if (r != 0)
        return r;
    r = strcmp(verb, "list") == 0 ? list(asker)
        : strcmp(verb, "add") == 0
            ? make_token(asker, argv[first + 1], count == 3 ? argv[first + 2] : "")
            : end_token(asker, argv[first + 1]);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_token = {
    .name = "token",
    .args = "[list | add RIGHT [NAME] | revoke ID]",
    .summary = "Print the server's token, make and revoke others",
    .run = run_token,
};
