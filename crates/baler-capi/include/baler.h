/* Arrays to bytes within a bound, and back.
 *
 *     baler_options options = {.kind = BALER_REL, .bound = 1e-3};
 *     size_t shape[] = {64, 64}, n_bytes;
 *     size_t room = baler_max_bytes(BALER_FLOAT32, 2, shape);
 *     void *bytes = malloc(room);
 *     if (baler_compress(field, BALER_FLOAT32, 2, shape, &options, bytes, room, &n_bytes) != BALER_OK)
 *         fprintf(stderr, "%s\n", baler_error());
 *
 * Link with -lbaler. Every function may be called from any thread at any time, and none keeps a pointer that it was
 * given. The bytes are those of docs/format.md, section 17: the same on every machine, and decoded by all later versions.
 */
#ifndef BALER_H
#define BALER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns: whose fault it is. baler_error() has the text. */
typedef enum baler_status {
    BALER_OK = 0,
    BALER_INPUT = 1,        /* the array or the buffer is not what was asked for */
    BALER_CONFIG = 2,       /* an option or a pointer is wrong */
    BALER_CORRUPT = 3,      /* the bytes are damaged */
    BALER_UNSUPPORTED = 4,  /* the bytes need a later version */
    BALER_LIMIT = 5,        /* memory, or the room for the output, is too small */
    BALER_BUG = 6           /* of this library; please report it */
} baler_status;

/* Element types. Arrays are in C order (the last axis is the fastest), values in the machine's byte order; they need not
 * be aligned. */
enum {
    BALER_INT8 = 1,
    BALER_INT16 = 2,
    BALER_INT32 = 3,
    BALER_INT64 = 4,
    BALER_UINT8 = 5,
    BALER_UINT16 = 6,
    BALER_UINT32 = 7,
    BALER_UINT64 = 8,
    BALER_FLOAT16 = 9,
    BALER_FLOAT32 = 10,
    BALER_FLOAT64 = 11
};

/* What is promised of each value x, which comes back as x'. NaN, infinities and missing values are always exact. */
enum {
    BALER_LOSSLESS = 0,     /* every bit */
    BALER_ABS = 1,          /* |x' - x| <= bound */
    BALER_REL = 2,          /* |x' - x| <= bound * (max - min) */
    BALER_PW_REL = 3        /* |x' - x| <= bound * |x| */
};

#define BALER_MAX_AXES 64

/* How an array is compressed. 0 means the default in every field, and lossless as the kind. */
typedef struct baler_options {
    double bound;           /* finite, >= 0; 0 is lossless */
    double range;           /* max - min of the array that this is a piece of, for BALER_REL; 0: that of this one */
    double missing;         /* a fill value, which is kept exactly; only if has_missing is 1 (values far outside that */
                            /* look like fill values, 1e20 or -999, are found without) */
    int32_t kind;           /* BALER_ABS, ... */
    int32_t has_missing;    /* 0 or 1 */
    int32_t level;          /* 1 is fast, 6 the default, 9 small */
    int32_t n_threads;      /* 0 is 1; they change no byte */
} baler_options;

/* What compressed bytes hold. */
typedef struct baler_info {
    uint64_t shape[BALER_MAX_AXES];
    uint64_t size_bytes;    /* of the array */
    double bound;
    int32_t kind;           /* a BALER_REL with a given range comes back as the BALER_ABS that it was */
    int32_t dtype;
    int32_t n_axes;
} baler_info;

/* An upper limit of what baler_compress writes for such an array: far above what it mostly is. 0 for no such array. */
size_t baler_max_bytes(int32_t dtype, int32_t n_axes, const size_t *shape);

/* Compresses an array into `out`, which has room for `room` bytes; `n_bytes` becomes how many it took. The bytes are
 * decoded and compared with the array before the function returns. With too little room it returns BALER_LIMIT, and
 * `n_bytes` is what it takes. */
int32_t baler_compress(const void *values, int32_t dtype, int32_t n_axes, const size_t *shape,
                       const baler_options *options, void *out, size_t room, size_t *n_bytes);

/* Tells what compressed bytes hold, without decoding the values. */
int32_t baler_read_info(const void *bytes, size_t n_bytes, baler_info *info);

/* Decompresses into `out`, which has exactly the array's size_bytes. Damaged bytes are an error, never a crash. */
int32_t baler_decompress(const void *bytes, size_t n_bytes, void *out, size_t out_bytes, int32_t n_threads);

/* What went wrong in the last call of this thread that failed: one line, valid until another fails. Empty if none did. */
const char *baler_error(void);

/* The version of the library, such as "0.1.0". */
const char *baler_version(void);

#ifdef __cplusplus
}
#endif

#endif
