/* Rows that come from Polars, and the numbers they have.

   A range is what a metric counts: it has one number for each slice of time and group. The
   number of a row comes of its pane (the first column) and of the codes of the fields that
   the metric groups by, as metrics/cube.py says. There is a place for each number, so ranges
   must not be large.

   All columns are whole numbers of 64 bits, in any number of chunks. Only values and
   registers may be null. A row out of range is an error. */

#ifndef TOCSIN_ROWS_H
#define TOCSIN_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "arrow.h"

typedef unsigned char byte;

enum { LARGEST = 1 << 30 };

/* `keys` columns, by their numbers, with how many codes each has. `value` is the column of
   what is summed or counted as distinct, -1 if rows are but counted; a row without a value
   does not count. `twin` is the place of a range before this one that differs in nothing but
   its base, -1 if there is none. Where the numbers that have rows start, and how many they
   are, is filled in. */
struct range {
    int64_t base;
    int64_t grain;
    int64_t first;
    int64_t slices;
    int64_t keys;
    const int64_t *columns;
    const int64_t *codes;
    int64_t value;
    int64_t twin;
    int64_t start;
    int64_t found;
};

/* ---- rows ---- */

struct rows {
    struct arrow_array *chunks;
    int64_t count;
    int64_t longest;
    int64_t all;
};

struct column {
    const int64_t *values;
    const byte *valid;
    int64_t skipped; /* bits of `valid` before the first row */
};

static inline struct column column_of(const struct arrow_array *chunk, int64_t number)
{
    const struct arrow_array *child = chunk->children[number];
    int64_t skipped = chunk->offset + child->offset;
    const byte *valid = child->null_count ? child->buffers[0] : NULL;
    return (struct column){(const int64_t *)child->buffers[1] + skipped, valid, skipped};
}

static inline int has(const struct column *column, int64_t row)
{
    int64_t bit = column->skipped + row;
    return !column->valid || column->valid[bit / 8] >> bit % 8 & 1;
}

static inline void free_rows(struct rows *rows)
{
    for (int64_t i = 0; i < rows->count; i++)
        rows->chunks[i].release(rows->chunks + i);
    free(rows->chunks);
}

/* Whether a stream is of such a column, or if some are `wanted`, of rows of so many such. */
static inline int is_of(struct arrow_stream *stream, const char *format, int64_t wanted)
{
    struct arrow_schema schema;
    if (stream->get_schema(stream, &schema))
        return 0;
    int fits = !strcmp(schema.format, wanted ? "+s" : format) && schema.children_count >= wanted;
    for (int64_t i = 0; i < schema.children_count; i++)
        fits = fits && !strcmp(schema.children[i]->format, format);
    schema.release(&schema);
    return fits;
}

/* Takes all rows of a stream. Returns -1 if that fails; what was taken is to be freed. */
static inline int take_rows(struct arrow_stream *stream, struct rows *rows)
{
    for (;;) {
        struct arrow_array *more = realloc(rows->chunks, (size_t)(rows->count + 1) * sizeof *more);
        if (!more)
            return -1;
        rows->chunks = more;
        struct arrow_array *chunk = more + rows->count;
        if (stream->get_next(stream, chunk))
            return -1;
        if (!chunk->release)
            return 0;
        rows->count++;
        rows->all += chunk->length;
        rows->longest = chunk->length > rows->longest ? chunk->length : rows->longest;
    }
}

/* ---- the number of a row ---- */

static inline int64_t floored(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

/* How many columns there must be for a range. */
static inline int64_t columns_of(const struct range *range)
{
    int64_t last = range->value < 0 ? 0 : range->value;
    for (int64_t key = 0; key < range->keys; key++)
        last = range->columns[key] > last ? range->columns[key] : last;
    return last + 1;
}

/* How many numbers a range has, -1 if too many. */
static inline int64_t size_of(const struct range *range)
{
    int64_t size = range->slices;
    for (int64_t key = 0; key < range->keys && size <= LARGEST; key++)
        size = range->codes[key] <= LARGEST ? size * range->codes[key] : LARGEST + 1;
    return size <= LARGEST ? size : -1;
}

/* Rows of the same pane, one after the other, and their slice from 0 on. */
struct run {
    int64_t start;
    int64_t end;
    int64_t slice;
};

/* Finds the next rows of one pane. Returns 0 if there are none, -1 if they are out of range. */
static inline int next_run(const struct arrow_array *chunk, const struct range *range,
                           struct run *run)
{
    const int64_t *panes = column_of(chunk, 0).values;
    run->start = run->end;
    if (run->start == chunk->length)
        return 0;
    while (run->end < chunk->length && panes[run->end] == panes[run->start])
        run->end++;
    run->slice = floored(panes[run->start], range->grain) - range->first;
    return run->slice < 0 || run->slice >= range->slices ? -1 : 1;
}

/* Writes the number of each row of a chunk, from 0 on. Returns -1 if one is out of range. */
static inline int place(const struct arrow_array *chunk, const struct range *range,
                        int32_t *numbers)
{
    struct run run = {0, 0, 0};
    int more;
    while ((more = next_run(chunk, range, &run)) > 0)
        for (int64_t row = run.start; row < run.end; row++)
            numbers[row] = (int32_t)run.slice;
    for (int64_t key = 0; key < range->keys && !more; key++) {
        const int64_t *codes = column_of(chunk, range->columns[key]).values;
        int64_t many = range->codes[key], wrong = 0;
        for (int64_t row = 0; row < chunk->length; row++) {
            uint32_t before = (uint32_t)numbers[row] * (uint32_t)many;
            wrong |= codes[row] < 0 || codes[row] >= many;
            numbers[row] = (int32_t)(before + (uint32_t)codes[row]);
        }
        more = wrong ? -1 : 0;
    }
    return more;
}

static inline int enlarge(int64_t **column, int64_t places)
{
    int64_t *larger = realloc(*column, (size_t)places * sizeof *larger);
    *column = larger ? larger : *column;
    return larger ? 0 : -1;
}

#endif
