/* Columns handed over to Polars, which reads them as they are, without a copy. */

#include <stdlib.h>

#include "arrow.h"

static void let_schema_go(struct arrow_schema *schema)
{
    for (int64_t i = 0; i < schema->children_count; i++)
        if (schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
    free(schema->own);
    schema->release = NULL;
}

static void let_array_go(struct arrow_array *array)
{
    for (int64_t i = 0; i < array->children_count; i++) {
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    free(array->children);
    free(array->own);
    free(array->buffers);
    array->release = NULL;
}

/* Hands a column over, which its owner is to forget: whoever takes it frees it, at any time.
   It has no nulls. `format` is its type as Arrow writes it, and must outlive the schema.
   Returns -1 if there is no memory; then the column is its owner's still. */
int tocsin_hand_over(void *column, int64_t rows, const char *format,
                     struct arrow_schema *schema, struct arrow_array *array)
{
    const void **buffers = calloc(2, sizeof *buffers); /* the first: of nulls, there are none */
    if (!buffers)
        return -1;
    buffers[1] = column;
    *schema = (struct arrow_schema){.format = format, .release = let_schema_go};
    *array = (struct arrow_array){.length = rows, .buffers_count = 2, .buffers = buffers,
                                  .release = let_array_go, .own = column};
    return 0;
}

/* The one child of a schema, in the memory that is the schema's own. */
struct child {
    struct arrow_schema schema;
    struct arrow_schema *only;
};

/* Hands lists over, as above: list i are the values from `edges[i]` to `edges[i + 1]`, of
   the type `format`. Both columns are taken, or none is. */
int tocsin_hand_over_lists(int64_t *edges, void *values, int64_t rows, const char *format,
                           struct arrow_schema *schema, struct arrow_array *array)
{
    struct child *child = calloc(1, sizeof *child);
    struct arrow_array **arrays = calloc(1, sizeof *arrays);
    struct arrow_array *inner = calloc(1, sizeof *inner);
    int failed = !child || !arrays || !inner ||
                 tocsin_hand_over(edges, rows, "+L", schema, array);
    if (!failed && tocsin_hand_over(values, edges[rows], format, &child->schema, inner)) {
        free(array->buffers);
        failed = 1;
    }
    if (failed) {
        free(child);
        free(arrays);
        free(inner);
        return -1;
    }
    child->schema.name = "item";
    child->only = &child->schema;
    schema->own = child;
    schema->children = &child->only;
    schema->children_count = array->children_count = 1;
    array->children = arrays;
    arrays[0] = inner;
    return 0;
}

/* The checksum of the sources that this was built of, as Python reckons it: one of others
   is not used. */
#ifndef TOCSIN_SOURCE
#define TOCSIN_SOURCE 0
#endif
uint32_t tocsin_source(void) { return TOCSIN_SOURCE; }
