/* Rows counted and summed by number, in one pass: see rows.h. */

#include "rows.h"

/* Filled in: the numbers that have rows, range by range and in order, how many rows each
   has, and what their values come to. */
struct tally {
    int64_t found;
    int64_t *at;
    int64_t *n;
    int64_t *sum;
};

/* Wraps, as sums of Polars do: whether they fit is its caller's to know. */
static int64_t plus(int64_t one, int64_t other)
{
    return (int64_t)((uint64_t)one + (uint64_t)other);
}

/* Counts the rows of each slice of a range without keys: as many as are side by side. */
static int count_runs(const struct arrow_array *chunk, const struct range *range, int64_t *n)
{
    struct run run = {0, 0, 0};
    int more;
    while ((more = next_run(chunk, range, &run)) > 0)
        n[run.slice] += run.end - run.start;
    return more;
}

/* Counts the rows of a chunk at their numbers, and sums their values. */
static int count_rows(const struct arrow_array *chunk, const struct range *range,
                      int32_t *numbers, int64_t *n, int64_t *sum)
{
    if (range->value < 0 && !range->keys)
        return count_runs(chunk, range, n);
    if (place(chunk, range, numbers))
        return -1;
    if (range->value < 0) {
        for (int64_t row = 0; row < chunk->length; row++)
            n[numbers[row]]++;
        return 0;
    }
    struct column values = column_of(chunk, range->value);
    for (int64_t row = 0; row < chunk->length; row++)
        if (has(&values, row)) {
            n[numbers[row]]++;
            sum[numbers[row]] = plus(sum[numbers[row]], values.values[row]);
        }
    return 0;
}

static int make_places(struct tally *tally, int64_t more)
{
    int64_t places = tally->found + more + 1;
    return enlarge(&tally->at, places) || enlarge(&tally->n, places) ||
           enlarge(&tally->sum, places);
}

static void put(struct tally *tally, int64_t at, int64_t n, int64_t sum)
{
    tally->at[tally->found] = at;
    tally->n[tally->found] = n;
    tally->sum[tally->found++] = sum;
}

/* Puts the numbers that have rows behind those that were found before. */
static int put_found(struct tally *tally, struct range *range, const int64_t *n,
                     const int64_t *sum, int64_t size)
{
    range->found = 0;
    for (int64_t number = 0; number < size; number++)
        range->found += n[number] > 0;
    if (make_places(tally, range->found))
        return -1;
    for (int64_t number = 0; number < size; number++)
        if (n[number])
            put(tally, range->base + number, n[number], sum ? sum[number] : 0);
    return 0;
}

/* Puts what another range has at its numbers. */
static int put_same(struct tally *tally, struct range *range, const struct range *twin)
{
    range->found = twin->found;
    if (make_places(tally, twin->found))
        return -1;
    for (int64_t i = twin->start; i < twin->start + twin->found; i++)
        put(tally, tally->at[i] - twin->base + range->base, tally->n[i], tally->sum[i]);
    return 0;
}

static int tally_range(const struct rows *rows, struct range *range, int32_t *numbers,
                       struct tally *tally)
{
    int64_t size = size_of(range);
    if (size < 0)
        return -1;
    int64_t *n = calloc((size_t)size + 1, sizeof *n), *sum = NULL;
    if (range->value >= 0)
        sum = calloc((size_t)size + 1, sizeof *sum);
    int failed = !n || (range->value >= 0 && !sum);
    for (int64_t i = 0; i < rows->count && !failed; i++)
        failed = count_rows(rows->chunks + i, range, numbers, n, sum);
    failed = failed || put_found(tally, range, n, sum, size);
    free(n);
    free(sum);
    return failed ? -1 : 0;
}

/* Puts what the rows of range `i` come to, or what its twin has. */
static int put_range(const struct rows *rows, struct range *ranges, int64_t i, int32_t *numbers,
                     struct tally *tally)
{
    struct range *range = ranges + i;
    range->start = tally->found;
    if (range->twin >= i)
        return -1;
    if (range->twin >= 0)
        return put_same(tally, range, ranges + range->twin);
    return tally_range(rows, range, numbers, tally);
}

/* Counts and sums the rows of a stream for some ranges. Returns -1 if a row is out of range,
   a range too large, a twin none before it, or there is no memory. What was made is to be
   freed in any case. */
int tocsin_tally(struct arrow_stream *stream, struct range *ranges, int64_t count,
                 struct tally *tally)
{
    struct rows rows = {NULL, 0, 0, 0};
    int64_t columns = 1;
    for (int64_t i = 0; i < count; i++)
        columns = columns_of(ranges + i) > columns ? columns_of(ranges + i) : columns;
    int failed = !is_of(stream, "l", columns) || take_rows(stream, &rows);
    int32_t *numbers = failed ? NULL : malloc((size_t)(rows.longest + 1) * sizeof *numbers);
    failed = failed || !numbers;
    for (int64_t i = 0; i < count && !failed; i++)
        failed = put_range(&rows, ranges, i, numbers, tally);
    free(numbers);
    free_rows(&rows);
    return failed ? -1 : 0;
}

void tocsin_free_tally(struct tally *tally)
{
    free(tally->at);
    free(tally->n);
    free(tally->sum);
}
