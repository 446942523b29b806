/* commands.c: the table of subcommands, in the order in which `tailboard help` lists them.
 *
 * To add one: a cmd_NAME.c with its struct cli_command, a declaration in cli.h, a row here and a
 * man page docs/man/tailboard-NAME.1. */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &cmd_serve,  &cmd_run,    &cmd_agent,    &cmd_drain,  &cmd_runs,   &cmd_status,
    &cmd_wait,   &cmd_logs,   &cmd_cancel,   &cmd_download, &cmd_export, &cmd_import,
    &cmd_tensorboard, &cmd_token, &cmd_cat,  &cmd_verify, &cmd_recover, &cmd_retain,
    &cmd_fsck,   &cmd_rebuild, &cmd_help,   &cmd_version,  NULL,
};

const struct cli_program cli_program = {
    .name = "tailboard",
    .summary = "Tailboard follows TensorBoard event files while they are written and shows them on "
               "a live page.",
    .start = "tailboard serve --logdir ./logs",
};

/* The libraries' own calls are declared here by hand, so that their headers stay in the few files
 * that work with them. */
const char *uv_version_string(void);
const char *zlibVersion(void);
const char *protobuf_c_version(void);
const char *OpenSSL_version(int type);
#ifdef TB_HAVE_HTTP
const char *MHD_get_version(void);
#endif
#ifdef TB_HAVE_LIVE
const char *lws_get_library_version(void);
#endif

static const char *openssl_version(void)
{
    return OpenSSL_version(6); /* OPENSSL_VERSION_STRING, "3.0.15" */
}

const struct cli_library cli_libraries[] = {
    {"libuv", uv_version_string},
    {"protobuf-c", protobuf_c_version},
    {"zlib", zlibVersion},
    {"libcrypto", openssl_version},
#ifdef TB_HAVE_HTTP
    {"libmicrohttpd", MHD_get_version},
#endif
#ifdef TB_HAVE_LIVE
    {"libwebsockets", lws_get_library_version},
#endif
    {NULL, NULL},
};
