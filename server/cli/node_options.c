#include "cli/node_options.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

static int read_token(const struct cli_command *command, struct node_options *given)
{
    _cleanup_fclose_ FILE *file = fopen(given->token_file, "re");

    if (!file)
        return cli_usage_error(command, "--token-file: %s: %s", given->token_file, strerror(errno));
    if (!fgets(given->token, sizeof given->token, file))
        return cli_usage_error(command, "--token-file: %s is empty", given->token_file);
    given->token[strcspn(given->token, "\r\n")] = '\0';
    return 0;
}

int node_options_take(const struct cli_command *command, struct node_options *given,
                      struct agent_options *ret)
{
    const char *token = getenv("TAILBOARD_TOKEN");

    for (size_t i = 0; i < given->tags.count; i++)
        if (!strchr(given->tags.items[i], '=') || *given->tags.items[i] == '=')
            return cli_usage_error(command, "--tag: '%s' is not KEY=VALUE", given->tags.items[i]);
    if (given->flush_timeout < 0)
        return cli_usage_error(command, "--flush-timeout: below 0");
    if (given->token_file) {
        int r = read_token(command, given);
        if (r != 0)
            return r;
        token = given->token;
    } else if (getenv("TAILBOARD_RUN_ID")) {
        token = NULL; /* inside a run that variable is that run's own token */
    }
    *ret = (struct agent_options){
        .server = given->server,
        .token = token,
        .experiment = given->experiment,
        .name = given->name,
        .logs = given->logs.items,
        .n_logs = given->logs.count,
        .outputs = given->outputs.items,
        .n_outputs = given->outputs.count,
        .tags = given->tags.items,
        .n_tags = given->tags.count,
        .limit_rate = given->limit_rate,
        .flush_timeout_s = given->wait ? -1 : given->flush_timeout,
        .quiet = given->quiet,
    };
    return 0;
}
