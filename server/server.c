#include "server.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/log.h"
#include "follow.h"
#include "front/front.h"
#include "inlet.h"
#include "metrics.h"
#ifdef TB_HAVE_GRPC
#include "grpc/grpc.h"
#endif
#ifdef TB_HAVE_HTTP
#include "http/http.h"
#endif
#ifdef TB_HAVE_LIVE
#include "live/live.h"
#endif

enum { SETTLE_MS = 5000 };

struct server {
    const struct config *config;
    struct store *store;
    struct inlet inlet; /* of the tailer: ingest and index */
    struct archive *archive;    /* NULL: none */
    struct follow *follow;
    _Atomic(struct tail *) tail; /* read by workers that seal while tail_start() still runs */
    struct auth *auth;
    struct live *live;
    struct http *http;
    struct provider *provider;  /* NULL: built without gRPC */
    struct grpc *grpc;
    atomic_bool stopping;
    pthread_mutex_t front_lock; /* held while it starts: whoever tells of an end waits */
    struct front *front;        /* NULL before that and once it is being stopped */
};

/* ---- the archive ---------------------------------------------------------------------------- */

static void tell_archive(struct server *server)
{
    struct archive_status status = archive_status(server->archive);

    log_info("archive %s: %llu run%s, %.1f GB, %.1f GB free", status.dir,
             (unsigned long long)status.runs, status.runs == 1 ? "" : "s",
             (double)status.bytes_kept / 1e9, (double)status.free_bytes / 1e9);
    if (archive_is_remote(server->archive))
        log_info("the archive is on a network file system: its catalog is locked for this server "
                 "alone, and slower");
}

/* 0: archived, or not by a decision that was told. */
static int start_archive(struct server *server)
{
    const struct config *config = server->config;
    struct archive_holder holder;

    if (!*config->archive_dir)
        return 0;
    const struct tail_sink inner = inlet_sink(&server->inlet);
    server->follow = follow_new(&inner);
    if (!server->follow)
        return -ENOMEM;
    const struct archive_options options = {
        .dir = config->archive_dir,
        .reserve_bytes = config->archive_reserve,
        .output_generations = config->output_versions + 1,
        .begun = follow_begun,
        .written = follow_written,
        .ctx = server->follow,
    };
    int r = archive_open(&options, &server->archive, &holder);
    if (r == 0)
        tell_archive(server);
    if (r == 0 || r == -ENOMEM)
        return r;
    char why[LIMIT_NAME_BYTES + 64];
    if (r == -EBUSY)
        snprintf(why, sizeof why, "process %ld on %s has it", holder.pid, holder.host);
    else
        snprintf(why, sizeof why, "%s", strerrordesc_np(-r));
    if (config->archive || r == -EPROTO || r == -EUCLEAN) {
        log_error("the archive %s cannot be used: %s", config->archive_dir, why);
        return r;
    }
    log_warn("nothing is archived (--no-archive): %s cannot be used: %s", config->archive_dir,
             why);
    server->follow = follow_free(server->follow);
    return 0;
}

static uint64_t index_durable(void *ctx, const char *run, const char *path, uint32_t generation)
{
    return follow_durable(((struct server *)ctx)->follow, run, path, generation);
}

/* ---- the index ---------------------------------------------------------------------------- */

static void reread_soon(void *ctx)
{
    tail_wake(atomic_load(&((struct server *)ctx)->tail));
}

static int start_index(struct server *server)
{
    const struct config *config = server->config;
    char dir[LIMIT_PATH_BYTES + 8];
    struct index_options options = {
        .store = server->store,
        .dir = dir,
        .below = "",
        .memory_bytes = config->memory,
        .most_bytes = config->cache_size,
        .anew = config->index_anew,
        .reread = reread_soon,
        .ctx = server,
    };

    if (config->no_index || (!server->archive && !*config->cache_dir))
        return 0;
    if (server->archive) { /* beside the bytes, and only of those that are safe */
        options.below = "index";
        options.most_bytes = 0;
        options.durable = index_durable;
        snprintf(dir, sizeof dir, "%s/runs", config->archive_dir);
    } else {
        snprintf(dir, sizeof dir, "%s/index", config->cache_dir);
    }
    int r = index_open(&options, &server->inlet.index);
    if (r == 0 || r == -ENOMEM)
        return r;
    log_warn("%s: no index can be kept: %s; the next start reads everything again", dir,
             strerror(-r));
    return 0;
}

/* ---- connections -------------------------------------------------------------------------- */

static __attribute__((unused)) void connection_closed(void *ctx, const struct peer *peer)
{
    struct server *server = ctx;

    pthread_mutex_lock(&server->front_lock);
    if (server->front)
        front_closed(server->front, peer);
    pthread_mutex_unlock(&server->front_lock);
}

#ifdef TB_HAVE_LIVE
static int start_live(struct server *server)
{
    const struct live_options options = {
        .store = server->store,
        .auth = server->auth,
        .prefix = server->config->prefix,
        .closed = connection_closed,
        .closed_ctx = server,
    };

    return live_start(&options, &server->live);
}

static struct door live_door(struct server *server)
{
    return (struct door){.ctx = server->live, .take = live_take};
}

static struct live *stop_live(struct live *live)
{
    return live_stop(live);
}

static __attribute__((unused)) struct metrics_live live_figures(struct server *server)
{
    struct live_stats stats = live_stats(server->live);

    return (struct metrics_live){stats.clients, stats.watches, stats.messages, stats.bytes,
                                 stats.interval_us};
}
#else
static int start_live(struct server *server)
{
    return 0;
}

static struct door live_door(struct server *server)
{
    return (struct door){0};
}

static struct live *stop_live(struct live *live)
{
    return NULL;
}

static __attribute__((unused)) struct metrics_live live_figures(struct server *server)
{
    return (struct metrics_live){0};
}
#endif

#ifdef TB_HAVE_HTTP
static bool is_healthy(void *ctx, char *reason, size_t size)
{
    struct server *server = ctx;

    if (!atomic_load(&server->stopping))
        return true;
    snprintf(reason, size, "stopping");
    return false;
}

static void add_metrics(void *ctx, struct buf *out)
{
    struct server *server = ctx;
    struct metrics metrics = {
        .tail = tail_stats(server->tail),
        .ingest = ingest_stats(server->inlet.ingest),
        .live = live_figures(server),
    };

    store_stats(server->store, &metrics.store);
    if (server->inlet.index)
        metrics.index = index_stats(server->inlet.index);
    metrics_write(&metrics, out);
}

static void tell_progress(void *ctx, uint64_t *ret_read, uint64_t *ret_total, bool *ret_done,
                          bool *ret_waiting)
{
    struct server *server = ctx;
    struct tail_stats stats = tail_stats(server->tail);

    *ret_read = stats.bytes_read;
    *ret_total = stats.bytes_total;
    *ret_done = stats.caught_up;
    *ret_waiting = stats.waiting_for_logdir;
}

static int start_http(struct server *server)
{
    const struct http_options options = {
        .store = server->store,
        .auth = server->auth,
        .archive = server->archive,
        .prefix = server->config->prefix,
        .facts = {.ctx = server,
                  .healthy = is_healthy,
                  .metrics = add_metrics,
                  .progress = tell_progress,
                  .logdirs = server->config->given},
        .closed = connection_closed,
        .closed_ctx = server,
        .live = live_door(server),
    };

    return http_start(&options, &server->http);
}

static struct door http_door(struct server *server)
{
    return (struct door){.ctx = server->http, .take = http_take};
}

static struct http *stop_http(struct http *http)
{
    return http_stop(http);
}
#else
static int start_http(struct server *server)
{
    return 0;
}

static struct door http_door(struct server *server)
{
    return (struct door){0};
}

static struct http *stop_http(struct http *http)
{
    return NULL;
}
#endif

#ifdef TB_HAVE_GRPC
static int start_grpc(struct server *server)
{
    const struct config *config = server->config;
    const struct provider_options provider_options = {
        .store = server->store,
        .archive = server->archive,
        .location = config->given[0] ? config->given[0] : config->archive_dir,
        .one_experiment = config->data_server,
        .vanish = config->data_server,
        .samples = config->samples,
    };
    struct provider_error error;
    int r = provider_new(&provider_options, &server->provider, &error);

    if (r < 0) {
        log_error("%s", error.text);
        return r;
    }
    const struct grpc_options options = {
        .provider = server->provider,
        .auth = server->auth, /* a data server has none, as the one it stands for */
        .closed = connection_closed,
        .closed_ctx = server,
    };
    return grpc_start(&options, &server->grpc);
}

static struct door grpc_door(struct server *server)
{
    return (struct door){.ctx = server->grpc, .take = grpc_take};
}

static void stop_grpc(struct server *server)
{
    grpc_stop(server->grpc);
    provider_free(server->provider);
}
#else
static int start_grpc(struct server *server)
{
    return 0;
}

static struct door grpc_door(struct server *server)
{
    return (struct door){0};
}

static void stop_grpc(struct server *server)
{
}
#endif

/* ---- starting ----------------------------------------------------------------------------- */

/* A page that was touched once stays ours: getting it back from the kernel costs more than a
 * thousand points. The large pad lets the arenas of threads grow in one step. */
static void tune_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 32 << 20);
}

/* Tailer and front size themselves by the soft limit, which is low by old habit (select). */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    rlim_t wanted = MIN(limit.rlim_max, (rlim_t)1 << 20);
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_debug("the limit of open files stays as it is: %s", strerror(errno));
}

static int start_data(struct server *server)
{
    const struct config *config = server->config;
    const struct store_options store_options = {.cache_bytes = config->memory / 5};
    struct tail *tail;

    server->store = store_new(&store_options);
    server->inlet.ingest = server->store ? ingest_new(server->store) : NULL;
    if (!server->inlet.ingest)
        return -ENOMEM;
    int r = start_archive(server);
    if (r == 0)
        r = start_index(server);
    if (r < 0)
        return r;
    struct tail_options options = {
        .logdirs = config->resolved,
        .n_logdirs = config->n_resolved,
        .workers = config->workers,
        .poll_ms = config->poll_ms,
        .force_poll = config->poll,
        .sink = inlet_sink(&server->inlet),
    };
    if (server->archive)
        options.sink = follow_sink(server->follow, server->archive);
    r = tail_start(&options, &tail);
    if (r < 0)
        return r;
    atomic_store_explicit(&server->tail, tail, memory_order_release);
    return server->archive ? follow_start(server->follow, tail) : 0;
}

static int start_auth(struct server *server)
{
    const struct config *config = server->config;
    const struct auth_options options = {
        .mode = config->auth_mode,
        .state_dir = config->state_dir,
        .prefix = config->prefix,
        .public_url = config->public_url,
        .allow_hosts = config->allow_hosts,
        .allow_origins = config->allow_origins,
    };

    return auth_new(&options, &server->auth);
}

static int start_front(struct server *server)
{
    const struct config *config = server->config;
    const struct front_options options = {
        .host = config->host,
        .bind_all = config->bind_all,
        .port = config->port,
        .port_tries = config->port_given ? 0 : CONFIG_PORT_TRIES,
        .prefix = config->prefix,
        .http = config->data_server ? (struct door){0} : http_door(server),
        .live = config->data_server ? (struct door){0} : live_door(server),
        .grpc = grpc_door(server),
    };
    struct front *front;

    pthread_mutex_lock(&server->front_lock);
    int r = front_start(&options, &front);
    if (r == 0)
        server->front = front;
    pthread_mutex_unlock(&server->front_lock);
    /* Whoever called knows what to say to a taken port, and a data server's says all itself. */
    if (r < 0 && r != -EADDRINUSE && !config->data_server)
        log_error("cannot listen on %s, port %u: %s",
                  config->bind_all ? "all addresses"
                  : config->host   ? config->host
                                   : "localhost",
                  config->port,
                  r == -EADDRNOTAVAIL ? "no host of this name, or no address of this machine"
                                      : strerror(-r));
    return r;
}

int server_start(const struct config *config, struct server **ret)
{
    static const struct {
        const char *what;
        int (*start)(struct server *);
        bool for_data_server;
    } steps[] = {
        {"reading", start_data, true},        {"access control", start_auth, false},
        {"the live side", start_live, false}, {"the HTTP side", start_http, false},
        {"the gRPC side", start_grpc, true},  {"listening", start_front, true},
    };
    struct server *server = calloc(1, sizeof *server);

    if (!server)
        return -ENOMEM;
    tune_memory();
    raise_file_limit();
    server->config = config;
    pthread_mutex_init(&server->front_lock, NULL);
    for (size_t i = 0; i < (config->index_anew ? 1 : ARRAY_LEN(steps)); i++) {
        if (config->data_server && !steps[i].for_data_server)
            continue;
        int r = steps[i].start(server);
        if (r < 0) {
            if (steps[i].start != start_front && steps[i].start != start_auth) /* they said why */
                log_error("%s cannot be started: %s", steps[i].what, strerror(-r));
            server_stop(server);
            return r;
        }
    }
    *ret = server;
    return 0;
}

struct server *server_stop(struct server *server)
{
    if (!server)
        return NULL;
    atomic_store(&server->stopping, true);
    pthread_mutex_lock(&server->front_lock);
    struct front *front = TAKE_PTR(server->front);
    pthread_mutex_unlock(&server->front_lock);
    front_stop(front);
    stop_grpc(server);
    stop_http(server->http);
    stop_live(server->live);
    auth_free(server->auth);
    if (server->follow)
        follow_stop(server->follow);
    tail_stop(server->tail);
    if (server->archive)
        archive_settle(server->archive, SETTLE_MS); /* the index holds what is safe */
    index_close(server->inlet.index);
    archive_close(server->archive);
    follow_free(server->follow);
    ingest_free(server->inlet.ingest);
    store_free(server->store);
    pthread_mutex_destroy(&server->front_lock);
    free(server);
    return NULL;
}

void server_end_reading(struct server *server)
{
    tail_stop(atomic_exchange(&server->tail, NULL));
}

/* ---- figures ------------------------------------------------------------------------------ */

uint16_t server_port(const struct server *server)
{
    return front_port(server->front);
}

const char *server_token(const struct server *server)
{
    return auth_token(server->auth);
}

bool server_token_is_new(const struct server *server)
{
    return auth_token_is_new(server->auth);
}

bool server_has_archive(const struct server *server)
{
    return server->archive != NULL;
}

uint64_t server_epoch(const struct server *server)
{
    return store_epoch(server->store);
}

struct server_status server_status(struct server *server)
{
    return (struct server_status){
        .tail = tail_stats(server->tail),
        .ingest = ingest_stats(server->inlet.ingest),
    };
}

struct server_points server_points(struct server *server)
{
    struct store_stats stats;

    store_stats(server->store, &stats);
    return (struct server_points){stats.points, metrics_bytes_per_point(&stats)};
}
