/* eventfile/error.h: result codes of libeventfile.
 *
 * Every function that can fail returns an int: zero or positive is fine (its meaning is said at
 * the function), negative is one of these codes. `ret_` parameters are untouched on failure.
 * The library never logs and never exits. */
#ifndef EVENTFILE_ERROR_H
#define EVENTFILE_ERROR_H

#if defined(__GNUC__)
#define EF_MUST_CHECK __attribute__((warn_unused_result))
#else
#define EF_MUST_CHECK
#endif

#if defined(EF_BUILDING) && defined(__GNUC__)
#define EF_API __attribute__((visibility("default")))
#else
#define EF_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum ef_error {
    EF_ERR_NOMEM = -1,      /* out of memory */
    EF_ERR_IO = -2,         /* a read or write failed; errno tells why */
    EF_ERR_INVALID = -3,    /* a parameter is out of its range */
    EF_ERR_ZEROS = -4,      /* a record header of zero bytes: not yet written, or a hole */
    EF_ERR_HEADER = -5,     /* the CRC of the length field does not hold */
    EF_ERR_LENGTH = -6,     /* the length is sound but above EF_RECORD_MAX_BYTES */
    EF_ERR_PAYLOAD = -7,    /* the CRC of the payload does not hold */
    EF_ERR_NOT_EVENT = -8,  /* a sound record whose payload is no Event message */
    EF_ERR_COMPRESSED = -9, /* the file is compressed as a whole (gzip, zlib, zstd, bzip2, xz) */
    EF_ERR_NOT_EVENT_FILE = -10, /* the file does not begin as an event file, nor hold one record */
    EF_ERR_LIMIT = -11,     /* nesting, field or element count above a limit of limits.h */
};

/* A short English sentence for a code, without a full stop; never NULL. Thread: any. */
EF_API const char *ef_strerror(int code);

#ifdef __cplusplus
}
#endif

#endif
