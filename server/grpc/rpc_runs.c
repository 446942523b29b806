/* Calls without series: experiment, plugins, runs, and grpc.health.v1. */
#include "eventfile/wire.h"
#include "grpc/call.h"
#include "grpc/protoout.h"

#define SERVICE "tensorboard.data.TensorBoardDataProvider"

/* All these requests have one string in field 1. */
static bool read_word(struct call *call, struct text *ret)
{
    struct wire w = {(const uint8_t *)call->message.data,
                     (const uint8_t *)call->message.data + call->message.size};
    struct ef_slice bytes;
    uint32_t tag;

    *ret = (struct text){"", 0};
    while (w.at < w.end) {
        if (!wire_tag(&w, &tag) || (tag == WIRE_TAG(1, WIRE_LEN) ? !wire_len(&w, &bytes)
                                    : tag >> 3 == 1 ? true : !wire_skip(&w, tag))) {
            call_fail(call, GRPC_INTERNAL, "the request is no valid message");
            return false;
        }
        if (tag == WIRE_TAG(1, WIRE_LEN))
            *ret = (struct text){(const char *)bytes.data, bytes.size};
    }
    return true;
}

static void get_experiment(struct call *call, const struct rpc *rpc)
{
    struct text id;

    if (read_word(call, &id))
        proto_text(&call->out, 1, (struct text){provider_location(call->provider),
                                                strlen(provider_location(call->provider))});
}

static void list_plugins(struct call *call, const struct rpc *rpc)
{
    struct provider_plugins plugins;
    struct provider_error error;
    struct text id;

    if (!read_word(call, &id))
        return;
    int r = provider_plugins(call->provider, id, &plugins, &error);
    if (r < 0) {
        call_broken(call, r, &error);
        return;
    }
    for (size_t i = 0; i < plugins.count; i++) {
        size_t at = proto_open(&call->out, 1);
        proto_text(&call->out, 1, plugins.names[i]);
        proto_close(&call->out, at);
    }
    provider_plugins_done(&plugins);
}

static void list_runs(struct call *call, const struct rpc *rpc)
{
    struct provider_runs runs;
    struct provider_error error;
    struct text id;

    if (!read_word(call, &id))
        return;
    int r = provider_runs(call->provider, id, &runs, &error);
    if (r < 0) {
        call_broken(call, r, &error);
        return;
    }
    for (size_t i = 0; i < runs.count; i++) {
        size_t at = proto_open(&call->out, 1);
        proto_bytes(&call->out, 2, runs.runs[i].name, strlen(runs.runs[i].name));
        proto_double(&call->out, 3, runs.runs[i].start_time);
        proto_close(&call->out, at);
    }
    provider_runs_done(&runs);
}

static void health_check(struct call *call, const struct rpc *rpc)
{
    struct text service;

    if (!read_word(call, &service))
        return;
    if (service.size == 0 ||
        (service.size == strlen(SERVICE) && memcmp(service.data, SERVICE, service.size) == 0))
        proto_i64(&call->out, 1, 1); /* SERVING */
    else
        call_fail(call, GRPC_NOT_FOUND, "no such service");
}

const struct rpc rpc_runs[4] = {
    {"/" SERVICE "/GetExperiment", get_experiment, 0},
    {"/" SERVICE "/ListPlugins", list_plugins, 0},
    {"/" SERVICE "/ListRuns", list_runs, 0},
    {"/grpc.health.v1.Health/Check", health_check, 0},
};
