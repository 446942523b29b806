#include "http/filter.h"

#include <errno.h>
#include <string.h>

bool filter_init(struct filter *filter, struct request *request)
{
    const char *pattern = request_value(request, "q");
    char message[REGEX_ERROR_BYTES];
    int r;

    *filter = (struct filter){0};
    if (!pattern || !*pattern)
        return true;
    r = regex_new(pattern, strlen(pattern), &filter->regex, message);
    if (r == 0)
        return true;
    if (r == -ENOMEM)
        response_error(request, r);
    else
        response_problem(request, 400, "bad-regex", "q is no regular expression: %s.", message);
    return false;
}

void filter_done(struct filter *filter)
{
    filter->regex = regex_free(filter->regex);
}

bool filter_fits(struct filter *filter, const char *text, size_t size)
{
    int r;

    if (!filter->regex)
        return true;
    if (filter->costly)
        return false;
    r = regex_match(filter->regex, text, size);
    filter->costly = r < 0;
    return r > 0;
}

bool filter_ended(const struct filter *filter, struct request *request)
{
    if (!filter->costly)
        return true;
    response_problem(request, 400, "regex-too-costly",
                     "Matching q costs too much: make it simpler.");
    return false;
}

bool filter_kind(struct request *request, enum series_kind *ret)
{
    const char *word = request_value(request, "kind");

    *ret = 0;
    if (!word || !*word)
        return true;
    *ret = series_kind_parse(word, strlen(word));
    if (*ret)
        return true;
    response_problem(request, 400, "bad-parameter", "There is no kind \"%.40s\".", word);
    return false;
}

bool filter_view(struct request *request, enum view usual, enum view *ret)
{
    const char *word = request_value(request, "view");

    *ret = usual;
    if (!word)
        return true;
    if (strcmp(word, "stitched") == 0)
        *ret = VIEW_STITCHED;
    else if (strcmp(word, "all") == 0)
        *ret = VIEW_ALL;
    else {
        response_problem(request, 400, "bad-parameter", "view is \"stitched\" or \"all\".");
        return false;
    }
    return true;
}

void filter_link_next(struct request *request, const char *after)
{
    _cleanup_(buf_done) struct buf link = BUF_INIT(LIMIT_URL_BYTES + 256);
    const char *at = request->target.query;

    buf_str(&link, "<?");
    while (*at) {
        size_t size = strcspn(at, "&");

        if (size > 0 && strncmp(at, "after=", 6) != 0) {
            buf_add(&link, at, size);
            buf_char(&link, '&');
        }
        at += size;
        at += *at == '&';
    }
    buf_printf(&link, "after=%s>; rel=\"next\"", after);
    if (buf_text(&link))
        response_header(request, "Link", "%s", buf_text(&link));
}
