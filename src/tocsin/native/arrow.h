/* Columns as Arrow's C data interface has them: with what holds them, and how to let go. */

#ifndef TOCSIN_ARROW_H
#define TOCSIN_ARROW_H

#include <stdint.h>

struct arrow_schema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t children_count;
    struct arrow_schema **children;
    struct arrow_schema *dictionary;
    void (*release)(struct arrow_schema *);
    void *own;
};

struct arrow_array {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t buffers_count;
    int64_t children_count;
    const void **buffers;
    struct arrow_array **children;
    struct arrow_array *dictionary;
    void (*release)(struct arrow_array *);
    void *own;
};

struct arrow_stream {
    int (*get_schema)(struct arrow_stream *, struct arrow_schema *);
    int (*get_next)(struct arrow_stream *, struct arrow_array *);
    const char *(*get_last_error)(struct arrow_stream *);
    void (*release)(struct arrow_stream *);
    void *own;
};

#endif
