/* eventfile/error.c: sentences for result codes. */
#include <eventfile/error.h>

const char *ef_strerror(int code)
{
    if (code >= 0)
        return "no error";
    switch ((enum ef_error)code) {
    case EF_ERR_NOMEM:
        return "out of memory";
    case EF_ERR_IO:
        return "a read or write failed";
    case EF_ERR_INVALID:
        return "a parameter is out of its range";
    case EF_ERR_ZEROS:
        return "zero bytes where a record should begin";
    case EF_ERR_HEADER:
        return "the checksum of a record's length does not hold";
    case EF_ERR_LENGTH:
        return "a record is longer than the limit";
    case EF_ERR_PAYLOAD:
        return "the checksum of a record's content does not hold";
    case EF_ERR_NOT_EVENT:
        return "a sound record that is no event";
    case EF_ERR_COMPRESSED:
        return "the file is compressed as a whole; unpack it first";
    case EF_ERR_NOT_EVENT_FILE:
        return "this is no event file: it does not begin as one, nor holds one record";
    case EF_ERR_LIMIT:
        return "nesting, field or element count above the limit";
    }
    return "unknown error";
}
