/* Streams as Polars gives them, made of a table that is known: for sanitized_rows.c.

   All that they hold is in memory of just its size. What is of no row is by chance: what
   stands before the first row of a chunk, in place of a null, and around the bits that say
   which values are null. */

#ifndef TOCSIN_STREAMS_H
#define TOCSIN_STREAMS_H

/* ---- chance ---- */

static uint64_t seed;

static uint64_t any(void)
{
    uint64_t word = seed += 0x9e3779b97f4a7c15u;
    word = (word ^ word >> 32) * 0xd6e8feb86659fd93u;
    return word ^ word >> 32;
}

static int64_t below(int64_t most) { return (int64_t)(any() % (uint64_t)most); }

static int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }

static int coin(void) { return any() >> 32 & 1; }

/* Memory of just this size, of which any is in each byte. */
static void *filled(int64_t size)
{
    byte *made = malloc((size_t)size);
    expect(made || !size, "there is memory");
    for (int64_t i = 0; i < size; i++)
        made[i] = (byte)any();
    return made;
}

/* A copy in memory of just its size. */
static void *copy_of(const void *data, int64_t size)
{
    byte *copy = filled(size);
    if (size)
        memcpy(copy, data, (size_t)size);
    return copy;
}

/* ---- tables ---- */

enum { COLUMNS = 5, ROWS = 300, ITEMS = ROWS * 40, CHUNKS = 12, TEXTS = 40, LONGEST = 40 };

/* `columns` of whole numbers; or numbers, and a list of `items` for each row; or a text for
   each row, which the first column numbers. Row i is in the chunk before whose end it is. */
struct table {
    int64_t rows;
    int64_t columns;
    int64_t values[COLUMNS][ROWS];
    byte nulls[COLUMNS][ROWS];
    int64_t edges[ROWS + 1];
    int32_t items[ITEMS];
    byte texts[TEXTS][LONGEST];
    int64_t sizes[TEXTS];
    int64_t ends[CHUNKS];
    int64_t chunks;
};

static struct table table;

/* Begins a table of some rows, in some chunks, of which some are empty. */
static void draw_chunks(int64_t columns)
{
    memset(&table, 0, sizeof table);
    table.columns = columns;
    table.rows = below(4) ? below(ROWS + 1) : below(3);
    table.chunks = table.rows ? between(1, CHUNKS) : below(3);
    for (int64_t i = 0; i < table.chunks; i++)
        table.ends[i] = i + 1 < table.chunks ? below(table.rows + 1) : table.rows;
    for (int64_t i = 1; i < table.chunks; i++)
        for (int64_t k = i; k && table.ends[k] < table.ends[k - 1]; k--) {
            int64_t end = table.ends[k];
            table.ends[k] = table.ends[k - 1], table.ends[k - 1] = end;
        }
}

/* ---- arrays ---- */

/* What was given away, and not let go yet. */
static int64_t alive;

static void let_go(struct arrow_array *array)
{
    for (int64_t i = 0; i < array->children_count; i++) {
        if (array->children[i]->release)
            array->children[i]->release(array->children[i]);
        free(array->children[i]);
    }
    for (int64_t i = 0; i < array->buffers_count; i++)
        free((void *)array->buffers[i]);
    free(array->children);
    free(array->buffers);
    memset(array, 0xaa, sizeof *array);
    array->release = NULL;
    alive--;
}

static void make_array(struct arrow_array *array, int64_t length, int64_t buffers, int64_t children)
{
    *array = (struct arrow_array){.length = length, .offset = coin() ? below(20) : 0,
                                  .buffers_count = buffers, .children_count = children,
                                  .release = let_go};
    array->buffers = calloc((size_t)buffers + 1, sizeof *array->buffers);
    array->children = children ? calloc((size_t)children, sizeof *array->children) : NULL;
    expect(array->buffers && (array->children || !children), "there is memory");
    for (int64_t i = 0; i < children; i++) {
        array->children[i] = malloc(sizeof *array->children[i]);
        expect(array->children[i] != NULL, "there is memory");
    }
    alive++;
}

/* Says which rows are null, the first of them after so many bits: in some of the ways that
   there are, if none is. */
static void put_nulls(struct arrow_array *array, const byte *nulls, int64_t rows, int64_t skipped)
{
    byte *valid = filled((skipped + rows + 7) / 8);
    for (int64_t row = 0; row < rows; row++) {
        int64_t bit = skipped + row;
        array->null_count += nulls[row];
        valid[bit / 8] = (byte)((valid[bit / 8] & ~(1 << bit % 8)) | !nulls[row] << bit % 8);
    }
    array->buffers[0] = valid;
    if (!array->null_count && coin()) {
        free(valid);
        array->buffers[0] = NULL;
    }
    if (coin())
        array->null_count = -1; /* as Arrow says that it was not counted */
}

/* Rows of a column, the first after so many. */
static void make_column(struct arrow_array *array, int64_t column, int64_t first, int64_t rows,
                        int64_t before)
{
    make_array(array, before + rows, 2, 0);
    int64_t skipped = array->offset + before, *values = filled((skipped + rows) * 8);
    for (int64_t row = 0; row < rows; row++)
        if (!table.nulls[column][first + row])
            values[skipped + row] = table.values[column][first + row];
    array->buffers[1] = values;
    if (!(skipped + rows) && coin()) {
        free(values); /* what is empty need not be anywhere */
        array->buffers[1] = NULL;
    }
    put_nulls(array, table.nulls[column] + first, rows, skipped);
}

static void make_rows(struct arrow_array *array, int64_t first, int64_t rows)
{
    make_array(array, rows, 1, table.columns);
    for (int64_t i = 0; i < table.columns; i++)
        make_column(array->children[i], i, first, rows, array->offset);
}

/* Rows of a number and a list. */
static void make_lists(struct arrow_array *array, int64_t first, int64_t rows)
{
    make_array(array, rows, 1, 2);
    make_column(array->children[0], 0, first, rows, array->offset);
    struct arrow_array *lists = array->children[1], *inner;
    make_array(lists, array->offset + rows, 2, 1);
    int64_t skipped = lists->offset + array->offset, unused = below(9);
    int64_t items = table.edges[first + rows] - table.edges[first];
    int64_t *edges = filled((skipped + rows + 1) * 8);
    for (int64_t row = 0; row <= rows; row++)
        edges[skipped + row] = unused + table.edges[first + row] - table.edges[first];
    lists->buffers[1] = edges;
    make_array(inner = lists->children[0], unused + items, 2, 0);
    int32_t *values = filled((inner->offset + unused + items) * 4);
    memcpy(values + inner->offset + unused, table.items + table.edges[first], (size_t)items * 4);
    inner->buffers[1] = values;
}

/* Writes the view of a text, which if it is long is put into a buffer. */
static void put_text(byte *view, int64_t text, int32_t which, byte *buffer, int32_t *used)
{
    int32_t size = (int32_t)table.sizes[text];
    memset(view, 0, 16);
    memcpy(view, &size, 4);
    memcpy(view + 4, table.texts[text], size < 12 ? (size_t)size : 12);
    if (size > 12) {
        memcpy(view + 8, &which, 4);
        memcpy(view + 12, used, 4);
        memcpy(buffer + *used, table.texts[text], (size_t)size);
        *used += size;
    }
}

/* Texts, of which the long ones are spread over three buffers. */
static void make_texts(struct arrow_array *array, int64_t first, int64_t rows)
{
    enum { SPREAD = 3 };
    make_array(array, rows, SPREAD + 3, 0);
    int64_t *ends = filled(SPREAD * 8);
    byte *views = filled((array->offset + rows) * 16), *buffers[SPREAD];
    for (int32_t which = 0; which < SPREAD; which++) {
        int32_t used = 0;
        ends[which] = 0;
        for (int64_t row = which; row < rows; row += SPREAD) {
            int64_t size = table.sizes[table.values[0][first + row]];
            ends[which] += size > 12 && !table.nulls[0][first + row] ? size : 0;
        }
        array->buffers[2 + which] = buffers[which] = filled(ends[which]);
        for (int64_t row = which; row < rows; row += SPREAD)
            if (!table.nulls[0][first + row])
                put_text(views + (array->offset + row) * 16, table.values[0][first + row], which,
                         buffers[which], &used);
    }
    array->buffers[1] = views;
    array->buffers[2 + SPREAD] = ends;
    put_nulls(array, table.nulls[0] + first, rows, array->offset);
}

/* ---- streams ---- */

typedef void (*maker)(struct arrow_array *, int64_t, int64_t);

/* A type as Arrow writes it, with those of its parts. */
struct type {
    const char *format;
    int64_t children;
    const struct type *child[COLUMNS];
};

/* Gives the chunks of the table, unless it fails: at the schema, or after some of them. */
struct source {
    struct arrow_stream stream;
    struct type type;
    maker make;
    int64_t given;
    int64_t breaks_after;
    int unknown;
};

static void let_type_go(struct arrow_schema *schema)
{
    for (int64_t i = 0; i < schema->children_count; i++) {
        schema->children[i]->release(schema->children[i]);
        free(schema->children[i]);
    }
    free(schema->children);
    memset(schema, 0xaa, sizeof *schema);
    schema->release = NULL;
    alive--;
}

static void make_type(struct arrow_schema *schema, const struct type *type)
{
    *schema = (struct arrow_schema){.format = type->format, .name = "", .release = let_type_go,
                                    .children_count = type->children};
    alive++;
    if (!type->children)
        return;
    schema->children = calloc((size_t)type->children, sizeof *schema->children);
    expect(schema->children != NULL, "there is memory");
    for (int64_t i = 0; i < type->children; i++) {
        schema->children[i] = malloc(sizeof *schema->children[i]);
        expect(schema->children[i] != NULL, "there is memory");
        make_type(schema->children[i], type->child[i]);
    }
}

static int say_type(struct arrow_stream *stream, struct arrow_schema *schema)
{
    struct source *source = stream->own;
    memset(schema, 0xaa, sizeof *schema); /* nobody may look at it if there is none */
    if (!source->unknown)
        make_type(schema, &source->type);
    return source->unknown ? 5 : 0;
}

static int give_chunk(struct arrow_stream *stream, struct arrow_array *array)
{
    struct source *source = stream->own;
    int64_t chunk = source->given++;
    memset(array, 0xaa, sizeof *array);
    if (chunk == source->breaks_after)
        return 5;
    array->release = NULL;
    int64_t first = chunk ? table.ends[chunk - 1] : 0;
    if (source->make && chunk < table.chunks)
        source->make(array, first, table.ends[chunk] - first);
    return 0;
}

/* A stream of a type; without a maker it has no rows. */
static struct source source_of(struct type type, maker make)
{
    struct source source = {.type = type, .make = make, .breaks_after = -1};
    source.stream.get_schema = say_type;
    source.stream.get_next = give_chunk;
    return source;
}

#endif
