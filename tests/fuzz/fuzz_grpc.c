/* Requests of the data provider service: the first byte chooses the method, the rest is the body as
 * it comes (prefix, message, perhaps gzip), answered by an empty store. No crash; an answer within
 * the limit, or a status. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "grpc/call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct provider *empty_provider(void)
{
    static struct provider *provider;

    if (!provider) {
        const struct store_options options = {.epoch = 1};
        const struct provider_options about = {.store = store_new(&options), .location = "x"};
        struct provider_error error;
        CHECK(about.store && provider_new(&about, &provider, &error) == 0);
    }
    return provider;
}

static const struct rpc *method(unsigned n)
{
    if (n < ARRAY_LEN(rpc_runs))
        return &rpc_runs[n];
    n -= ARRAY_LEN(rpc_runs);
    return n < ARRAY_LEN(rpc_series) ? &rpc_series[n] : &rpc_blob[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned methods = ARRAY_LEN(rpc_runs) + ARRAY_LEN(rpc_series) + ARRAY_LEN(rpc_blob);
    int64_t deadline;

    if (size == 0)
        return 0;
    struct call *call = call_new(empty_provider());
    CHECK(call);
    call->rpc = method(data[0] % methods);
    call->gzip = data[0] >= 128;
    call_deadline((const char *)data, size, 0, &deadline);
    if (buf_add(&call->in, data + 1, size - 1) == 0 && call_message(call))
        call->rpc->answer(call, call->rpc);
    CHECK(call->out.length <= LIMIT_GRPC_ANSWER_BYTES);
    CHECK(call->status == GRPC_OK || call->text[0]);
    call_free(call);
    return 0;
}
