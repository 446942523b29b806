/* router.h: which function answers which path. Part of http.
 *
 * One table: path pattern, methods, who may ask, the query names that are known. Everything that
 * is the same for all routes (404, 405, 401, unknown names) is decided here.
 * Thread: the worker's. */
#ifndef TB_HTTP_ROUTER_H
#define TB_HTTP_ROUTER_H

#include "http/request.h"

enum { /* flags of a route */
    ROUTE_OPEN = 1,  /* needs no credential */
    ROUTE_READS = 2, /* its POST changes nothing */
    ROUTE_JSON = 4,  /* its POST has a JSON body */
    ROUTE_PAGE = 8,  /* part of the page: may be asked for from anywhere */
    ROUTE_ADMIN = 16, /* needs more than the right to write */
};

struct route {
    /* Below the prefix, without slashes at its ends; {id} is one segment, {path} all the rest. */
    const char *path;
    unsigned methods, flags;
    void (*serve)(struct request *request);
    const char *const *names; /* known names of the query, NULL-ended; NULL: none */
    void (*begin)(struct request *request); /* after the head: may set intake or reply; or NULL */
};

/* Finds the route of request->target and checks what can be checked before the body is there.
 * `address` is the one asked for, prefix included. Fills the reply when the answer is no. */
void router_find(struct request *request, const char *address);
/* After the body: calls the route. */
void router_serve(struct request *request);
/* How `header()` of auth rules reads a request. */
const char *router_header(void *ctx, const char *name, unsigned *ret_count);

/* the routes, each in its file */
void route_root(struct request *request);
void route_openapi(struct request *request);
void route_health(struct request *request);
void route_metrics(struct request *request);
void route_session(struct request *request);
void route_runs(struct request *request);
void route_experiments(struct request *request);
void route_run(struct request *request);
void route_series(struct request *request);
void route_values(struct request *request);
void route_damage(struct request *request);
void route_files(struct request *request);
void route_attempts(struct request *request);
void route_tags(struct request *request);
void route_points_post(struct request *request);
void route_points_get(struct request *request);
void route_stream(struct request *request);
void route_page(struct request *request);
void route_live(struct request *request);
void route_upload(struct request *request); /* HEAD, GET: route_download() */
void route_download(struct request *request);
void route_tar(struct request *request);
void route_retain(struct request *request);
void route_fsck(struct request *request);
void route_console(struct request *request);
void route_events(struct request *request);
void route_cancel(struct request *request);
void route_restore(struct request *request);
void route_tokens(struct request *request);
void route_token(struct request *request);
/* PUT, PATCH and DELETE of /runs/{id}. */
void route_run_change(struct request *request);

/* After the head of an upload. */
void upload_begin(struct request *request);
/* Headers that tell where a file stands. False: the request was answered with a problem. */
struct archive_file;
_must_check_ bool upload_tell(struct request *request, struct archive_file *file);
/* Content-Disposition: attachment, whatever bytes the name has. */
void download_disposition(struct request *request, const char *name);

#endif
