#include "front/head.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"

const char *head_find(const struct head_field *fields, size_t count, const char *name,
                      unsigned *ret_count)
{
    size_t length = strlen(name);
    const char *value = NULL;
    unsigned n = 0;

    for (size_t i = 0; i < count; i++) {
        if (fields[i].name_size != length || strncasecmp(fields[i].name, name, length) != 0)
            continue;
        if (n++ == 0)
            value = fields[i].value;
    }
    if (ret_count)
        *ret_count = n;
    return value;
}

const char *head_only(const struct head_field *fields, size_t count, const char *name)
{
    unsigned n;
    const char *value = head_find(fields, count, name, &n);

    return n == 1 ? value : NULL;
}

const char *head_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {409, "Conflict"}, {410, "Gone"},
        {413, "Content Too Large"}, {416, "Range Not Satisfiable"},
        {414, "URI Too Long"}, {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"}, {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"}, {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < ARRAY_LEN(titles); i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Internal Server Error";
}

void head_problem(struct buf *out, int status, const char *code, const char *detail)
{
    struct json j = JSON_INIT(out);

    json_open(&j, '{');
    json_key(&j, "type");
    json_put_text(&j, "about:blank");
    json_key(&j, "title");
    json_put_text(&j, head_title(status));
    json_key(&j, "status");
    json_put_i64(&j, status);
    json_key(&j, "code");
    json_put_text(&j, code);
    json_key(&j, "detail");
    json_put_text(&j, detail);
    json_close(&j, '}');
}
