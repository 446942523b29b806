/* cmd_version.c: `tailboard version`: what this program is, and what it runs on.
 *
 * The libraries' own calls are declared here by hand, so that their headers stay in the few files
 * that work with them. */
#include "base/cleanup.h"
#include "cli/cli.h"

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

static const struct {
    const char *name;
    const char *(*version)(void);
} libraries[] = {
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
};

static int run(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {.name = "json", .type = CLI_FLAG, .value = &json, .help = "print one JSON object"},
        {0},
    };
    int first = cli_parse(&cmd_version, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_version, "takes no operands");
    printf(json ? "{\"version\":\"%s\",\"libraries\":{" : "tailboard %s\n", TB_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(libraries); i++)
        printf(json ? "%s\"%s\":\"%s\"" : "%s%s %s\n", json ? (i ? "," : "") : "  ",
               libraries[i].name, libraries[i].version());
    if (json)
        printf("}}\n");
    return CLI_OK;
}

const struct cli_command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "Print the version of this program and of its libraries",
    .run = run,
};
