/* A field to bytes and back, with every function of baler.h; exits with 0 if each did what it says. */
#include <baler.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_Y = 200, N_X = 300, N = N_Y * N_X };

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, baler_error());
    return 1;
}

int main(void)
{
    const double bound = 1e-3;
    const size_t shape[] = {N_Y, N_X};
    float *field = malloc(N * sizeof *field), *back = malloc(N * sizeof *back);
    for (int i = 0; i < N; i++)
        field[i] = (float)(sin(0.03 * (i / N_X)) * cos(0.05 * (i % N_X)));
    field[7] = NAN;

    size_t room = baler_max_bytes(BALER_FLOAT32, 2, shape), n_bytes = 0;
    unsigned char *bytes = malloc(room);
    if (room == 0 || bytes == NULL || field == NULL || back == NULL)
        return failed("no room");
    baler_options options = {.kind = BALER_ABS, .bound = bound, .level = 3};
    if (baler_compress(field, BALER_FLOAT32, 2, shape, &options, bytes, room, &n_bytes) != BALER_OK)
        return failed("compress");

    baler_info info;
    if (baler_read_info(bytes, n_bytes, &info) != BALER_OK)
        return failed("read_info");
    if (info.dtype != BALER_FLOAT32 || info.n_axes != 2 || info.shape[0] != N_Y || info.shape[1] != N_X
        || info.kind != BALER_ABS || info.bound != bound || info.size_bytes != N * sizeof *field)
        return failed("other bytes were compressed");
    if (baler_decompress(bytes, n_bytes, back, info.size_bytes, 1) != BALER_OK)
        return failed("decompress");
    for (int i = 0; i < N; i++) {
        double error = fabs((double)back[i] - (double)field[i]);
        if (i == 7 ? !isnan(back[i]) : !(error <= bound)) {
            fprintf(stderr, "value %d: %g came back as %g\n", i, field[i], back[i]);
            return 1;
        }
    }

    /* Damaged bytes, too little room and no options are errors with a text. */
    bytes[n_bytes / 2] ^= 1;
    if (baler_decompress(bytes, n_bytes, back, info.size_bytes, 1) != BALER_CORRUPT || strlen(baler_error()) == 0)
        return failed("damaged bytes were decompressed");
    if (baler_compress(field, BALER_FLOAT32, 2, shape, &options, bytes, 10, &n_bytes) != BALER_LIMIT || n_bytes <= 10)
        return failed("ten bytes were enough");
    if (baler_compress(field, BALER_FLOAT32, 2, shape, NULL, bytes, room, &n_bytes) != BALER_CONFIG)
        return failed("options were not needed");
    printf("C: baler %s, %zu bytes became %zu\n", baler_version(), N * sizeof *field, n_bytes);
    free(field);
    free(back);
    free(bytes);
    return 0;
}
