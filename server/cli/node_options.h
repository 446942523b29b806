/* node_options.h: the options that `run`, `agent` and `drain` share. Private to cli/. */
#ifndef TB_CLI_NODE_OPTIONS_H
#define TB_CLI_NODE_OPTIONS_H

#include "agent.h"
#include "cli/cli.h"

/* Where the table's values go, before they become struct agent_options. */
struct node_options {
    struct cli_list logs, outputs, tags;
    const char *server, *token_file, *experiment, *name;
    uint64_t limit_rate;
    double flush_timeout;
    bool quiet, wait;
    char token[512];
};

#define NODE_OPTIONS_INIT                                                                          \
    {                                                                                              \
        .flush_timeout = 120                                                                       \
    }

#define NODE_OPTION_SERVER(n)                                                                      \
    {                                                                                              \
        "server", 0, CLI_STRING, &(n)->server, "URL",                                              \
            "the server to send to, http:// or https://; without one\neverything is kept for "     \
            "'drain'",                                                                             \
            0, 0, "TAILBOARD_SERVER"                                                               \
    }
#define NODE_OPTION_TOKEN(n)                                                                       \
    {                                                                                              \
        "token-file", 0, CLI_STRING, &(n)->token_file, "FILE",                                     \
            "a file with the token to make runs with (else\nTAILBOARD_TOKEN; the user's own "      \
            "server on "                                                                           \
            "this machine needs none)",                                                            \
            0, 0, "TAILBOARD_TOKEN_FILE"                                                           \
    }
#define NODE_OPTION_EXPERIMENT(n)                                                                  \
    {                                                                                              \
        "experiment", 'e', CLI_STRING, &(n)->experiment, "NAME",                                   \
            "group of runs (default: the name of this directory)", 0, 0, "TAILBOARD_EXPERIMENT"    \
    }
#define NODE_OPTION_NAME(n)                                                                        \
    {                                                                                              \
        "name", 'n', CLI_STRING, &(n)->name, "NAME", "what the run is called", 0, 0, NULL          \
    }
#define NODE_OPTION_LOGS(n)                                                                        \
    {                                                                                              \
        "logs", 0, CLI_LIST, &(n)->logs, "DIR",                                                    \
            "directory with event files and others that grow (default\n./logs; several: give it "  \
            "several "                                                                             \
            "times)",                                                                              \
            0, 0, NULL                                                                             \
    }
#define NODE_OPTION_OUTPUTS(n)                                                                     \
    {                                                                                              \
        "outputs", 0, CLI_LIST, &(n)->outputs, "DIR",                                              \
            "directory with results, taken as whole files (default\n./outputs; several: give it "  \
            "several "                                                                             \
            "times)",                                                                              \
            0, 0, NULL                                                                             \
    }
#define NODE_OPTION_TAG(n)                                                                         \
    {                                                                                              \
        "tag", 't', CLI_LIST, &(n)->tags, "KEY=VALUE", "a tag of the run (repeatable)", 0, 0, NULL \
    }
#define NODE_OPTION_RATE(n)                                                                        \
    {                                                                                              \
        "limit-rate", 0, CLI_UINT, &(n)->limit_rate, "BYTES",                                      \
            "send at most so many bytes a second", 1024, 0, "TAILBOARD_LIMIT_RATE"                 \
    }
#define NODE_OPTION_FLUSH(n)                                                                       \
    {                                                                                              \
        "flush-timeout", 0, CLI_DOUBLE, &(n)->flush_timeout, "SECONDS",                            \
            "wait so long for the upload at the end (default 120), then\nsay what is left", 0, 0,  \
            "TAILBOARD_FLUSH_TIMEOUT"                                                              \
    }
#define NODE_OPTION_WAIT(n)                                                                        \
    {                                                                                              \
        "wait", 0, CLI_FLAG, &(n)->wait, NULL, "wait for the upload without a limit", 0, 0, NULL   \
    }
#define NODE_OPTION_QUIET(n)                                                                       \
    {                                                                                              \
        "quiet", 'q', CLI_FLAG, &(n)->quiet, NULL, "print errors only", 0, 0, "TAILBOARD_QUIET"    \
    }

/* Fills `ret` (what it points to lives in `given` and argv). 0; CLI_USAGE after a message. */
int node_options_take(const struct cli_command *command, struct node_options *given,
                      struct agent_options *ret);

#endif
