#include "http/write.h"

#include <math.h>
#include <string.h>

#include "base/double.h"

static double real_of(enum value_kind kind, uint64_t bits)
{
    uint32_t half = (uint32_t)bits;
    double real;
    float single;

    if (kind == VALUE_F32) {
        memcpy(&single, &half, sizeof single);
        return single;
    }
    memcpy(&real, &bits, sizeof real);
    return real;
}

void write_number(struct json *j, enum value_kind kind, uint64_t bits)
{
    switch (kind) {
    case VALUE_F32:
    case VALUE_F64:
        json_put_double(j, real_of(kind, bits));
        break;
    case VALUE_I8:
    case VALUE_I16:
    case VALUE_I32:
    case VALUE_I64:
        json_put_i64(j, (int64_t)bits);
        break;
    default:
        json_put_u64(j, bits);
        break;
    }
}

void write_number_text(struct buf *out, enum value_kind kind, uint64_t bits)
{
    struct json j = JSON_INIT(out);

    if (kind == VALUE_F32 || kind == VALUE_F64) {
        double real = real_of(kind, bits);

        if (isnan(real)) {
            buf_str(out, "NaN");
            return;
        }
        if (isinf(real)) {
            buf_str(out, real > 0 ? "Infinity" : "-Infinity");
            return;
        }
    }
    write_number(&j, kind, bits);
}
